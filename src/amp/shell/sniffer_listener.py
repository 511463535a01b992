"""A listener that speaks the sniffers' protocol, so that their clients can use amp in a sniffer's place."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import attrs
import trio

from amp.core.admission.admission import Visit
from amp.core.ami.auth import User
from amp.core.voipmonitor.cipher import SnifferKey
from amp.core.voipmonitor.exchange_events import ExchangeFailed
from amp.core.voipmonitor.hiding import shown_problem
from amp.core.voipmonitor.listener import Answered, CommandAsked, ListenerConnection
from amp.core.voipmonitor.relay import ReplyRelay
from amp.core.voipmonitor.reply_encoder import encode_reply
from amp.core.voipmonitor.rights import SnifferGrant
from amp.shell.log import get_logger
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.sniffer import Answer, Sniffer
from amp.shell.sniffer_desk import audit
from amp.shell.wire import Wire

__all__ = ["SnifferDoor"]

LINGER_S: Final = 1.0
"""How long a finished connection waits for its client's end: closing on unread bytes would reset it, and the
reset may overtake the reply."""

RESET: Final = struct.pack("ii", 1, 0)


@attrs.frozen(kw_only=True)
class SnifferDoor:
    """What one such listener offers.

    Attributes:
        sniffer: the one in whose place it stands.
        user: whose rights its clients have, as of today; ``None`` if that user is gone.
        key: the listener's own; ``None``: everything is plain.
        local: it is a unix socket, where plain requests may be anything although there is a key.
        limits: of a client's output.
    """

    sniffer: Sniffer
    user: Callable[[], User | None]
    key: SnifferKey | None
    local: bool
    limits: OutletLimits

    async def serve(self, wire: Wire, visit: Visit) -> None:
        """One connection: one request, its reply, and the end. Network trouble ends it quietly."""
        scope = trio.CancelScope()
        outlet = Outlet(wire, self.limits, lambda _: scope.cancel())
        try:
            with scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(outlet.flush_forever)
                    if await self._work(wire, outlet, visit):
                        await outlet.drain()
                        wire.end_output()
                        with trio.move_on_after(LINGER_S):
                            while await wire.receive():
                                pass
                    else:
                        _reset(wire)
                    nursery.cancel_scope.cancel()
        except* OSError:
            pass
        except* Exception:
            get_logger().exception("sniffer_listener_failed", sniffer=self.sniffer.name)
        finally:
            outlet.detach()
            wire.close()

    async def _work(self, wire: Wire, outlet: Outlet, visit: Visit) -> bool:
        """Answer the request; ``False`` if the reply broke off and must not look complete."""
        user = self.user()
        refusal = visit.judge(user.name if user is not None else None, trio.current_time())
        if user is None or refusal.refusal:
            return True
        asked = await self._request(wire, user.sniffers)
        if isinstance(asked, Answered):
            outlet.offer(asked.data)
            get_logger().info(
                "sniffer_request", user=user.name, sniffer=self.sniffer.name, answered=asked.reason
            )
            return True
        failed, size = await self._answer(asked, user, outlet)
        if failed is not None and not size:
            outlet.offer(encode_reply(_words(failed, user.sniffers), asked.cipher))
            return True
        return failed is None

    async def _answer(
        self, asked: CommandAsked, user: User, outlet: Outlet
    ) -> tuple[ExchangeFailed | None, int]:
        """Ask the sniffer and pass its reply on; gives what went wrong, and how many bytes went out."""
        relay = ReplyRelay(asked.command, asked.cipher, user.sniffers)
        begun, sent_before, result = trio.current_time(), outlet.bytes_out, "the client left"
        try:
            async with self.sniffer.ask(asked.command, unpack=relay.unpack) as answer:
                size = await _relay(answer, relay, outlet)
            result = "done" if answer.failure is None else answer.failure.message
            return answer.failure, size
        finally:
            size = outlet.bytes_out - sent_before
            audit(self.sniffer, user.name, asked.command, result, size, begun)

    async def _request(self, wire: Wire, grant: SnifferGrant) -> CommandAsked | Answered:
        connection = ListenerConnection(
            key=self.key, grant=grant, plain_everything=self.local, now=trio.current_time()
        )
        while True:
            event = connection.next_event()
            if isinstance(event, CommandAsked | Answered):
                return event
            with trio.move_on_at(connection.next_deadline()):
                connection.receive_data(await wire.receive(), trio.current_time())
                continue
            connection.handle_timeout(trio.current_time())


async def _relay(answer: Answer, relay: ReplyRelay, outlet: Outlet) -> int:
    """Pass a reply on, no faster than the client takes it. Gives the bytes that went out."""
    size = 0
    while piece := await answer.piece():
        data = relay.feed(piece)
        size += len(data)
        outlet.offer(data)
        await outlet.drain()
    if answer.failure is None:
        rest = relay.finish()
        size += len(rest)
        outlet.offer(rest)
    return size


def _words(failed: ExchangeFailed, grant: SnifferGrant) -> bytes:
    return f"error: {shown_problem(failed.message, grant)}\n".encode()


def _reset(wire: Wire) -> None:
    """Close so that the client sees a broken connection and no end of a reply."""
    with suppress(OSError):
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

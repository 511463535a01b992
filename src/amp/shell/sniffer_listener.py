"""A listener that speaks the sniffers' protocol, so that their clients can use amp in a sniffer's place."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable
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
from amp.shell.client_totals import SLOW
from amp.shell.delivery import Delivery
from amp.shell.log import get_logger
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.sniffer import Sniffer
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
        server: the name of the one in whose place it stands.
        sniffer: that one; ``None`` while the database does not name it.
        user: whose rights its clients have, as of today; ``None`` if that user is gone.
        key: the listener's own; ``None``: everything is plain.
        local: it is a unix socket, where plain requests may be anything although there is a key.
        limits: of a client's output, as of today.
    """

    server: str
    sniffer: Callable[[], Sniffer | None]
    user: Callable[[], User | None]
    key: SnifferKey | None
    local: bool
    limits: Callable[[], OutletLimits]

    async def serve(self, wire: Wire, visit: Visit, cut: Callable[[str], None]) -> None:
        """One connection: one request, its reply, and the end. Network trouble ends it quietly.

        Args:
            cut: cancels it.
        """
        limits = self.limits()
        outlet = Outlet(wire, limits, cut)
        delivery, whole = Delivery(outlet, limits), False
        try:
            if await self._work(wire, outlet, delivery, visit):
                await delivery.settle(outlet.flush)
                whole = not outlet.dead
                await _linger(wire)
        except OSError:
            pass
        except Exception:
            get_logger().exception("sniffer_listener_failed", sniffer=self.server)
        finally:
            outlet.detach()
            if not whole:
                _reset(wire)
            wire.close()

    async def _work(self, wire: Wire, outlet: Outlet, delivery: Delivery, visit: Visit) -> bool:
        """Answer the request; ``False`` if there is no reply, or one that broke off: an end must not pass for
        one."""
        user = self.user()
        if user is None:
            visit.judge(None, trio.current_time())
            return False
        asked = await self._request(wire, user.sniffers)
        # Not before: who connects and says nothing must not take the places of those who do.
        if visit.judge(user.name, trio.current_time()).refusal:
            return False
        if isinstance(asked, Answered):
            outlet.offer(asked.data)
            self._log_own(user, asked.reason)
            return True
        sniffer = self.sniffer()
        if sniffer is None:
            problem = f"there is no sniffer {self.server} now"
            outlet.offer(encode_reply(f"error: {problem}\n".encode(), asked.cipher))
            self._log_own(user, problem)
            return True
        failed, size = await self._answer(sniffer, asked, user, outlet, delivery)
        if failed is not None and not size:
            outlet.offer(encode_reply(_words(failed, user.sniffers), asked.cipher))
            return True
        return failed is None

    def _log_own(self, user: User, answered: str) -> None:
        """An answer that no sniffer was asked for."""
        get_logger().info("sniffer_request", user=user.name, sniffer=self.server, answered=answered)

    async def _answer(
        self, sniffer: Sniffer, asked: CommandAsked, user: User, outlet: Outlet, delivery: Delivery
    ) -> tuple[ExchangeFailed | None, int]:
        """Ask the sniffer and pass its reply on; gives what went wrong, and how many bytes went out."""
        relay = ReplyRelay(asked.command, asked.cipher, user.sniffers)
        begun, before, result = trio.current_time(), outlet.bytes_out, "the client left"

        def take(piece: bytes) -> Awaitable[None] | None:
            outlet.offer(relay.feed(piece))
            # No faster than the client takes it.
            return delivery.settle(outlet.flush) if outlet.pending_bytes else None

        try:
            failed = await sniffer.relay(asked.command, take, unpack=relay.unpack)
            if failed is None:
                outlet.offer(relay.finish())
            result = "done" if failed is None else failed.message
            return failed, outlet.bytes_out + outlet.pending_bytes - before
        finally:
            if outlet.reason.startswith(SLOW):
                result = outlet.reason
            audit(sniffer, user.name, asked.command, result, outlet.bytes_out - before, begun)

    async def _request(self, wire: Wire, grant: SnifferGrant) -> CommandAsked | Answered:
        connection = ListenerConnection(
            key=self.key, grant=grant, plain_everything=self.local, now=trio.current_time()
        )
        data = wire.receive_now()  # nearly always it came with the connection
        while True:
            if data is not None:
                connection.receive_data(data, trio.current_time())
            event = connection.next_event()
            if isinstance(event, CommandAsked | Answered):
                return event
            data = None
            with trio.move_on_at(connection.next_deadline()):
                data = await wire.receive()
            if data is None:
                connection.handle_timeout(trio.current_time())


async def _linger(wire: Wire) -> None:
    """Say that this was all, and wait for the client to close."""
    wire.end_output()
    with trio.move_on_after(LINGER_S):
        while await wire.receive():
            pass


def _words(failed: ExchangeFailed, grant: SnifferGrant) -> bytes:
    return f"error: {shown_problem(failed.message, grant)}\n".encode()


def _reset(wire: Wire) -> None:
    """Close so that the client sees a broken connection and no end of a reply."""
    with suppress(OSError):
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

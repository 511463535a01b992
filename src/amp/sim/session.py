"""One client's connection to the simulated Asterisk."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

import attrs
import trio

from amp.core.ami.frame import Frame
from amp.sim.events import header_block
from amp.sim.outbox import Outbox
from amp.sim.reader import BadMessage, ManagerReader

if TYPE_CHECKING:
    from amp.sim.asterisk import SimAsterisk

__all__ = ["ManagerSession", "SimUser"]

GREETING: Final = b"Asterisk Call Manager/11.0.0\r\n"
READ_BYTES: Final = 65536
HELD_BYTES: Final = 64 << 20
"""How much a busy session may hold back; Asterisk knows no limit."""
BEFORE_LOGIN: Final = {b"login", b"logoff", b"challenge"}


@attrs.frozen
class SimUser:
    """An account of the simulated Asterisk.

    Attributes:
        read, write: permission masks (see `amp.sim.classes`).
    """

    name: bytes
    secret: bytes = attrs.field(repr=False)
    read: int
    write: int


class ManagerSession:
    """One connection, worked as Asterisk's session thread does: one action at a time, events in between.

    While an action runs the session's events are held, and follow its answer (recording
    "originate-sync-blocks"); so an answer or a list never has an event inside.

    Attributes:
        user: who signed in; ``None`` before.
        mask: the classes that the client asked for; ``event_mask`` is what it gets of them.
        challenge: what Challenge drew; the same when asked twice.
        remote, local: addresses as the security events write them.
    """

    def __init__(self, server: SimAsterisk, stream: trio.SocketStream, number: int) -> None:
        self.server = server
        self.number = number
        self.user: SimUser | None = None
        self.mask = 0
        self.event_mask = 0
        self.challenge = b""
        self.local = _address(stream.socket.getsockname())
        self.remote = _address(stream.socket.getpeername())
        self._stream = stream
        self._reader = ManagerReader()
        self._scope = trio.CancelScope()
        self._frozen_s: float | None = None
        self._busy = False
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._event_came = trio.Event()
        self._closing = False
        self.outbox = Outbox(
            stream.socket,
            write_timeout_s=server.write_timeout_s,
            limit_bytes=server.outbox_bytes,
            on_cut=self._cut,
        )

    async def run(self) -> None:
        """Greet, then work actions until the client is gone, logged off or hung up on."""
        self._scope.deadline = trio.current_time() + self.server.auth_timeout_s
        if self.server.faults.stalled:
            self.freeze()
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.outbox.flush_forever)
                self.outbox.send(GREETING)
                await self._work()
                with trio.move_on_after(self.server.write_timeout_s):
                    await self.outbox.drained()
                nursery.cancel_scope.cancel()
        self.outbox.close()

    def deliver(self, data: bytes) -> None:
        """Give the client events; they wait while an action of it is being worked."""
        if not self._busy:
            self.outbox.send(data)
            return
        self._held.append(data)
        self._held_bytes += len(data)
        self._event_came.set()
        if self._held_bytes > HELD_BYTES:
            self.outbox.cut("too much to hold")

    def send(self, data: bytes) -> None:
        """Send bytes of an answer."""
        if not self.server.faults.mute:
            self.outbox.send(data)

    def respond(self, request: Frame, *headers: tuple[bytes, bytes], kind: bytes = b"Success") -> None:
        """Answer a request: ``Response``, ``ActionID`` if it had one, then these headers."""
        self.send(b"Response: %s\r\n%s%s\r\n" % (kind, action_id_line(request), header_block(*headers)))

    def ack(self, request: Frame, text: bytes) -> None:
        """Answer Success with a message."""
        self.respond(request, (b"Message", text))

    def error(self, request: Frame, text: bytes) -> None:
        """Answer Error with a message."""
        self.respond(request, (b"Message", text), kind=b"Error")

    def sign_in(self, user: SimUser, mask: int) -> None:
        """The client is known from here on; the time limit for signing in ends."""
        self.user = user
        self._scope.deadline = math.inf
        self.set_mask(mask)

    def set_mask(self, mask: int) -> None:
        """Choose which classes of events the client wants."""
        self.mask = mask
        self.event_mask = mask & self.user.read if self.user else 0

    def hang_up(self) -> None:
        """End after what was sent; what the client sent behind is not worked any more."""
        self._closing = True

    def freeze(self) -> None:
        """Write nothing and let no time limit pass, till ``thaw``."""
        self.outbox.pause()
        if self._frozen_s is None:
            self._frozen_s = self._scope.deadline - trio.current_time()
            self._scope.deadline = math.inf

    def thaw(self) -> None:
        """Go on where it was frozen."""
        if self._frozen_s is not None:
            self._scope.deadline = trio.current_time() + self._frozen_s
            self._frozen_s = None
        self.outbox.resume()

    def abort(self) -> None:
        """End at once, in the middle of whatever is being sent."""
        self.outbox.close()
        self._scope.cancel()

    async def wait_for_event(self, timeout_s: float) -> None:
        """Wait for an event for this client, or for bytes from it, at most so long."""
        if self._held:
            return
        self._event_came = trio.Event()
        with trio.move_on_after(timeout_s):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._cancel_when_readable, nursery.cancel_scope)
                await self._event_came.wait()
                nursery.cancel_scope.cancel()

    def flush_held(self) -> None:
        """Send the events that were held."""
        held, self._held, self._held_bytes = self._held, [], 0
        self.outbox.send(b"".join(held))

    async def _cancel_when_readable(self, scope: trio.CancelScope) -> None:
        await trio.lowlevel.wait_readable(self._stream.socket)
        scope.cancel()

    async def _work(self) -> None:
        while not self._closing:
            message = self._reader.next_message()
            if message is not None:
                await self._work_one(message)
                continue
            await self.server.faults.unstalled()
            with contextlib.suppress(trio.BrokenResourceError):
                if data := await self._stream.receive_some(READ_BYTES):
                    self._reader.feed(data)
                    continue
            # Half a message is dropped without a word (recording "half-message-then-close").
            return

    async def _work_one(self, message: Frame | BadMessage) -> None:
        self._busy = True
        try:
            await self.server.faults.before_action()
            if isinstance(message, BadMessage):
                self.error(message.frame, message.text)
            else:
                await self._act(message)
            self.server.actions_worked += 1
        finally:
            self._busy = False
        if self._held:
            self.flush_held()
        # Asterisk's thread sits in a write till the client takes it: no further action meanwhile.
        await self.outbox.drained(READ_BYTES)

    async def _act(self, request: Frame) -> None:
        name = request.get(b"Action") or b""
        if not name:
            self.error(request, b"Missing action in request")
            return
        if self.user is None and name.lower() not in BEFORE_LOGIN:
            self.error(request, b"Permission denied")
            return
        action = self.server.actions.get(name.lower())
        if action is None:
            hint = b"Use Action: ListCommands to show available commands."
            self.error(request, b"Invalid/unknown command: %s. %s" % (name, hint))
        elif action.needs and self.user is not None and not self.user.write & action.needs:
            self.error(request, b"Permission denied")
        else:
            result = action.run(self, request)
            if inspect.isawaitable(result):
                await _finish(result)

    def _cut(self, reason: str) -> None:
        self.server.note_cut(self, reason)
        self._scope.cancel()


def action_id_line(request: Frame) -> bytes:
    """The ``ActionID`` header line of an answer to this request; empty if it had none."""
    action_id = request.get(b"ActionID")
    return b"ActionID: %s\r\n" % action_id if action_id else b""


async def _finish(result: Awaitable[None]) -> None:
    await result


def _address(address: tuple[str, int] | tuple[str, int, int, int]) -> bytes:
    host, port = address[:2]
    family = "IPV6" if ":" in host else "IPV4"
    return f"{family}/TCP/{host}/{port}".encode()

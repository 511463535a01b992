"""One AMI session with an Asterisk: connect, sign in, carry bytes until it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import attrs
import trio

from amp.core.ami.framing import NEED_DATA
from amp.core.ami.upstream import UpstreamConnection
from amp.core.ami.upstream_events import (
    Closed,
    FramesReceived,
    Greeted,
    LoginAccepted,
    LoginRefused,
    SendData,
)
from amp.core.fanout.events import TERMINATOR, Frames
from amp.core.routing.commands import LinkRole, OpenLink
from amp.core.stats import ServerStats
from amp.errors import RemoteProtocolError
from amp.shell.glance import Glances
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.reach import Reach
from amp.shell.tracing import Tracing
from amp.shell.wire import Wire

__all__ = ["Link", "LinkOwner", "LinkSettings"]

LOOKS: Final = 8
"""How often the rest of a frame is looked for; one look costs about a microsecond."""

SMALL_READ_BYTES: Final = 4096
"""A read below this may be a piece of an answer; above, a stream flows, and the loop must have its turn."""


class LinkOwner(Protocol):
    """Who is told what a link does. Every method is synchronous; after `link_ended` no other is called."""

    def link_connected(self, link: Link) -> None:
        """The TCP connection stands; the login begins."""

    def link_ready(self, link: Link, version: str) -> None:
        """The login was accepted."""

    def link_frames(self, link: Link, frames: Frames) -> None:
        """Frames of one read, in order, without the closing blank line."""

    def link_ended(self, link: Link, reason: str, *, refused: bool) -> None:
        """The link is over: refused at login, or lost."""

    def is_heavy(self) -> bool:
        """Whether some client has a backlog."""

    async def make_way(self) -> None:
        """Let the clients catch up before more is read, bounded (the patience rule)."""


@attrs.frozen(kw_only=True)
class LinkSettings:
    """How to reach and enter one server."""

    reach: Reach
    connection: Callable[[OpenLink, float], UpstreamConnection]
    """Makes the protocol side of a new link, given the command and the time."""
    limits: OutletLimits
    stats: ServerStats = attrs.field(factory=ServerStats)
    """Counts what all links of the server carry."""
    tracing: Tracing = attrs.field(factory=Tracing)
    """What is told of its bytes."""


class _Ended(Exception):  # noqa: N818 - not an error: how the tasks of a link leave their nursery
    """The link is over. Never leaves this file."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class Link:
    """One link, from `OpenLink` to its end. Make it, start `run`, and `close` it at any time."""

    def __init__(self, command: OpenLink, settings: LinkSettings, owner: LinkOwner) -> None:
        self.server = command.server
        self.number = command.link
        self.role = command.role
        self.local_address = ""
        """Our end as Asterisk writes it in ``RemoteAddress``: ``IPV4/TCP/127.0.0.1/59688``."""
        self._command = command
        self._settings = settings
        self._stats = settings.stats
        self._owner = owner
        self._scope = trio.CancelScope()
        self._outlet: Outlet | None = None
        self._connection: UpstreamConnection | None = None
        self._wire: Wire | None = None
        self._glances = Glances()
        self._cut_reason = ""
        self._bug: Exception | None = None
        self._version = ""
        self._ready = False
        self._rearm = trio.Event()

    def send(self, data: bytes, silent_until: float = 0.0) -> None:
        """Offer bytes to the server; ignored before the link is connected and after its end.

        Args:
            data: whole actions.
            silent_until: the server may rightly say nothing until then, in monotonic seconds.
        """
        if self._outlet is not None:
            self._stats.bytes_out += len(data)
            self._outlet.offer(data)
        if silent_until and self._connection is not None:
            self._connection.expect_silence(silent_until)

    def glance(self) -> bool:
        """Look for the answer to what was just sent, where answers come at once: see `Glances`.

        Whoever asks calls this, and never learns what is wrong with the link: that is the end of the link.

        Returns:
            Whether anything came.
        """
        wire, connection = self._wire, self._connection
        if wire is None or connection is None or not self._ready or self._owner.is_heavy():
            return False
        try:
            data = self._glances.look(wire)
            if data:  # an end is left to the reader, which sees it as well
                self._take(_whole(wire, data), connection)
        except (OSError, RemoteProtocolError) as error:
            self._on_cut(str(error))
            return False
        except Exception as error:
            self._bug = error
            self._scope.cancel()
            return False
        return bool(data)

    def close(self) -> None:
        """End it now and tell nobody. Idempotent."""
        if self._outlet is not None:
            self._outlet.detach()
        self._scope.cancel()

    async def run(self) -> None:
        """Live from the delay to the end; tells the owner unless `close` came first."""
        reason, refused = "", False
        with self._scope:
            try:
                await trio.sleep(self._command.delay_s)
                await self._connect_and_talk()
            except* _Ended as group:
                reason, refused = _first(group)
            except* (OSError, RemoteProtocolError) as group:
                reason = "; ".join(str(error) for error in group.exceptions)
        if self._bug is not None:
            raise self._bug
        if self._cut_reason:
            reason = self._cut_reason
        elif self._scope.cancelled_caught:
            return
        self._owner.link_ended(self, reason, refused=refused)

    async def _connect_and_talk(self) -> None:
        reach, leads = self._settings.reach, self.role is LinkRole.EVENTS
        wire = await (reach.lead() if leads else reach.follow())
        wire = self._settings.tracing.wrap(wire, server=self.server, link=self.number)
        try:
            await self._talk(wire)
        finally:
            wire.close()
            if leads and not self._ready:
                reach.failed()

    async def _talk(self, wire: Wire) -> None:
        self._wire = wire
        self._outlet = outlet = Outlet(wire, self._settings.limits, self._on_cut)
        self.local_address = _asterisk_address(wire.sock.getsockname())
        self._owner.link_connected(self)
        self._connection = connection = self._settings.connection(self._command, trio.current_time())
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(outlet.flush_forever)
                nursery.start_soon(self._mind_deadlines, connection)
                await self._read(wire, connection)
        finally:
            outlet.detach()
            self._wire = None  # it is closed next, and nobody may look at it any more

    async def _read(self, wire: Wire, connection: UpstreamConnection) -> None:
        while True:
            self._take(_whole(wire, await wire.receive()), connection)
            if self._owner.is_heavy():
                await self._owner.make_way()

    def _take(self, data: bytes, connection: UpstreamConnection) -> None:
        self._stats.bytes_in += len(data)
        connection.receive_data(data, trio.current_time())
        self._carry_out(connection)
        if not data:
            raise _Ended("closed by the server")

    async def _mind_deadlines(self, connection: UpstreamConnection) -> None:
        while True:
            self._rearm = trio.Event()
            with trio.move_on_at(connection.next_deadline()):
                await self._rearm.wait()
            await trio.lowlevel.checkpoint()  # the answer may lie in the socket: the reader goes first
            now = trio.current_time()
            if now >= connection.next_deadline():
                connection.handle_timeout(now)
                self._carry_out(connection)

    def _carry_out(self, connection: UpstreamConnection) -> None:
        while (event := connection.next_event()) is not NEED_DATA:
            if type(event) is FramesReceived:  # nearly always; a pattern takes 2,000 instructions
                self._stats.frames_in += len(event.frames)
                self._owner.link_frames(self, event.frames)
                continue
            match event:
                case SendData(data):
                    self.send(data)
                case Greeted(version):
                    self._version = version
                case LoginAccepted():
                    self._ready = True
                    if self.role is LinkRole.EVENTS:
                        self._settings.reach.worked()
                    self._rearm.set()
                    self._owner.link_ready(self, self._version)
                case LoginRefused(message):
                    raise _Ended(message, refused=True)
                case Closed():
                    return

    def _on_cut(self, reason: str) -> None:
        self._cut_reason = reason
        self._scope.cancel()


def _whole(wire: Wire, data: bytes) -> bytes:
    """What one read gave, and the rest of its last frame if that comes at once.

    Asterisk writes an answer in pieces, microseconds apart (captures/asterisk-22/FACTS.md, "Bytes on the
    wire"). Looking again is cheaper than a turn of the event loop for each.
    """
    for _ in range(LOOKS):
        if not data or len(data) >= SMALL_READ_BYTES or data.endswith(TERMINATOR):
            break
        piece = wire.receive_now()
        if piece == b"":
            break  # the next read sees the end as well
        data += piece or b""
    return data


def _first(group: BaseExceptionGroup[_Ended]) -> tuple[str, bool]:
    error = group.exceptions[0]
    if isinstance(error, BaseExceptionGroup):
        return _first(error)
    return str(error), error.refused


def _asterisk_address(name: object) -> str:
    """A socket's name in Asterisk's form; ``""`` for anything but TCP (source: recording login-ok)."""
    match name:
        case (str(host), int(port)):
            return f"IPV4/TCP/{host}/{port}"
        case (str(host), int(port), _, _):
            return f"IPV6/TCP/{host}/{port}"
        case _:
            return ""

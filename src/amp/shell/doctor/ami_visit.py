"""One short AMI session: sign in, ask a few things in turn, sign off. No link, no router, no repeat."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import attrs
import trio

from amp.core.ami.frame import Frame, encode
from amp.core.ami.framing import NEED_DATA
from amp.core.ami.upstream import UpstreamConnection
from amp.core.ami.upstream_events import FramesReceived, Greeted, LoginAccepted, LoginRefused, SendData
from amp.shell.wire import Wire

__all__ = ["AmiVisit"]

OWN: Final = b"amp-doctor-"


@attrs.define(eq=False)
class AmiVisit:
    """A session on a connection that somebody else opens, bounds in time and closes.

    Attributes:
        wire: connected.
        connection: the protocol side, new.
        version: of the server's interface, once it greeted.
        booted: whether its FullyBooted came.
    """

    wire: Wire
    connection: UpstreamConnection
    version: str = attrs.field(default="", init=False)
    booted: bool = attrs.field(default=False, init=False)
    _accepted: bool = attrs.field(default=False, init=False)
    _refusal: str = attrs.field(default="", init=False)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1), init=False)

    async def sign_in(self) -> str:
        """Sign in.

        Returns:
            The server's words if it refuses; ``""`` if we are in.

        Raises:
            OSError: the connection ended.
            RemoteProtocolError: this is no manager interface.
        """
        while not self._accepted and not self._refusal:
            await self._receive()
        return self._refusal

    async def ask(self, action: bytes, *headers: tuple[bytes, bytes]) -> Frame:
        """Send one action, which must only read, and wait for its answer of one frame.

        Raises: see `sign_in`.
        """
        action_id = b"%s%d" % (OWN, next(self._numbers))
        await self._send(encode(Frame(((b"Action", action), (b"ActionID", action_id), *headers))))
        while True:
            for frame in await self._receive():
                if frame.get(b"ActionID") == action_id:
                    return frame

    async def sign_off(self) -> None:
        """Say goodbye, which nobody needs to answer."""
        await self._send(encode(Frame(((b"Action", b"Logoff"),))))

    async def _receive(self) -> list[Frame]:
        """What one read gave, once we are in."""
        data = await self.wire.receive()
        self.connection.receive_data(data, trio.current_time())
        frames: list[Frame] = []
        while (event := self.connection.next_event()) is not NEED_DATA:
            match event:
                case SendData(data=out):
                    await self._send(out)
                case Greeted(version):
                    self.version = version
                case LoginAccepted():
                    self._accepted = True
                case LoginRefused(message):
                    self._refusal = message
                    break
                case FramesReceived():
                    frames += map(Frame.parse, event.frames)
        self.booted |= any(frame.get(b"Event") == b"FullyBooted" for frame in frames)
        if not data:
            raise ConnectionError("the server closed the connection")
        return frames

    async def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest := rest[self.wire.write_now(rest) :]:
            await trio.lowlevel.wait_writable(self.wire.sock)

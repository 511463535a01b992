"""A TCP relay between amp and an Asterisk, so that one link can be cut while the others live."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio

from real.background import in_background

__all__ = ["Link", "Relay", "open_relay"]


@attrs.define(eq=False)
class Link:
    """One connection that amp opened to the server.

    Attributes:
        sent: what amp sent over it so far.
    """

    _amp: trio.SocketStream
    _server: trio.SocketStream
    sent: bytearray = attrs.field(factory=bytearray)
    open: bool = True

    @property
    def is_action_link(self) -> bool:
        """True once amp has signed in without events on it."""
        return b"\nevents: off\r\n" in bytes(self.sent).lower()

    @property
    def is_event_link(self) -> bool:
        """True once amp has signed in, events wanted, on it."""
        return b"\naction: login\r\n" in b"\n" + bytes(self.sent).lower() and not self.is_action_link

    def cut(self) -> None:
        """Reset both sides, as a firewall or a dying process does."""
        self.open = False
        for stream in (self._amp, self._server):
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.socket.close()

    async def run(self) -> None:
        """Carry bytes both ways until either side ends."""
        async with trio.open_nursery() as nursery, self._amp, self._server:
            nursery.start_soon(self._carry, self._server, self._amp, None, nursery.cancel_scope)
            await self._carry(self._amp, self._server, self.sent, nursery.cancel_scope)
        self.open = False

    async def _carry(
        self,
        source: trio.SocketStream,
        sink: trio.SocketStream,
        copy: bytearray | None,
        scope: trio.CancelScope,
    ) -> None:
        try:
            while data := await source.receive_some(1 << 16):
                if copy is not None:
                    copy += data
                await sink.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()


@attrs.define(eq=False)
class Relay:
    """Where amp connects to instead of the server, and the links it has made."""

    port: int
    links: list[Link] = attrs.field(factory=list)

    def action_links(self) -> list[Link]:
        """The open links that carry actions."""
        return [link for link in self.links if link.open and link.is_action_link]

    def event_link(self) -> Link:
        """The one open link that carries events."""
        (link,) = [link for link in self.links if link.open and link.is_event_link]
        return link


@asynccontextmanager
async def open_relay(target_port: int) -> AsyncIterator[Relay]:
    """Relay to a port of this machine until the end of the block."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    relay = Relay(listener.socket.getsockname()[1])

    async def handle(amp: trio.SocketStream) -> None:
        try:
            server = await trio.open_tcp_stream("127.0.0.1", target_port)
        except OSError:
            return
        link = Link(amp, server)
        relay.links.append(link)
        await link.run()

    async with in_background(partial(trio.serve_listeners, handle, [listener])):
        yield relay

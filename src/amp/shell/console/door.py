"""The control socket: takes a few connections, reads requests line by line, replies, all with deadlines."""

from __future__ import annotations

import socket
import struct
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import attrs
import trio

from amp.core.console.replies import failed, is_done
from amp.core.console.requests import MAX_LINE_BYTES, Request, Show, read_request
from amp.errors import RemoteProtocolError
from amp.shell.console.desk import ConsoleDesk
from amp.shell.log import get_logger

__all__ = ["MOST_CONNECTIONS", "ConsoleDoor"]

MOST_CONNECTIONS: Final = 16
"""At the same time; each keeps a descriptor."""

IDLE_S: Final = 30.0
"""From the connection or the last reply to the end of the next request. ``amp top`` asks every second."""

WRITE_S: Final = 10.0
"""How long a piece of a reply may take to be taken."""

CREDENTIALS: Final = struct.Struct("3i")


class Peer(NamedTuple):
    """Who is at the other end, as the kernel tells it (SO_PEERCRED, unix(7)): as of the connect."""

    process: int
    user: int


@attrs.define(eq=False)
class ConsoleDoor:
    """Serves connections of the control socket.

    Attributes:
        desk: answers.
    """

    desk: ConsoleDesk
    _connections: int = attrs.field(default=0, init=False)
    _log: Any = attrs.field(factory=get_logger, init=False)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one connection to its end. What goes wrong in it ends only it.

        Raises:
            OSError: the connection broke.
        """
        if self._connections >= MOST_CONNECTIONS:
            with trio.move_on_after(WRITE_S):
                await stream.send_all(failed("too_many", f"{MOST_CONNECTIONS} connections are open already"))
            return
        self._connections += 1
        try:
            await self._converse(stream)
        except trio.BrokenResourceError as error:
            self._log.debug("console_lost", reason=str(error))
        finally:
            self._connections -= 1

    async def _converse(self, stream: trio.SocketStream) -> None:
        peer, buffer = _peer(stream), b""
        while True:
            with trio.move_on_after(IDLE_S) as patience:
                while b"\n" not in buffer and len(buffer) < MAX_LINE_BYTES:
                    data = await stream.receive_some(MAX_LINE_BYTES)
                    if not data:
                        return
                    buffer += data
            if patience.cancelled_caught:
                return
            line, end, buffer = buffer.partition(b"\n")
            if not end or len(line) >= MAX_LINE_BYTES:
                reply = failed("bad_request", f"expected a line of less than {MAX_LINE_BYTES} bytes")
                await _write(stream, reply)
                return
            if not await self._take(stream, line, peer):
                return

    async def _take(self, stream: trio.SocketStream, line: bytes, peer: Peer) -> bool:
        """Answer a request; False if the other end does not take the answer."""
        try:
            request = read_request(line)
        except RemoteProtocolError as error:
            return await _write(stream, failed("bad_request", error.reply_hint))
        try:
            async with aclosing(self.desk.answer(request)) as pieces:
                first = await anext(pieces)
                self._audit(request, peer, ok=is_done(first))
                if not await _write(stream, first):
                    return False
                async for piece in pieces:
                    if not await _write(stream, piece):
                        return False
        except trio.BrokenResourceError:
            raise
        except Exception:
            self._log.exception("console_failed", command=_words(request))
            await _write(stream, failed("internal", "internal error; the log has it"))
            return False  # part of another reply may be out
        return True

    def _audit(self, request: Request, peer: Peer, *, ok: bool) -> None:
        """Whatever changes something is logged; who looks, looks often."""
        tell = self._log.debug if isinstance(request, Show) else self._log.info
        tell("console", command=_words(request), ok=ok, process=peer.process, user=peer.user)


async def _write(stream: trio.SocketStream, data: bytes) -> bool:
    with trio.move_on_after(WRITE_S) as patience:
        await stream.send_all(data)
    return not patience.cancelled_caught


def _peer(stream: trio.SocketStream) -> Peer:
    told = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    process, user, _ = CREDENTIALS.unpack(told)
    return Peer(process, user)


def _words(request: Request) -> str:
    return " ".join((type(request).__name__.lower(), *map(str, attrs.astuple(request))))

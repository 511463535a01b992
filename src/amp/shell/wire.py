"""The bytes of one connected socket, in and out, without waiting on the way out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

import trio

__all__ = ["MOST_BUFFERS", "READ_BYTES", "PlainWire", "Wire"]

READ_BYTES: Final = 65536
"""Bytes asked for in one read."""

MOST_READ_BYTES: Final = 4 * READ_BYTES
"""What a read grows to while each one is filled. Fewer and larger batches cost each client fewer writes: the
fan-out to 50 clients took 0.118 µs instead of 0.152 of processor per delivery (docs/performance.md)."""

MOST_BUFFERS: Final = 64
"""Buffers handed to one ``writev``; Linux takes up to 1024, more than 64 gain nothing measurable."""


class Wire(Protocol):
    """What an outlet writes to and a reader reads from: a plain socket, or TLS on one."""

    @property
    def sock(self) -> trio.socket.SocketType:
        """The socket underneath."""

    @property
    def tls(self) -> str:
        """What protects it, such as ``TLSv1.3``; ``""`` if nothing does."""

    @property
    def blocked(self) -> bool:
        """Whether bytes already taken still wait for the socket; ``write_now(b"")`` tries again."""

    def when_blocked(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called when reading left something to write and the socket does not take it.

        Whoever writes then waits until the socket is writable and calls ``write_now(b"")``.
        """

    def write_now(self, data: bytes | memoryview) -> int:
        """Take as much as fits at once.

        Returns:
            The number of bytes taken; 0 if the socket is full.

        Raises:
            OSError: the connection is gone.
        """

    def write_many_now(self, buffers: Sequence[bytes | memoryview]) -> int:
        """Like `write_now`, for several buffers in order."""

    async def receive(self) -> bytes:
        """The next bytes, at most `MOST_READ_BYTES`; ``b""`` at the end.

        Raises:
            OSError: the connection is gone.
        """

    def receive_now(self) -> bytes | None:
        """Like `receive`, but ``None`` if there is nothing at this moment."""

    def push_back(self, data: bytes) -> None:
        """Let the next `receive` give these bytes, which were read already."""

    def end_output(self) -> None:
        """Tell the peer that nothing more comes; everything written before still arrives. Never fails."""

    def close(self) -> None:
        """Close at once; idempotent."""


class PlainWire:
    """A TCP or unix socket as it is.

    The descriptor is asked from the socket object at each write and never kept: the kernel gives a
    closed descriptor's number to the next connection, and a kept one would write to a stranger.

    Args:
        sock: connected.
        pushed: bytes that were read already, to tell what is spoken; `receive` gives them first.
        most: bytes in one read, `READ_BYTES` or more.
    """

    __slots__ = ("_most", "_pushed", "_read_bytes", "sock")
    blocked: Final = False
    tls: Final = ""

    def __init__(
        self, sock: trio.socket.SocketType, pushed: bytes = b"", most: int = MOST_READ_BYTES
    ) -> None:
        self.sock = sock
        self._most = most
        self._pushed = pushed
        self._read_bytes = READ_BYTES

    def when_blocked(self, wake: Callable[[], None]) -> None:
        """See `Wire.when_blocked`: never happens, reading writes nothing here."""

    def write_now(self, data: bytes | memoryview) -> int:
        """See `Wire.write_now`."""
        try:
            return os.write(self.sock.fileno(), data)
        except BlockingIOError:
            return 0

    def write_many_now(self, buffers: Sequence[bytes | memoryview]) -> int:
        """See `Wire.write_many_now`."""
        try:
            return os.writev(self.sock.fileno(), buffers[:MOST_BUFFERS])
        except BlockingIOError:
            return 0

    async def receive(self) -> bytes:
        """See `Wire.receive`."""
        if self._pushed:
            data, self._pushed = self._pushed, b""
            return data
        while True:
            # Not the socket's own recv, which tries first: mostly in vain, since we come from having read.
            await trio.lowlevel.wait_readable(self.sock)
            news = self.receive_now()
            if news is not None:
                return news

    def receive_now(self) -> bytes | None:
        """See `Wire.receive_now`."""
        try:
            data = os.read(self.sock.fileno(), self._read_bytes)
        except BlockingIOError:
            return None
        if len(data) == self._read_bytes:
            self._read_bytes = min(2 * self._read_bytes, self._most)
        elif len(data) < READ_BYTES:
            self._read_bytes = READ_BYTES
        return data

    def push_back(self, data: bytes) -> None:
        """See `Wire.push_back`."""
        self._pushed = data + self._pushed

    def end_output(self) -> None:
        """See `Wire.end_output`."""
        with suppress(OSError):
            self.sock.shutdown(trio.socket.SHUT_WR)

    def close(self) -> None:
        """See `Wire.close`."""
        self.sock.close()

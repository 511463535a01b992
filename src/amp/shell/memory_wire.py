"""A wire without a socket: for clients inside the process, whose output goes elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import trio

__all__ = ["MemoryWire"]


class MemoryWire:
    """A `Wire` that gives what was `put` into it. Nothing must be written to it.

    Args:
        tls: what protects the connection on whose behalf this is.
    """

    blocked: Final = False

    def __init__(self, tls: str = "") -> None:
        self.tls = tls
        self._pieces: deque[bytes] = deque()
        self._ended = False
        self._news = trio.Event()

    @property
    def sock(self) -> NoReturn:
        """There is none, and nobody waits for it: nothing ever waits to be written."""
        raise AssertionError("a memory wire has no socket")

    def put(self, data: bytes) -> None:
        """Let `receive` give this, as one piece. Whoever puts bounds how much that gets."""
        self._pieces.append(data)
        self._news.set()

    def when_blocked(self, wake: Callable[[], None]) -> None:
        """See `Wire.when_blocked`: never happens."""

    def write_now(self, data: bytes | memoryview) -> int:
        """See `Wire.write_now`: the outlet of an inner client keeps everything to itself."""
        raise AssertionError("nothing is written to a memory wire")

    def write_many_now(self, buffers: Sequence[bytes | memoryview]) -> int:
        """See `write_now`."""
        raise AssertionError("nothing is written to a memory wire")

    async def receive(self) -> bytes:
        """See `Wire.receive`."""
        while (data := self.receive_now()) is None:
            self._news = trio.Event()
            await self._news.wait()
        return data

    def receive_now(self) -> bytes | None:
        """See `Wire.receive_now`."""
        if self._pieces:
            return self._pieces.popleft()
        return b"" if self._ended else None

    def push_back(self, data: bytes) -> None:
        """See `Wire.push_back`."""
        self._pieces.appendleft(data)

    def end_output(self) -> None:
        """See `Wire.end_output`: the other end, which is we ourselves, takes it as the end at once."""
        self._ended = True
        self._news.set()

    def close(self) -> None:
        """See `Wire.close`."""
        self._pieces.clear()
        self.end_output()

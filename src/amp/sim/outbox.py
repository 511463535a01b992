"""What goes out to one client of the simulated Asterisk, and when Asterisk would hang up on a slow one."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable

import trio

__all__ = ["Outbox"]


class Outbox:
    """The only writer of one socket: writes at once what the socket takes, keeps the rest in order.

    A client that takes nothing for ``write_timeout_s`` while something waits is cut off in the middle of a
    message, as Asterisk does (MEASURED, "Memory and slow readers"); so is one for which more than
    ``limit_bytes`` pile up, where Asterisk would just grow.

    Args:
        sock: the connected socket; it stays the caller's, who closes it.
        on_cut: called once, synchronously, with the reason, when the client must be hung up on.
    """

    def __init__(
        self,
        sock: trio.socket.SocketType,
        *,
        write_timeout_s: float,
        limit_bytes: int,
        on_cut: Callable[[str], None],
    ) -> None:
        self._socket = sock
        self._queue: deque[memoryview] = deque()
        self._wake = trio.Event()
        self._moved = trio.Event()
        self._write_timeout_s = write_timeout_s
        self._limit_bytes = limit_bytes
        self._on_cut = on_cut
        self.pending_bytes = 0
        self.closed = False
        self._paused = False

    def send(self, data: bytes) -> None:
        """Write, or queue what the socket does not take now. Does nothing once closed."""
        if self.closed or not data:
            return
        sent = 0 if self._queue or self._paused else self._write(data)
        if sent == len(data) or self.closed:
            return
        self._queue.append(memoryview(data)[sent:])
        self.pending_bytes += len(data) - sent
        if self.pending_bytes > self._limit_bytes:
            self.cut("too much to send")
        self._wake.set()

    def cut(self, reason: str) -> None:
        """Send nothing more, drop what waits, and tell the owner."""
        if not self.closed:
            self.close()
            self._on_cut(reason)

    def close(self) -> None:
        """Send nothing more. Call before the socket is closed."""
        self.closed = True
        self._queue.clear()
        self.pending_bytes = 0
        self._wake.set()
        self._moved.set()

    def pause(self) -> None:
        """Stop writing, as a frozen process does; nothing times out meanwhile."""
        self._paused = True

    def resume(self) -> None:
        """Write again what has gathered."""
        self._paused = False
        self._wake.set()

    async def drained(self, below_bytes: int = 0) -> None:
        """Wait until at most ``below_bytes`` are queued, or the outbox is closed."""
        while self.pending_bytes > below_bytes:
            if self._moved.is_set():
                self._moved = trio.Event()
            await self._moved.wait()

    async def flush_forever(self) -> None:
        """The one task that writes what had to wait; ends when closed."""
        while not self.closed:
            if self._paused or not self._queue:
                self._wake = trio.Event()
                await self._wake.wait()
                continue
            try:
                with trio.move_on_after(self._write_timeout_s) as patience:
                    await trio.lowlevel.wait_writable(self._socket)
            except (OSError, trio.ClosedResourceError):
                self.cut("socket closed")
                return
            if patience.cancelled_caught and not self._paused:
                self.cut("write timeout")
            self._flush_some()

    def _flush_some(self) -> None:
        while self._queue and not self._paused:
            head = self._queue[0]
            sent = self._write(head)
            if not sent:
                return
            self.pending_bytes -= sent
            self._moved.set()
            if sent < len(head):
                self._queue[0] = head[sent:]
                return
            self._queue.popleft()

    def _write(self, data: bytes | memoryview) -> int:
        # The number is asked each time: a stored one may belong to another socket after a close.
        number = self._socket.fileno()
        try:
            return os.write(number, data)
        except BlockingIOError:
            return 0
        except OSError:
            self.cut("peer is gone")
            return 0

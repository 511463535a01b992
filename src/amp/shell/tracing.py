"""``amp run -d``, ``-dd``, ``-ddd``: what is traced, and a wire that tells what passes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import trio

from amp.core.wire_trace import LineTrace
from amp.shell.log import get_logger
from amp.shell.wire import Wire

__all__ = ["ACTIONS", "DEBUG", "WIRE", "TracedWire", "Tracing"]

DEBUG = 1
ACTIONS = 2
WIRE = 3


@attrs.frozen
class Tracing:
    """How much is to be told.

    Attributes:
        level: 0 nothing, 1 debug lines of the log, 2 actions and answers as well, 3 every header.
    """

    level: int = 0

    def wrap(self, wire: Wire, **context: object) -> Wire:
        """The wire itself, unless what passes it is to be told.

        Args:
            context: whose it is, for the log: ``client=7``, ``server="pbx1"``.
        """
        if self.level < ACTIONS:
            return wire
        return TracedWire(wire, brief=self.level < WIRE, context=context)


class TracedWire:
    """A `Wire` that logs what is read from it and written to it, secrets hidden, as debug lines."""

    def __init__(self, wire: Wire, *, brief: bool, context: dict[str, object]) -> None:
        self._wire = wire
        self._log = get_logger(**context)
        self._read = LineTrace(brief)
        self._written = LineTrace(brief)
        self._told = 0
        """Bytes that were put back: told already."""

    @property
    def sock(self) -> trio.socket.SocketType:
        """See `Wire`."""
        return self._wire.sock

    @property
    def tls(self) -> str:
        """See `Wire`."""
        return self._wire.tls

    @property
    def blocked(self) -> bool:
        """See `Wire`."""
        return self._wire.blocked

    def when_blocked(self, wake: Callable[[], None]) -> None:
        """See `Wire`."""
        self._wire.when_blocked(wake)

    def write_now(self, data: bytes | memoryview) -> int:
        """See `Wire`; what was taken is told."""
        taken = self._wire.write_now(data)
        self._tell("sent", self._written.take(bytes(data[:taken])))
        return taken

    def write_many_now(self, buffers: Sequence[bytes | memoryview]) -> int:
        """See `Wire`; what was taken is told."""
        taken = left = self._wire.write_many_now(buffers)
        for buffer in buffers:
            if left <= 0:
                break
            self._tell("sent", self._written.take(bytes(buffer[:left])))
            left -= len(buffer)
        return taken

    async def receive(self) -> bytes:
        """See `Wire`; what came is told."""
        data = await self._wire.receive()
        self._tell_read(data)
        return data

    def receive_now(self) -> bytes | None:
        """See `Wire`; what came is told."""
        data = self._wire.receive_now()
        self._tell_read(data or b"")
        return data

    def push_back(self, data: bytes) -> None:
        """See `Wire`; it is not told again."""
        self._told += len(data)
        self._wire.push_back(data)

    def end_output(self) -> None:
        """See `Wire`."""
        self._wire.end_output()

    def close(self) -> None:
        """See `Wire`."""
        self._wire.close()

    def _tell_read(self, data: bytes) -> None:
        self._tell("received", self._read.take(data[self._told :]))
        self._told = max(0, self._told - len(data))

    def _tell(self, direction: str, lines: list[str]) -> None:
        if lines:
            self._log.debug(direction, lines=lines)

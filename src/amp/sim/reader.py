"""How Asterisk takes a client's bytes apart: its own buffer of 1024 bytes, quirks included.

Written after Asterisk's rules, not after amp's ``ActionReader``, so that the one shows mistakes in the other.
"""

from __future__ import annotations

from typing import Final

import attrs

from amp.core.ami.frame import Frame

__all__ = ["BadMessage", "ManagerReader"]

BUFFER_BYTES: Final = 1024
"""A line and its CR LF must fit: 1022 bytes at most (recording "limit-line")."""
MAX_LINES: Final = 128
LINE_TOO_LONG: Final = b"Failed to parse message: line too long"
TOO_MANY_LINES: Final = b"Too many lines in message or allocation failure"


@attrs.frozen
class BadMessage:
    """A message that could not be taken.

    Attributes:
        text: what Asterisk answers.
        frame: the headers before the bad line; an ActionID among them is answered.
    """

    text: bytes
    frame: Frame


class ManagerReader:
    """A client's bytes into messages. Give it bytes with ``feed``, take with ``next_message`` until ``None``.

    It holds what was fed and not yet taken; feed it only when it has nothing more, and it stays small
    whatever comes: a line over the limit is thrown away as it comes, as are the lines behind it.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._start = 0
        self._lines: list[bytes] = []
        self._fault = b""

    def feed(self, data: bytes) -> None:
        """Store bytes from the client."""
        self._buffer += data

    def next_message(self) -> Frame | BadMessage | None:
        """One message, or ``None`` when more bytes are needed.

        A blank line alone is a message without headers: Asterisk answers each (recording "blank-messages").
        """
        while (line := self._next_line()) is not None:
            if not line:
                return self._end_message()
            if self._fault:
                continue
            if len(self._lines) == MAX_LINES:
                self._fault = TOO_MANY_LINES
            else:
                self._lines.append(line)
        return None

    def _end_message(self) -> Frame | BadMessage:
        frame = Frame.parse(b"\n".join(self._lines))
        fault = self._fault
        self._lines, self._fault = [], b""
        return BadMessage(fault, frame) if fault else frame

    def _next_line(self) -> bytes | None:
        while True:
            end = self._buffer.find(b"\n", self._start, self._start + BUFFER_BYTES)
            if end >= 0:
                line = bytes(self._buffer[self._start : end])
                self._start = end + 1
                # A NUL ends a C string: the rest of the line is not seen.
                return line.removesuffix(b"\r").partition(b"\0")[0]
            if len(self._buffer) - self._start < BUFFER_BYTES:
                del self._buffer[: self._start]
                self._start = 0
                return None
            # The buffer is full and holds no line end. Its last byte stays, it may be half a CR LF; that is
            # why a line of exactly 1023 bytes gets a second error (recording "limit-line").
            self._start += BUFFER_BYTES - 1
            self._fault = LINE_TOO_LONG

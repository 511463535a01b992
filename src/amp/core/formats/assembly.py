"""Names and values from any input format into an action, by the rules that hold for all of them."""

from __future__ import annotations

import re
from typing import Final

from amp.core.ami.frame import FORBIDDEN, Frame
from amp.core.ami.framing import ActionReader, BadAction
from amp.core.ami.rewrite import LINE_TOO_LONG, TOO_MANY_LINES

__all__ = ["Assembly"]

NAME: Final = re.compile(rb"[!-9;-~]+")
"""What a header's name may be: ASCII that shows, without the colon that would end it."""

BAD_NAME: Final = b"Failed to parse message: a header's name with a blank, a colon or no ASCII"
BAD_VALUE: Final = b"Failed to parse message: CR, LF or NUL in a value"


class Assembly:
    """Gathers one action after the other.

    Nothing that is added can become two headers or two actions: what would is refused, and the message
    with it. Memory is bounded by the limits: behind the first problem nothing more is kept.

    Args:
        max_line_bytes: the longest ``Name: Value``; the same limit as in the manager protocol.
        max_headers: the most headers of an action.
    """

    def __init__(self, max_line_bytes: int, max_headers: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._max_headers = max_headers
        self._lines: list[bytes] = []
        self._problem = b""

    def add(self, name: bytes, value: bytes) -> None:
        """One more header."""
        if self._problem:
            return
        if not NAME.fullmatch(name):
            self.spoil(BAD_NAME)
        elif not FORBIDDEN.isdisjoint(value):
            self.spoil(BAD_VALUE)
        elif len(name) + 2 + len(value) > self._max_line_bytes:
            self.spoil(LINE_TOO_LONG.encode())
        elif len(self._lines) == self._max_headers:
            self.spoil(TOO_MANY_LINES.encode())
        else:
            self._lines.append(b"%s: %s" % (name, value))

    def spoil(self, message: bytes) -> None:
        """The message is no action; the first reason counts."""
        self._problem = self._problem or message

    def finish(self) -> Frame | BadAction | None:
        """The message is complete.

        Returns:
            The action as `ActionReader` gives it, what was bad about it, or None for an empty message,
            which is nothing.
        """
        if self._problem:
            return self.broken(self._problem)
        text = b"\r\n".join(self._lines)
        self._lines.clear()
        reader = ActionReader(self._max_line_bytes, self._max_headers)
        reader.receive_data(text + b"\r\n\r\n")
        event = reader.next_event()
        return event if isinstance(event, Frame | BadAction) else None

    def broken(self, message: bytes) -> BadAction:
        """The message has ended badly, for this reason and no other."""
        action_id = Frame.parse(b"\n".join(self._lines)).get(b"ActionID")
        self._lines, self._problem = [], b""
        return BadAction(message, action_id or None)

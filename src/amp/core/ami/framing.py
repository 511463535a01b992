"""Bytes from a client into actions, as Asterisk would read them, in bounded memory.

The plan: what is received is split at LF once, the pieces wait as lines, and one `next_event` takes as many
of them as make one action. Only the last, unfinished line is carried over to the next read, so no byte is
searched twice and no more is kept than one action within its limits and what one read gave.

A message over a limit is thrown away as it comes; once its blank line is there, it is told as a `BadAction`.
Where we are stricter than Asterisk: blank messages are nothing (Asterisk answers each with an error), and a
CR or NUL inside a line makes the message bad (Asterisk takes the CR into the value and cuts at the NUL).
Both would make what Asterisk acts on differ from what was checked here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from amp.core.ami.frame import Frame, Header
from amp.core.ami.rewrite import CONTROL, LINE_TOO_LONG, MAX_HEADERS, MAX_LINE_BYTES, TOO_MANY_LINES

__all__ = ["END_OF_STREAM", "NEED_DATA", "ActionReader", "BadAction", "EndOfStream", "NeedData"]

BLANKS: Final = bytes(range(1, 33))
"""What Asterisk skips before a value: its ``ast_skip_blanks`` takes every byte up to the space."""

END_OF_ACTION: Final = b"\r\n\r\n"

UNSAFE: Final = frozenset(b"\r\0")

RANKS: Final = {b"action": 0, b"proxyaction": 1}
NO_ACTION: Final = 2

MISSING_ACTION: Final = b"Missing action in request"
CONTROL_BYTE: Final = b"Failed to parse message: CR or NUL in a line"


class NeedData(enum.Enum):
    """The one value `NEED_DATA`: nothing more to tell until more is received."""

    NEED_DATA = "need data"


class EndOfStream(enum.Enum):
    """The one value `END_OF_STREAM`: the peer has closed its sending side, and everything was told."""

    END_OF_STREAM = "end of stream"


NEED_DATA: Final = NeedData.NEED_DATA
END_OF_STREAM: Final = EndOfStream.END_OF_STREAM


@attrs.frozen
class BadAction:
    """A message that is no action. The connection lives on behind it.

    Attributes:
        message: the text for the error, in Asterisk's words where Asterisk has some.
        action_id: the message's ActionID if it is known, else ``None``.
    """

    message: bytes
    action_id: bytes | None


class ActionReader:
    """Reads the actions of one client.

    Args:
        max_line_bytes: the longest line taken, without its line end. Recording limit-line.
        max_headers: the most lines taken in one action, whether they hold a colon or not. Recording
            limit-headers.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES, max_headers: int = MAX_HEADERS) -> None:
        self._max_line_bytes = max_line_bytes
        self._max_headers = max_headers
        self._received: list[bytes] = []
        self._lines: Iterator[bytes] = iter(())
        self._partial = b""
        self._message: list[bytes] = []
        self._bad: BadAction | None = None
        self._eof = False

    def receive_data(self, data: bytes) -> None:
        """Take what one read gave; ``b""`` means that the client has closed its sending side."""
        if data:
            self._received.append(data)
        else:
            self._eof = True

    def next_event(self) -> Frame | BadAction | NeedData | EndOfStream:
        """Read one action.

        Returns:
            The action: its first header is always Action, or ProxyAction if there is no Action (moved there
            if the client put others before; of several the first counts), values are without the blanks
            before them, ``raw`` holds the lines with CR LF between them. Or what was bad about a message,
            `NEED_DATA`, or for ever `END_OF_STREAM` (half a message is dropped, recording
            half-message-then-close).
        """
        message, limit, most = self._message, self._max_line_bytes, self._max_headers
        while True:
            for piece in self._lines:
                line = piece[:-1] if piece.endswith(b"\r") else piece
                if not line:
                    if message or self._bad:
                        return self._finish()
                elif len(line) > limit:
                    self._spoil(LINE_TOO_LONG)
                elif len(message) == most:
                    self._spoil(TOO_MANY_LINES)
                else:
                    message.append(line)
            if not self._received:
                if len(self._partial) > limit + 2:  # no more of it than shows that it is too long
                    self._partial = self._partial[: limit + 2]
                return END_OF_STREAM if self._eof else NEED_DATA
            if not message and (lines := self._one_action()):
                return _action(lines, self._received.pop()[: -len(END_OF_ACTION)], odd=False)
            self._split()

    def take_unread(self) -> bytes:
        """Give away what stands behind the last action, for a reader of another format."""
        unread = b"\n".join([*self._lines, self._partial]) + b"".join(self._received)
        self._partial = b""
        self._received.clear()
        return unread

    def _one_action(self) -> list[bytes]:
        """The lines of one plain action that came in one read, as nearly all do; empty if it is not so.

        This is half the work of the way by single lines, which is for everything else.
        """
        data = self._received[0]
        raw = data[: -len(END_OF_ACTION)]
        if self._partial or self._bad or len(raw) > self._max_line_bytes or not data.endswith(END_OF_ACTION):
            return []
        lines = raw.split(b"\r\n")
        odd = len(raw) - len(raw.translate(None, CONTROL)) != 2 * (len(lines) - 1) or b"" in lines
        return [] if odd or len(lines) > self._max_headers or len(self._received) > 1 else lines

    def _split(self) -> None:
        """Cut what came into lines."""
        lines = b"".join(self._received).split(b"\n")
        self._received.clear()
        lines[0] = self._partial + lines[0]
        self._partial = lines.pop()
        self._lines = iter(lines)

    def _spoil(self, why: str) -> None:
        """A limit is reached: forget the message, but for the ActionID if it came before."""
        if self._bad is None:
            self._bad = BadAction(why.encode(), _action_id(_headers(self._message)[1]))
        self._message.clear()

    def _finish(self) -> Frame | BadAction:
        """The blank line is there: make an action of the lines before it."""
        lines, self._message = self._message, []
        bad, self._bad = self._bad, None
        raw = b"\r\n".join(lines)
        return bad or _action(lines, raw, odd=raw.count(b"\r") != len(lines) - 1 or b"\0" in raw)


def _action(lines: list[bytes], raw: bytes, *, odd: bool) -> Frame | BadAction:
    """The action of these lines; ``raw`` holds them joined, and ``odd`` tells of a CR or NUL in one."""
    headers, firsts = _headers(lines)
    if headers[0][0].lower() != b"action":
        headers.sort(key=_rank)
        name = headers[0][0]
        if _rank(headers[0]) == NO_ACTION:
            return BadAction(MISSING_ACTION, _action_id(firsts))
        if not raw.startswith(name):
            raw = b"\r\n".join([b"%s: %s" % header if header[0] else header[1] for header in headers])
    if not headers[0][1]:
        return BadAction(MISSING_ACTION, _action_id(firsts))
    if odd:
        return BadAction(CONTROL_BYTE, _action_id(firsts))
    return Frame(tuple(headers), raw, firsts)


def _headers(lines: list[bytes]) -> tuple[list[Header], dict[bytes, bytes]]:
    """The headers of these lines, and the first value of each by its name in small letters."""
    headers: list[Header] = []
    firsts: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        header = (name, value.lstrip(BLANKS)) if name and colon else (b"", line)
        headers.append(header)
        firsts.setdefault(header[0].lower(), header[1])
    return headers, firsts


def _rank(header: Header) -> int:
    return RANKS.get(header[0].lower(), NO_ACTION)


def _action_id(firsts: Mapping[bytes, bytes]) -> bytes | None:
    """The first ActionID, if it may be sent back; an empty one is none (recording actionid-odd)."""
    value = firsts.get(b"actionid", b"")
    return value if value and not UNSAFE & set(value) else None

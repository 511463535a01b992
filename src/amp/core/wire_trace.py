"""What a wire trace (``amp run -ddd``) shows of a stream of bytes, and what it hides.

Only a line that reads ``Name: value`` is shown, and only if neither its name nor its value tells of a secret.
Anything else (raw output, JSON, XML, forms, WebSocket frames, TLS) is told by its length: what cannot be read
for sure cannot be searched for secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

__all__ = ["LineTrace"]

HEADER: Final = re.compile(rb"([A-Za-z][A-Za-z0-9_-]{0,63}):[ \t]*(.*)", re.DOTALL)
GREETING: Final = re.compile(rb"Asterisk Call Manager[ -~]{0,100}")
REQUEST: Final = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|OPTIONS) [^ ]{0,4000} HTTP/1\.[01]")

USER_INFO: Final = re.compile(rb"^([A-Za-z]+://)[^/]*@")
"""Name and secret in an absolute target, ``http://name:secret@host/``."""

SECRET_NAME: Final = re.compile(
    rb"secret|passw|token|cookie|auth|key|^sec-websocket|^variable", re.IGNORECASE
)
"""``AuthType`` goes with the others: nobody misses it. A Variable may be anything, a PIN as well."""

SECRET_VALUE: Final = re.compile(rb"secret|passw|token|proxykey", re.IGNORECASE)
"""Such as ``secret=...`` in the lines of a configuration file, or in the address of a request."""

BRIEF: Final = frozenset(
    (b"action", b"proxyaction", b"response", b"proxyresponse", b"actionid", b"message", b"server")
)
"""What ``-dd`` shows: who asked what, and what the answer was."""

BEGINNINGS: Final = frozenset((b"action", b"proxyaction", b"response", b"proxyresponse"))

HIDDEN: Final = "<hidden>"
LONGEST_LINE: Final = 2048
"""Bytes of a line that are kept; no action has so many."""


@attrs.define
class LineTrace:
    """One direction of one connection. What it gives is printable, whatever comes.

    Attributes:
        brief: only the headers of `BRIEF` are shown, and nothing of events.
    """

    brief: bool = False
    _line: bytes = attrs.field(default=b"", init=False, repr=False)
    _skipped: int = attrs.field(default=0, init=False)
    _began: bytes = attrs.field(default=b"", init=False)
    """What the lines belong to: one of `BEGINNINGS`, or ``event``."""

    def take(self, data: bytes) -> list[str]:
        """The lines that end in this piece of the stream."""
        return [shown for line, more in self._lines(data) if (shown := self._shown(line, more))]

    def _lines(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """Each line that is complete now, and how much longer it was than what is kept of it."""
        *complete, rest = re.split(rb"[\r\n]", data)
        for piece in complete:
            self._keep(piece)
            if self._line:
                yield self._line, self._skipped
            self._line, self._skipped = b"", 0
        self._keep(rest)

    def _keep(self, piece: bytes) -> None:
        room = LONGEST_LINE - len(self._line)
        self._line += piece[:room]
        self._skipped += max(0, len(piece) - room)

    def _shown(self, line: bytes, more: int) -> str:
        found = HEADER.fullmatch(line)
        if self.brief:
            if found is None or self._of_event(found[1].lower()) or found[1].lower() not in BRIEF:
                return ""
        elif found is None:
            return self._other(line, more)
        assert found is not None
        name, value = found[1], found[2]
        if SECRET_NAME.search(name) or SECRET_VALUE.search(value):
            return f"{name.decode()}: {HIDDEN}"
        return f"{name.decode()}: {_printable(value)}" + (f"... ({more} bytes more)" if more else "")

    def _of_event(self, name: bytes) -> bool:
        """Whether this header is one of an event; an action may have a header ``Event``, too (QueueLog)."""
        if name in BEGINNINGS or (name == b"event" and b"action" not in self._began):
            self._began = name
        return self._began == b"event"

    @staticmethod
    def _other(line: bytes, more: int) -> str:
        if not more and GREETING.fullmatch(line):
            return line.decode()
        if not more and REQUEST.fullmatch(line):
            method, _, rest = line.partition(b" ")
            path = USER_INFO.sub(rb"\1", rest.partition(b" ")[0].partition(b"?")[0])
            return f"{method.decode()} {_printable(path)}"
        return f"<{len(line) + more} bytes>"


def _printable(value: bytes) -> str:
    return value.decode("latin-1").encode("unicode_escape").decode()

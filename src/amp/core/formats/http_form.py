"""Fields of a form (``application/x-www-form-urlencoded``), as in a URL's query: one form is one action.

``Action=Ping&ActionID=Foo``. Split first, decoded then: an ``&`` or ``=`` that was written as ``%26`` or
``%3D`` is a part of a value and never begins another header. Fields keep their order, and may repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from amp.core.ami.frame import Frame
from amp.core.ami.framing import END_OF_STREAM, NEED_DATA, BadAction, EndOfStream, NeedData
from amp.core.ami.rewrite import LINE_TOO_LONG
from amp.core.formats.assembly import Assembly
from amp.core.formats.format import Format

__all__ = ["HTTP_FORM", "FormReader", "fields"]

ENCODED: Final = 3
"""One byte takes at most so many: ``%0A``."""


def fields(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and values in order; ``+`` is a blank, a ``%`` without two hex digits stays as it is."""
    for field in data.split(b"&"):
        if field:
            name, _, value = field.replace(b"+", b" ").partition(b"=")
            yield unquote_to_bytes(name), unquote_to_bytes(value)


class FormReader:
    """Reads the one action of a form; its end is ``receive_data(b"")``.

    Args:
        max_line_bytes: the longest ``Name: Value``, decoded.
        max_headers: the most fields.
    """

    def __init__(self, max_line_bytes: int, max_headers: int) -> None:
        self._assembly = Assembly(max_line_bytes, max_headers)
        self._left = (max_line_bytes * ENCODED + 1) * max_headers
        self._received: list[bytes] = []
        self._ended = False
        self._told = False

    def receive_data(self, data: bytes) -> None:
        """Take a part of the form; ``b""`` means that it is complete."""
        self._ended = self._ended or not data
        self._left -= len(data)
        if self._left >= 0:
            self._received.append(data)
        else:
            self._received.clear()

    def take_unread(self) -> bytes:
        """Nothing: a form ends where its body does."""
        return b""

    def next_event(self) -> Frame | BadAction | NeedData | EndOfStream:
        """The action or what was bad about it, once; `NEED_DATA` before, `END_OF_STREAM` afterwards."""
        if not self._ended:
            return NEED_DATA
        if self._told:
            return END_OF_STREAM
        self._told = True
        if self._left < 0:
            self._assembly.spoil(LINE_TOO_LONG.encode())
        for name, value in fields(b"".join(self._received)):
            self._assembly.add(name, value)
        self._received.clear()
        return self._assembly.finish() or END_OF_STREAM


HTTP_FORM: Final = Format(name="http", reader=FormReader, streams=False)

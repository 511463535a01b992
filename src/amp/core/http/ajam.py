"""Frames as Asterisk's own HTTP interface writes them: ``/rawman``, ``/mxml``, ``/manager``.

Sources: recordings http-rawman, http-mxml, http-manager, http-waitevent. On purpose different: what could not
stand in XML (control characters, bytes that are no UTF-8) becomes U+FFFD, so that every answer parses; and a
header ``xmlns`` gets a ``_`` in front, or it would make of its element what it says: HTML with scripts, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Final

import attrs

from amp.core.formats.lines import headers_of, text_of

__all__ = ["HTML", "MXML", "RAWMAN", "Dialect"]

OTHER: Final = re.compile(r"[^a-z0-9]")
NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ESCAPES: Final = (
    ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&apos;"),
    ("\t", "&#9;"), ("\n", "&#10;"), ("\r", "&#13;"),
)  # fmt: skip
"""A parser would take the last three inside an attribute for blanks."""

OPAQUE: Final = "opaque-data"
"""The attribute of a line that is no header."""


@attrs.frozen
class Dialect:
    """One way of writing answers.

    Attributes:
        content_type: as Asterisk says it.
        piece: makes a part of a body of one raw frame, without its blank line.
        document: makes the body of its parts.
    """

    content_type: bytes
    piece: Callable[[bytes], bytes]
    document: Callable[[Sequence[bytes]], bytes]

    def write(self, frames: Sequence[bytes]) -> bytes:
        """The body for some frames, at once."""
        return self.document([self.piece(frame) for frame in frames])


def _rawman(frame: bytes) -> bytes:
    return frame + b"\r\n\r\n"


def _mxml(frame: bytes) -> bytes:
    return f"<response type='object' id='unknown'><generic {_attributes(frame)} /></response>\n".encode()


def _mxml_document(pieces: Sequence[bytes]) -> bytes:
    return b"<ajax-response>\n%s</ajax-response>\n" % b"".join(pieces)


def _attributes(frame: bytes) -> str:
    """The headers of a frame: names in small letters, from the second of a name on with a number."""
    counts: dict[str, int] = {}
    attributes = []
    for name, value in headers_of(text_of(frame)):
        made = OTHER.sub("_", name.lower()) if name else OPAQUE
        if made[0].isdigit() or made.startswith("xml"):
            made = f"_{made}"
        counts[made] = count = counts.get(made, 0) + 1
        text = NO_XML.sub("\N{REPLACEMENT CHARACTER}", value)
        for character, reference in ESCAPES:
            text = text.replace(character, reference)
        attributes.append(f"{made}{f'-{count}' if count > 1 else ''}='{text}'")
    return " ".join(attributes)


PAGE: Final = b"""<!DOCTYPE html>
<meta charset="utf-8"><title>amp: manager</title>
<form action="manager" method="post">
<label>Action <input name="action"></label> <label>Command <input name="command"></label>
<label>User <input name="username"></label> <label>Secret <input type="password" name="secret"></label>
<input type="submit">
</form>
<table>
%s</table>
"""
RULE: Final = '<tr><td colspan="2"><hr></td></tr>\n'


def _html(frame: bytes) -> bytes:
    rows = [
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>\n"
        for name, value in headers_of(text_of(frame))
    ]
    return "".join((*rows, RULE)).encode()


def _html_document(pieces: Sequence[bytes]) -> bytes:
    return PAGE % b"".join(pieces)


RAWMAN: Final = Dialect(b"text/plain", _rawman, b"".join)
MXML: Final = Dialect(b"text/xml", _mxml, _mxml_document)
HTML: Final = Dialect(b"text/html; charset=utf-8", _html, _html_document)

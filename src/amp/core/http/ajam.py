"""Frames as Asterisk's own HTTP interface writes them: ``/rawman``, ``/mxml``, ``/manager``.

Sources: recordings http-rawman, http-mxml, http-manager, http-waitevent. On purpose different: what could not
stand in XML (control characters, bytes that are no UTF-8) becomes U+FFFD, so that every answer parses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
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
        write: makes a body of raw frames, without their blank lines.
    """

    content_type: bytes
    write: Callable[[Sequence[bytes]], bytes]


def _rawman(frames: Sequence[bytes]) -> bytes:
    return b"".join([frame + b"\r\n\r\n" for frame in frames])


def _mxml(frames: Sequence[bytes]) -> bytes:
    lines = [
        f"<response type='object' id='unknown'><generic {_attributes(frame)} /></response>\n"
        for frame in frames
    ]
    return f"<ajax-response>\n{''.join(lines)}</ajax-response>\n".encode()


def _attributes(frame: bytes) -> str:
    """The headers of a frame: names in small letters, from the second of a name on with a number."""
    counts: dict[str, int] = {}
    attributes = []
    for name, value in headers_of(text_of(frame)):
        made = OTHER.sub("_", name.lower()) if name else OPAQUE
        if made[0].isdigit():
            made = f"_{made}"
        counts[made] = count = counts.get(made, 0) + 1
        text = NO_XML.sub("\N{REPLACEMENT CHARACTER}", value)
        for character, reference in ESCAPES:
            text = text.replace(character, reference)
        attributes.append(f"{made}{f'-{count}' if count > 1 else ''}='{text}'")
    return " ".join(attributes)


PAGE: Final = """<!DOCTYPE html>
<meta charset="utf-8"><title>amp: manager</title>
<form action="manager" method="post">
<label>Action <input name="action"></label> <label>Command <input name="command"></label>
<label>User <input name="username"></label> <label>Secret <input type="password" name="secret"></label>
<input type="submit">
</form>
<table>
{rows}</table>
"""
RULE: Final = '<tr><td colspan="2"><hr></td></tr>\n'


def _html(frames: Sequence[bytes]) -> bytes:
    rows = []
    for frame in frames:
        for name, value in headers_of(text_of(frame)):
            shown = partial(escape, quote=True)
            rows.append(f"<tr><td>{shown(name)}</td><td>{shown(value)}</td></tr>\n")
        rows.append(RULE)
    return PAGE.format(rows="".join(rows)).encode()


RAWMAN: Final = Dialect(b"text/plain", _rawman)
MXML: Final = Dialect(b"text/xml", _mxml)
HTML: Final = Dialect(b"text/html; charset=utf-8", _html)

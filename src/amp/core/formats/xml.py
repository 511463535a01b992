"""XML in astmanproxy's shape: one element a frame, in it one empty element a header with its ``Value``.

Facts of astmanproxy's ``xml.c``: ``<AsteriskManagerOutput>`` for frames from a server,
``<AsteriskManagerProxyOutput>`` for its own; a line and a blank before each inner element, CR LF at the ends
of lines, a blank line behind the last; no XML declaration. Where it wrote what no parser takes, or put long
headers into ``UnparsedText``, this does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from amp.core.formats.format import Format
from amp.core.formats.lines import UNPARSED, has_server, text_of
from amp.core.formats.xml_reader import XmlReader

__all__ = ["XML", "render", "xml_name"]

FROM_SERVER: Final = "AsteriskManagerOutput"
FROM_PROXY: Final = "AsteriskManagerProxyOutput"
SEVERAL: Final = b"AsteriskManagerOutputs"

NAMES_REMEMBERED: Final = 2048
LONGEST_REMEMBERED: Final = 64
"""Characters of a name, escaped; AMI's longest are half of that. Together they keep the memory under 2 MB,
whatever names a server sends."""
GOOD_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
BAD_CHARACTER: Final = re.compile(r"[^A-Za-z0-9_.-]")

ESCAPES: Final = (
    ("&", "&amp;"),
    ("<", "&lt;"),
    (">", "&gt;"),
    ('"', "&quot;"),
    ("\t", "&#9;"),
    ("\r", "&#13;"),
)
"""As themselves a parser would take them for markup, or the last two for a blank. ``&`` comes first."""

FORBIDDEN: Final = dict.fromkeys(
    (*(code for code in range(32) if chr(code) not in "\t\n\r"), 0xFFFE, 0xFFFF),
    "\N{REPLACEMENT CHARACTER}",
)
"""Not in XML 1.0, not even as a character reference."""
SUSPECT: Final = bytes([*(code for code in FORBIDDEN if code < 32), 0xEF])
"""Bytes of forbidden characters; U+FFFE and U+FFFF begin with EF."""

BLANKS: Final = " \t"
OWN_SERVER: Final = re.compile(r"(?aim)^(?=server:)")
BEFORE_VALUE: Final = re.compile(r"(?m)^([^:\n]+:)[ \t]+")


def render(frames: Sequence[bytes], server: bytes) -> bytes:
    """An element for each frame, ``<Server Value="NAME"/>`` the last inside."""
    root, last = FROM_PROXY, ""
    if server:
        root, last = FROM_SERVER, f' <Server Value="{_escaped(server)}"/>\r\n'
    head, foot = f"<{root}>\r\n", f"{last}</{root}>\r\n\r\n"
    out: list[str] = []
    for frame in frames:
        out.append(head)
        text = _escaped(frame)
        if server and has_server(frame):
            text = OWN_SERVER.sub("User", text)
        for line in text.split("\n"):
            name, colon, value = line.partition(":")
            if name and colon:
                opening = _known_opening if len(name) <= LONGEST_REMEMBERED else _opening
                out.append(f'{opening(name)}{value.lstrip(BLANKS)}"/>\r\n')
            elif line:
                out.append(f'{_opening("")}{line}"/>\r\n')
        out.append(foot)
    return "".join(out).encode()


def document(pieces: Sequence[bytes]) -> bytes:
    """One root: that of the only frame, or ``AsteriskManagerOutputs`` around all."""
    if len(pieces) == 1:
        return pieces[0]
    return b"<%s>\r\n%s</%s>\r\n" % (SEVERAL, b"".join(pieces), SEVERAL)


def xml_name(name: str) -> str:
    """A header's name as the name of an element.

    What is neither an ASCII letter, a digit, nor one of ``_ . -`` becomes ``_``. A name that then could not
    stand in XML, or that means something else there (``xml...``, ``UnparsedText``), gets a ``_`` in front.
    """
    made = BAD_CHARACTER.sub("_", name)
    taken = made == UNPARSED or made[:3].lower() == "xml"
    return made if GOOD_NAME.fullmatch(made) and not taken else f"_{made}"


def _opening(escaped: str) -> str:
    """The element of a header up to its value; a name that had to change stands in ``Name``."""
    if not escaped:
        return f' <{UNPARSED} Value="'
    name = escaped
    for character, escape in reversed(ESCAPES):
        name = name.replace(escape, character)
    made = xml_name(name)
    return f' <{made} Value="' if made == name else f' <{made} Name="{escaped}" Value="'


_known_opening: Final = lru_cache(maxsize=NAMES_REMEMBERED)(_opening)


def _escaped(frame: bytes) -> str:
    """The text of a frame, escaped as a whole: much cheaper than value by value."""
    text = text_of(frame)
    if len(frame.translate(None, SUSPECT)) != len(frame):
        text = text.translate(FORBIDDEN)
    if "\t" in text:  # those before a value are no part of it, and nobody would know them any more
        text = BEFORE_VALUE.sub(r"\1", text)
    for character, escape in ESCAPES:
        text = text.replace(character, escape)
    return text


XML: Final = Format(
    name="xml",
    content_type="text/xml; charset=utf-8",
    render=render,
    reader=XmlReader,
    document=document,
)

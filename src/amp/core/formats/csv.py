"""Comma-separated values: one record a frame, one cell a line of it, each cell quoted.

astmanproxy's ``csv.c`` writes ``"A: 1", "B: 2"`` and a blank line. This differs in two ways, so that what
comes out is CSV (RFC 4180) whatever comes in: a quote inside a cell is doubled, and there is no blank behind
the comma, since with one the quotes of the next cell count as text. Bytes stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from amp.core.formats.format import Format
from amp.core.formats.lines import has_server, split_lines

__all__ = ["CSV", "render"]


def render(frames: Sequence[bytes], server: bytes) -> bytes:
    """A record for each frame: its lines as cells, ``Server: NAME`` the last, and a blank line."""
    last = [b"Server: " + server.replace(b'"', b'""')] if server else []
    return b"".join([b'"%s"\r\n\r\n' % b'","'.join(_cells(frame, server) + last) for frame in frames])


def _cells(frame: bytes, server: bytes) -> list[bytes]:
    lines = split_lines(frame.replace(b'"', b'""'))
    if server and has_server(frame):
        return [b"User" + line if line.lower().startswith(b"server:") else line for line in lines]
    return lines


CSV: Final = Format(name="csv", content_type="text/csv; charset=utf-8", render=render)

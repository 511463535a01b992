"""In which format an answer is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from amp.core.ami.rewrite import without_server
from amp.core.formats.format import Format

__all__ = ["piece", "preferred"]

ALSO = {b"application/xml": b"text/xml"}


def preferred(accept: bytes | None, formats: Sequence[Format], default: Format) -> Format:
    """The format for an ``Accept`` header: its first media type counts, if that is one of ours.

    A browser says ``text/html`` first and gets the default, as does who takes anything.
    """
    first = (accept or b"").partition(b",")[0].partition(b";")[0].strip().lower()
    wanted = ALSO.get(first, first)
    for one in formats:
        if one.content_type.partition(";")[0].encode() == wanted:
            return one
    return default


def piece(frame: bytes, one: Format) -> bytes:
    """A part of a document (`Format.document` makes it of them).

    Args:
        frame: raw, as it is told to clients: what is from or about a server has ``Server: NAME`` last.
        one: the format.

    Raises:
        Exception: the format is a plug-in's and failed.
    """
    raw, server = without_server(frame)
    return one.write([raw], server)

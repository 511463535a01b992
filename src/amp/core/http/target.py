"""What a request asks for: path and query of its target, and whom it takes us for."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

import attrs

__all__ = ["Target", "read_target"]

ABSOLUTE: Final = re.compile(rb"(?i)https?://([^/?#]*)(.*)", re.DOTALL)
BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
UNSAFE: Final = frozenset(b"\r\n\0")


@attrs.frozen
class Target:
    """A request's target.

    Attributes:
        path: decoded once, after the query was split off.
        query: as it was sent.
        authority: the host that an absolute target names; ``None`` for the usual ones.
    """

    path: str
    query: bytes = attrs.field(repr=False)
    authority: bytes | None = None


def read_target(target: bytes) -> Target | None:
    """Read the target of a request line (RFC 9112 §3.2).

    Returns:
        ``None`` for one that is nothing here: not a path, no UTF-8 once decoded, a line end or NUL in it,
        ``.`` or ``..`` as a segment, a ``%`` without its digits. ``*`` (of OPTIONS) is the path ``/``.
    """
    authority = None
    if absolute := ABSOLUTE.fullmatch(target):
        authority, target = absolute[1], absolute[2]
        if not target.startswith(b"/"):
            target = b"/" + target
    elif target == b"*":
        target = b"/"
    path, _, query = target.partition(b"?")
    if not path.startswith(b"/") or b"#" in target or BAD_ESCAPE.search(path):
        return None
    decoded = unquote_to_bytes(path)
    if not UNSAFE.isdisjoint(decoded) or {b".", b".."} & set(decoded.split(b"/")):
        return None
    try:
        return Target(decoded.decode(), query, authority)
    except UnicodeDecodeError:
        return None

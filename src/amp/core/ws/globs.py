"""Globs of WebSocket subscriptions: ``*`` stands for any bytes, ``?`` for one. Matched in linear time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amp.core.policy.patterns import searcher

__all__ = ["MAX_GLOB_BYTES", "MAX_STARS", "glob_problem", "matcher"]

MAX_GLOB_BYTES: Final = 128
MAX_STARS: Final = 8
"""Of one glob; with more of them an automaton for it grows beyond what a pattern may have."""

WILD: Final = frozenset(b"*?")
META: Final = frozenset(b"\\^$.[]|()+{}")


def glob_problem(glob: bytes) -> str:
    """Why this cannot be a glob; empty if it can."""
    if not glob:
        return "expected a glob, got an empty string"
    if len(glob) > MAX_GLOB_BYTES:
        return f"expected a glob of at most {MAX_GLOB_BYTES} bytes, got {len(glob)}"
    if glob.count(b"*") > MAX_STARS:
        return f"expected a glob with at most {MAX_STARS} stars, got {glob.count(b'*')}"
    return ""


def matcher(glob: bytes) -> Callable[[bytes], bool]:
    """What tells whether a whole text fits a glob that has no `glob_problem`."""
    if WILD.isdisjoint(glob):
        return glob.__eq__
    head, star, tail = glob.partition(b"*")
    if star and not tail and b"?" not in head:
        return lambda text: text.startswith(head)
    found = searcher(b"^%s$" % b"".join(map(_translated, glob)))
    assert found is not None  # so short and simple a pattern always compiles
    return found


def _translated(byte: int) -> bytes:
    if byte in WILD:
        return b".*" if byte == ord("*") else b"."
    return b"\\%c" % byte if byte in META else b"%c" % byte

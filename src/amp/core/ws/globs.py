"""Globs of WebSocket subscriptions: ``*`` stands for any bytes, ``?`` for one. Matched in linear time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from amp.core.policy.pattern_cost import parts_of
from amp.core.policy.patterns import searcher

__all__ = ["MAX_GLOB_BYTES", "MAX_STARS", "any_of", "glob_parts", "glob_problem"]

MAX_GLOB_BYTES: Final = 128
MAX_STARS: Final = 8
"""Of one glob; with more of them an automaton for it grows beyond what a pattern may have."""

Test = Callable[[bytes], bool]

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


def glob_parts(glob: bytes) -> int:
    """What a glob costs, in `parts_of` a pattern: none without wild cards but one star at its end."""
    return 0 if _prefix(glob) is not None else parts_of(_pattern(glob))


def any_of(globs: Iterable[bytes]) -> Test | None:
    """What tells whether a whole text fits one of some globs without `glob_problem`; ``None`` without any.

    However many need no search, they cost next to nothing.
    """
    names, prefixes, tests = set(), [], []
    for glob in sorted(globs):
        prefix = _prefix(glob)
        if prefix is None:
            tests.append(_searcher(glob))
        elif prefix == glob:
            names.add(glob)
        else:
            prefixes.append(prefix)
    if prefixes:
        begins = tuple(prefixes)
        tests.insert(0, lambda text: text.startswith(begins))
    if names:
        tests.insert(0, frozenset(names).__contains__)
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda text: any(test(text) for test in tests)


def _prefix(glob: bytes) -> bytes | None:
    """How the texts begin that fit, which is all there is to know, or the one text itself; else ``None``."""
    head = glob.removesuffix(b"*")
    return head if WILD.isdisjoint(head) else None


def _searcher(glob: bytes) -> Test:
    found = searcher(_pattern(glob))
    assert found is not None  # so short and simple a pattern always compiles
    return found


def _pattern(glob: bytes) -> bytes:
    return b"^%s$" % b"".join(map(_translated, glob))


def _translated(byte: int) -> bytes:
    if byte in WILD:
        return b".*" if byte == ord("*") else b"."
    return b"\\%c" % byte if byte in META else b"%c" % byte

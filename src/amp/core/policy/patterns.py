"""POSIX extended patterns on bytes, searched in linear time and bounded memory.

Asterisk compiles filters with ``regcomp(REG_EXTENDED | REG_NOSUB)``: unanchored, a dot matches line ends,
``^`` and ``$`` are the ends of the whole text. RE2 is told the same, and that bytes are Latin-1, so that
nothing is ever decoded. What RE2 cannot do in linear time (back references) does not compile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import re2

from amp.core.policy.pattern_cost import META, bracket_end

__all__ = ["MAX_PATTERN_BYTES", "PATTERN_MEMORY_BYTES", "searcher"]

MAX_PATTERN_BYTES: Final = 512
"""Of one pattern or text. A line of a client has at most 1022 bytes anyway."""

PATTERN_MEMORY_BYTES: Final = 16 * 1024
"""What one compiled pattern may use, its search states included; it gets slower, not bigger or wrong. A
program that would not fit a quarter of this does not compile; `MAX_PARTS` keeps its search short."""


def searcher(pattern: bytes) -> Callable[[bytes], bool] | None:
    """Compile a pattern into "is it anywhere in this text?".

    Args:
        pattern: undecoded, as it stands in the configuration or in a ``Filter`` header.
    Returns:
        ``None`` if it does not compile, or would need more than `PATTERN_MEMORY_BYTES`.
    """
    if META.isdisjoint(pattern):
        return lambda text: pattern in text  # most filters are plain words; this is 20 times faster
    try:
        compiled = re2.compile(_translate(pattern), _options())
    except re2.error:
        return None
    search = compiled.search
    return lambda text: search(text) is not None


def _options() -> re2.Options:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = PATTERN_MEMORY_BYTES
    options.log_errors = False
    options.never_capture = True
    options.posix_syntax = True
    options.one_line = True
    options.dot_nl = True
    # glibc takes \w, \s and \b in extended patterns; with posix_syntax RE2 must be asked.
    options.perl_classes = True
    options.word_boundary = True
    return options


def _translate(pattern: bytes) -> bytes:
    # In a POSIX bracket expression a backslash is itself; RE2 would take it as an escape.
    out = bytearray()
    at = 0
    while at < len(pattern):
        if pattern[at : at + 1] == b"[":
            end = bracket_end(pattern, at)
            out += pattern[at:end].replace(b"\\", b"\\\\")
        else:
            end = at + (2 if pattern[at : at + 1] == b"\\" else 1)
            out += pattern[at:end]
        at = end
    return bytes(out)

"""What may stand behind a command's name, and how long it may be.

Older handlers of the sniffer copy arguments into small fixed buffers without looking at their length, and
broken JSON is not reported but read as "no arguments": both are caught here, before anything goes out.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

import attrs
import orjson

from amp.errors import LocalProtocolError

__all__ = ["MAX_LINE_BYTES", "MAX_WORD_BYTES", "Argument", "Kind", "check"]

MAX_WORD_BYTES: Final = 95
MAX_FILE_BYTES: Final = 1000
MAX_LINE_BYTES: Final = 4000
"""Of a line without its JSON and position list."""
MAX_JSON_BYTES: Final = 64 << 10
MAX_POSITIONS_BYTES: Final = 1 << 20


class Kind(enum.Enum):
    """What an argument is; the value says how many bytes it may have."""

    WORD = ("word", MAX_WORD_BYTES)
    FILE = ("file name", MAX_FILE_BYTES)
    FILES = ("list of file names", MAX_LINE_BYTES)
    """Names joined with ``|``, each as long as a file name may be."""
    POSITIONS = ("position list", MAX_POSITIONS_BYTES)
    """Where in a tar the parts of a file begin; thousands of numbers for a long call."""
    JSON = ("JSON", MAX_JSON_BYTES)
    """The rest of the line, as one JSON value."""
    REFERENCE = ("callreference or JSON", MAX_WORD_BYTES)
    """A word, or a JSON object that holds it."""
    OPTIONS = ("option names", MAX_LINE_BYTES)
    """Names of configuration options, joined with commas; never those of the key."""
    WORDS = ("words", MAX_LINE_BYTES)
    """The rest of the line, as words."""

    @property
    def max_bytes(self) -> int:
        """The longest that it may be."""
        return self.value[1]


@attrs.frozen
class Argument:
    """One argument of a command.

    Attributes:
        name: for help and error texts.
        kind: what it is.
        optional: it may be left out, and all behind it too.
    """

    name: str
    kind: Kind
    optional: bool = False


NUL_ESCAPE: Final = b"\\u0000"
_KEY_OPTION: Final = b"manager_aes"
_APART: Final = frozenset({Kind.JSON, Kind.POSITIONS})
"""Kinds that do not count for the line: their handlers read them into memory that grows."""


def check(command: str, expected: Sequence[Argument], text: bytes) -> None:
    """Hold a command's arguments against what it takes.

    Args:
        command: its name, for the error.
        text: all behind the name and its blank, without blanks at either end.

    Raises:
        LocalProtocolError: missing, too many, too long, or not what was expected; the text says which.
    """
    counted = len(command)
    for argument in expected:
        if not text:
            if argument.optional:
                return
            raise LocalProtocolError(f"{command}: {argument.name} is missing")
        kind, value, text = _take(argument.kind, text)
        problem = _problem(kind, value)
        if problem:
            raise LocalProtocolError(f"{command}: {argument.name} {problem}")
        counted += 0 if kind in _APART else len(value) + 1
        if counted > MAX_LINE_BYTES:
            raise LocalProtocolError(f"{command}: line too long, at most {MAX_LINE_BYTES} bytes")
    if text:
        raise LocalProtocolError(f"{command}: too many arguments, at most {len(expected)}")


def _take(kind: Kind, text: bytes) -> tuple[Kind, bytes, bytes]:
    """The kind that the next argument really is, its value, and what is left."""
    if kind is Kind.REFERENCE:
        kind = Kind.JSON if text.startswith(b"{") else Kind.WORD
    if kind in (Kind.JSON, Kind.WORDS):
        return kind, text, b""
    value, *rest = text.split(None, 1)
    return kind, value, rest[0] if rest else b""


def _problem(kind: Kind, value: bytes) -> str | None:
    """What is wrong with a value, to stand behind the argument's name."""
    if len(value) > kind.max_bytes:
        return f"too long: {len(value)} bytes, at most {kind.max_bytes}"
    if kind is Kind.JSON:
        return None if _is_json(value) else "is not valid JSON"
    if kind is Kind.OPTIONS and _KEY_OPTION in value.lower():
        return "names the sniffer's own key, which amp does not show"
    parts, limit = _parts(kind, value)
    longest = max(map(len, parts))
    return f"too long: {longest} bytes, at most {limit}" if longest > limit else None


def _parts(kind: Kind, value: bytes) -> tuple[list[bytes], int]:
    """The words that a handler copies one by one, and how long each may be."""
    match kind:
        case Kind.FILES:
            return value.split(b"|"), MAX_FILE_BYTES
        case Kind.WORDS:
            return value.split(), MAX_WORD_BYTES
        case Kind.OPTIONS:
            return value.split(b","), MAX_WORD_BYTES
        case _:
            return [value], kind.max_bytes


def _is_json(value: bytes) -> bool:
    # A text ends for the sniffer at a NUL, so "zip\u0000" would be another name for it than for amp.
    if NUL_ESCAPE in value:
        return False
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True

"""The errors that cattrs gathered, as one line each: path, what is wrong, what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs
from cattrs import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)

from amp.config.rules import suggestion
from amp.config.schema import key_of

__all__ = ["explain", "join_path"]

BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")


def explain(error: BaseException, path: str = "") -> Iterator[str]:
    """Every problem below an error, in the order of the classes' fields.

    Args:
        error: what ``Converter.structure`` raised.
        path: where in the file it happened, such as ``server[2]``; ``""`` for the whole file.
    """
    if isinstance(error, ClassValidationError | IterableValidationError):
        for inner in error.exceptions:
            yield from explain(inner, _path_of(inner, path))
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [key_of(field.name) for field in attrs.fields(error.cl)]
        for key in sorted(error.extra_fields):
            hint = suggestion(key, known) or f" (known: {', '.join(known)})"
            yield f"{join_path(path, key)}: unknown key{hint}"
    elif isinstance(error, KeyError):
        yield f"{path}: missing"
    elif isinstance(error, ValueError):
        yield f"{path}: {error}"
    else:
        raise error  # a bug in a rule must not look like the user's mistake


def join_path(path: str, key: str) -> str:
    """The path of a key in a table; an odd key is quoted and cut, so that a problem stays one line."""
    shown = key if BARE_KEY.fullmatch(key) else ascii(key[:40])
    return f"{path}.{shown}" if path else shown


def _path_of(error: BaseException, path: str) -> str:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return join_path(path, key_of(note.name))
        if isinstance(note, IterableValidationNote):
            return f"{path}[{note.index}]"
    return path

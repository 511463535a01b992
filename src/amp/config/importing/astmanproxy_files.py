"""astmanproxy's two files as astmanproxy reads them.

Facts of its ``config.c`` and ``config_perms.c``, all versions: a line that begins with ``;`` or ``#`` is a
comment; elsewhere those two end the line, wherever they stand; blanks and ``=`` are dropped, also inside of a
value; there are no sections. From 1.24 on a value of ``astmanproxy.conf`` may stand in double quotes, which
keep its blanks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

__all__ = ["Line", "read_conf", "read_users"]

COMMENT: Final = ";#"


@attrs.frozen
class Line:
    """One option.

    Attributes:
        number: of its line, from 1.
        name: as written, without blanks.
        value: what astmanproxy reads.
        cut: whether astmanproxy read another value than stands there: it broke off at a ``;`` or ``#`` inside
            of a word, or dropped a ``=``.
    """

    number: int
    name: str
    value: str
    cut: bool = False


def read_conf(text: str) -> Iterator[Line]:
    """The options of ``astmanproxy.conf`` in order."""
    return _lines(text, quotes=True)


def read_users(text: str) -> Iterator[Line]:
    """The users of ``astmanproxy.users`` in order."""
    return _lines(text, quotes=False)


def _lines(text: str, *, quotes: bool) -> Iterator[Line]:
    for number, line in enumerate(text.replace("\r", "").split("\n"), 1):
        if not line.strip(" \t") or line[0] in COMMENT:
            continue
        name, equals, rest = line.partition("=")
        if not equals or any(char in COMMENT for char in name):
            name, rest = _bare(line)[0], ""
        value, cut = _quoted(rest) if quotes and rest.lstrip(" \t").startswith('"') else _bare(rest)
        yield Line(number, _bare(name)[0], value, cut)


def _bare(text: str) -> tuple[str, bool]:
    end = min((at for at in map(text.find, COMMENT) if at >= 0), default=len(text))
    kept = text[:end]
    inside_a_word = 0 < end < len(text) and not kept.endswith((" ", "\t"))
    value = kept.replace(" ", "").replace("\t", "").replace("=", "")
    return value, inside_a_word or "=" in kept


def _quoted(text: str) -> tuple[str, bool]:
    inner = text.lstrip(" \t")[1:]
    end = min((at for at in map(inner.find, ('"', *COMMENT)) if at >= 0), default=len(inner))
    return inner[:end], inner[end : end + 1] != '"'

"""Other people's text on a terminal: nothing in it may move the cursor, or pass for something else."""

from __future__ import annotations

import unicodedata
from itertools import accumulate
from typing import Final

__all__ = ["columns", "cut", "printable"]

NO_WIDTH: Final = frozenset(("Mn", "Me"))
"""Categories of signs that stand on the one before them."""
WIDE: Final = frozenset("WF")
ELLIPSIS: Final = "…"


def printable(text: str) -> str:
    r"""The text with everything that is no sign as Python writes it: ``\x1b``, ``\u202e``.

    Control characters, line ends, signs that turn the direction of writing and lone surrogates are no signs.
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text
    )


def columns(text: str) -> int:
    """How many columns of a terminal a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def cut(text: str, width: int) -> str:
    """What fits of a printable text into so many columns, at least one; an ellipsis tells of the rest."""
    if columns(text) <= width:
        return text
    kept = sum(used < width for used in accumulate(map(_width, text)))
    return text[:kept] + ELLIPSIS


def _width(sign: str) -> int:
    if unicodedata.category(sign) in NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in WIDE else 1

"""Rows as a table for people: columns as wide as needed, numbers to the right, sizes and times in short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from amp.core.printable import printable

__all__ = ["Column", "in_bytes", "in_seconds", "table", "text"]

Row = Mapping[str, Any]

UNITS: Final = ("", "k", "M", "G", "T", "P")
NONE: Final = "-"


class Column(NamedTuple):
    """A column.

    Attributes:
        title: its head.
        show: a row's text for it.
        right: numbers stand to the right.
    """

    title: str
    show: Callable[[Row], str]
    right: bool = False


def text(name: str) -> Callable[[Row], str]:
    """Shows a field as it is; what is empty or not there as a dash."""

    def show(row: Row) -> str:
        value = row.get(name)
        return NONE if value is None or value == "" else printable(str(value))

    return show


def in_bytes(name: str) -> Callable[[Row], str]:
    """Shows a size with three figures at most, in powers of 1024."""

    def show(row: Row) -> str:
        size: float | None = row.get(name)
        if size is None:
            return NONE
        for unit in UNITS:
            if size < 1000 or unit == UNITS[-1]:
                break
            size /= 1024
        return f"{size:.0f}{unit}" if size >= 10 or not unit else f"{size:.1f}{unit}"

    return show


def in_seconds(name: str) -> Callable[[Row], str]:
    """Shows a time; none as a dash."""

    def show(row: Row) -> str:
        value = row.get(name)
        return f"{value:.1f}s" if value else NONE

    return show


def table(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[str]:
    """Lines, the heads first."""
    cells = [[column.title for column in columns]]
    cells += [[column.show(row) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        shown = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        )
        yield "  ".join(shown).rstrip()

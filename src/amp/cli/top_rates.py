"""From two looks at a running amp to rates, and from rows to those that are wanted, in the order wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import attrs

from amp.cli.show import state
from amp.cli.tables import Column, Row, in_bytes, in_seconds, text

__all__ = ["CLIENTS", "SERVERS", "Look", "Order", "Rates", "Sortable", "rated"]


class Sortable(NamedTuple):
    """A column, and what it is sorted by."""

    column: Column
    key: Callable[[Row], Any]


def _words(title: str, name: str) -> Sortable:
    return Sortable(Column(title, text(name)), lambda row: str(row.get(name) or ""))


def _number(title: str, name: str, show: Callable[[str], Callable[[Row], str]] = text) -> Sortable:
    return Sortable(Column(title, show(name), right=True), lambda row: row.get(name) or 0)


def _rate(name: str) -> Callable[[Row], str]:
    def show(row: Row) -> str:
        value = row.get(name)
        return "-" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"

    return show


SERVERS: Final[Sequence[Sortable]] = (
    _words("NAME", "name"),
    Sortable(Column("STATE", state), state),
    _number("EVENTS/s", "events_s", _rate),
    _number("IN/s", "bytes_in_s", in_bytes),
    _number("ACTIONS/s", "actions_s", _rate),
    _number("PENDING", "pending"),
    _number("OLDEST", "oldest_pending_s", in_seconds),
    _words("VERSION", "version"),
    _words("REASON", "reason"),
)

CLIENTS: Final[Sequence[Sortable]] = (
    _number("CLIENT", "number"),
    _words("USER", "user"),
    _words("ADDRESS", "address"),
    _words("PROTOCOL", "protocol"),
    _number("EVENTS/s", "events_s", _rate),
    _number("OUT/s", "bytes_out_s", in_bytes),
    _number("WAITING", "waiting_bytes", in_bytes),
    _number("PEAK", "peak_bytes", in_bytes),
    _number("GAPS", "gaps"),
)

RATED: Final = ("events", "actions", "bytes_in", "bytes_out")


class Look(NamedTuple):
    """What amp showed at one time.

    Attributes:
        at: monotonic seconds.
        about: its name, version, uptime and the like.
    """

    at: float
    about: Mapping[str, Any]
    servers: Sequence[Row]
    clients: Sequence[Row]


class Rates:
    """Turns looks at the same amp into looks with rates: each counter ``x`` gets an ``x_s`` beside it."""

    def __init__(self) -> None:
        self._before: Look | None = None

    def take(self, look: Look) -> Look:
        """The next look; without rates if it is the first, or amp was started anew since."""
        before, self._before = self._before, look
        if before is None or look.about.get("uptime_s", 0) < before.about.get("uptime_s", 0):
            return look
        seconds = look.at - before.at
        return look._replace(
            servers=rated(look.servers, {row["name"]: row for row in before.servers}, "name", seconds),
            clients=rated(look.clients, {row["number"]: row for row in before.clients}, "number", seconds),
        )


def rated(rows: Sequence[Row], before: Mapping[Any, Row], key: str, seconds: float) -> Sequence[Row]:
    """The rows with rates; what was not there before has none."""
    if seconds <= 0:
        return rows
    return [{**row, **_rates(row, before.get(row[key]), seconds)} for row in rows]


def _rates(row: Row, before: Row | None, seconds: float) -> dict[str, float]:
    if before is None:
        return {}
    return {
        f"{name}_s": max(0, row[name] - before[name]) / seconds
        for name in RATED
        if name in row and name in before
    }


@attrs.define
class Order:
    """Which rows of a table are shown, and in which order.

    Attributes:
        columns: of the table.
        by: the column that sorts; ``None`` for the order in which amp has them.
        reverse: greatest first.
        wanted: rows with this text somewhere, whatever the case; empty for all.
    """

    columns: Sequence[Sortable]
    by: int | None = None
    reverse: bool = False
    wanted: str = ""

    def next(self) -> None:
        """Sort by the next column; numbers begin with the greatest."""
        after = 0 if self.by is None else self.by + 1
        self.by = after if after < len(self.columns) else None
        self.reverse = self.by is not None and self.columns[self.by].column.right

    def apply(self, rows: Sequence[Row]) -> list[Row]:
        """The rows that are shown."""
        wanted = self.wanted.lower()
        kept = [row for row in rows if not wanted or any(wanted in cell.lower() for cell in self.cells(row))]
        if self.by is not None:
            kept.sort(key=self.columns[self.by].key, reverse=self.reverse)
        return kept

    def cells(self, row: Row) -> list[str]:
        """A row's texts."""
        return [one.column.show(row) for one in self.columns]

    def titles(self) -> list[str]:
        """The heads, with a sign at the column that sorts."""
        signs = {self.by: " ▼" if self.reverse else " ▲"}
        return [f"{one.column.title}{signs.get(index, '')}" for index, one in enumerate(self.columns)]

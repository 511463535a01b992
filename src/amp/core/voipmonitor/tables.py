"""The reply to ``listcalls`` or ``listregisters`` as a table.

Three forms come: ``[HEADER, ROW...]``, ``[HEADER, [TOTALS], ROW...]`` and, for ``"limit":"0"``, only the
object TOTALS (recordings plain-listcalls-26, -26-limit5, -26-limit0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard

import attrs
import orjson

from amp.core.voipmonitor.columns import Columns, Value, columns_of, normalised
from amp.errors import RemoteProtocolError

__all__ = ["Row", "Table", "is_count", "parse_table"]


MOST_ROWS: Final = 50_000
MOST_CELLS: Final = 5_000_000
MOST_COLUMNS: Final = 300
LONGEST_NAME: Final = 200
"""Of a column, in letters. A sniffer's table has some 70 columns, and custom headers are a few more."""
LARGEST_COUNT: Final = 1 << 53


@attrs.frozen(eq=False)
class Row:
    """One call or registration; a view on its values, made when somebody looks.

    Attributes:
        columns: positions by name.
        values: as they came, perhaps fewer or more than there are names.
    """

    columns: Columns
    values: list[Any]

    def raw(self, name: str) -> Any:
        """A value as it came; ``None`` if there is no such column or the row is too short for it."""
        place = self.columns.get(name)
        return self.values[place] if place is not None and place < len(self.values) else None

    def get(self, name: str) -> Value:
        """A value as people read it (see `normalised`)."""
        return normalised(name, self.raw(name))

    def items(self) -> Iterator[tuple[str, Value]]:
        """All columns in their order, as people read them."""
        return ((name, self.get(name)) for name in sorted(self.columns, key=self.columns.__getitem__))


@attrs.frozen(eq=False)
class Table:
    """A list of calls or registrations.

    Attributes:
        header: the names of the columns; empty if only totals were asked for.
        values: of each row.
        totals: what the sniffer counted, ``{}`` if it did not tell.
    """

    header: tuple[str, ...]
    values: list[list[Any]]
    totals: Mapping[str, Any]

    @property
    def columns(self) -> Columns:
        """Positions by name."""
        return columns_of(self.header)

    def rows(self) -> Iterator[Row]:
        """The rows, in the order they came."""
        columns = self.columns
        return (Row(columns, values) for values in self.values)

    @property
    def total(self) -> int:
        """How many there are: as counted behind the filter and before the limit, else the rows."""
        counted = self.totals.get("total")
        return counted if is_count(counted) else len(self.values)


def is_count(value: object) -> TypeGuard[int]:
    """Whether this can be a number of calls; sums of such numbers can still be written as JSON."""
    return type(value) is int and 0 <= value <= LARGEST_COUNT


def parse_table(reply: bytes) -> Table:
    """Read a whole reply, unpacked.

    Raises:
        RemoteProtocolError: no JSON (a reply cut short, an error text), none of the three forms, or a table
            that is larger than any sniffer's: a row of no values is three bytes here, and hundreds in memory.
    """
    if reply.count(b"[") > 2 * MOST_ROWS or reply.count(b",") > MOST_CELLS:
        raise RemoteProtocolError(f"a table of over {MOST_ROWS} rows")
    try:
        found = orjson.loads(reply)
    except orjson.JSONDecodeError:
        raise RemoteProtocolError(f"expected a table in JSON, got {reply[:40]!r}") from None
    if isinstance(found, dict):
        return Table((), [], found)
    if not isinstance(found, list) or not found or not _is_header(found[0]):
        raise RemoteProtocolError(f"expected a table with a header, got {reply[:40]!r}")
    header = tuple(found[0])
    totals: Mapping[str, Any] = {}
    start = 1
    if len(found) > 1 and isinstance(found[1], list) and found[1] and isinstance(found[1][0], dict):
        totals = found[1][0]
        start = 2
    rows = found[start:]
    if len(rows) > MOST_ROWS:
        raise RemoteProtocolError(f"a table of over {MOST_ROWS} rows")
    if not all(isinstance(row, list) for row in rows):
        raise RemoteProtocolError("a table with a row that is no list")
    return Table(header, rows, totals)


def _is_header(found: object) -> bool:
    return (
        isinstance(found, list)
        and 0 < len(found) <= MOST_COLUMNS
        and all(isinstance(name, str) and len(name) <= LONGEST_NAME for name in found)
    )

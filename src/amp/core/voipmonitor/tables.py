"""The reply to ``listcalls`` or ``listregisters`` as a table.

Three forms come: ``[HEADER, ROW...]``, ``[HEADER, [TOTALS], ROW...]`` and, for ``"limit":"0"``, only the
object TOTALS (recordings plain-listcalls-26, -26-limit5, -26-limit0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import orjson

from amp.core.voipmonitor.columns import Columns, Value, columns_of, normalised
from amp.errors import RemoteProtocolError

__all__ = ["Row", "Table", "parse_table"]


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
        return counted if isinstance(counted, int) else len(self.values)


def parse_table(reply: bytes) -> Table:
    """Read a whole reply, unpacked.

    Raises:
        RemoteProtocolError: no JSON (a reply cut short, an error text), or none of the three forms.
    """
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
    if not all(isinstance(row, list) for row in rows):
        raise RemoteProtocolError("a table with a row that is no list")
    return Table(header, rows, totals)


def _is_header(found: object) -> bool:
    return isinstance(found, list) and bool(found) and all(isinstance(name, str) for name in found)

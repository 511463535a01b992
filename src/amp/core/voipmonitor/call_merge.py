"""The calls of several sniffers as one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from amp.core.voipmonitor.tables import Table, is_count, parse_table
from amp.errors import RemoteProtocolError

__all__ = ["SERVER_COLUMN", "CallMerge"]

SERVER_COLUMN: Final = "server"
"""The last one of a merged table: the name of the sniffer, as amp calls it."""

DEFAULT_SORT: Final = "calldate_num"
MAP_SIZE: Final = 100
"""How many entries a sniffer gives of a map of addresses or numbers."""

OWN_TOTALS: Final = frozenset(("total", "servers"))
"""What amp itself tells of the whole."""

SortKey = tuple[bool, Any, str]


class CallMerge:
    """Takes replies to ``listcalls`` and makes one of them, in the same form.

    Args:
        arguments: of the command. ``limit``, ``sort_field`` and ``sort_dir`` hold for the whole as for each:
            a sniffer understands no other ones, and takes broken JSON for none.
    """

    def __init__(self, arguments: bytes) -> None:
        asked = _object(arguments)
        limit = str(asked.get("limit", ""))
        self._limit = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 10 else None
        self._sort_field = str(asked.get("sort_field") or DEFAULT_SORT)
        self._descending = str(asked.get("sort_dir", "")).lower() != "asc"
        self._columns: dict[str, None] = {}
        self._tables: list[tuple[str, Table]] = []

    def add(self, server: str, reply: bytes) -> None:
        """The whole reply of one sniffer, unpacked.

        Raises:
            RemoteProtocolError: it is none.
        """
        table = parse_table(reply)
        if not table.header and "total" not in table.totals:
            raise RemoteProtocolError(f"expected a table of calls, got {reply[:40]!r}")
        self._columns.update(dict.fromkeys(name for name in table.header if name != SERVER_COLUMN))
        self._tables.append((server, table))

    def reply(self) -> bytes:
        """``[HEADER, [TOTALS], ROW...]``, or TOTALS alone for the limit 0.

        Rows have as many values as there are columns; sniffers of other versions have other columns, and
        then rows have null for those of the others.
        """
        totals = self._totals()
        header = [*self._columns, SERVER_COLUMN]
        if self._limit == 0 or len(header) == 1:
            return orjson.dumps(totals)
        rows = self._rows()
        try:
            return orjson.dumps([header, [totals], *rows])
        except TypeError:  # a cell nested so deep that it can be read but not be written
            return orjson.dumps([header, [totals], *map(_flat, rows)])

    def _rows(self) -> list[list[Any]]:
        rows: list[list[Any]] = []
        for server, table in self._tables:
            if table.header == tuple(self._columns):
                width = len(table.header)
                rows += [
                    [*values[:width], *[None] * (width - len(values)), server] for values in table.values
                ]
            else:
                rows += [[*map(row.raw, self._columns), server] for row in table.rows()]
        if len(self._tables) > 1 and self._sort_field in self._columns:
            place = list(self._columns).index(self._sort_field)
            rows.sort(key=lambda row: _sort_key(row[place]), reverse=self._descending)
        return rows[: self._limit]

    def _totals(self) -> dict[str, Any]:
        """The sums of what was counted; ``servers`` has the calls of each sniffer."""
        totals: dict[str, Any] = {"total": sum(table.total for _, table in self._tables)}
        totals["servers"] = {server: table.total for server, table in self._tables}
        for _, table in self._tables:
            for name, counts in table.totals.items():
                if isinstance(counts, dict) and name not in OWN_TOTALS:
                    _add(totals.setdefault(name, {}), counts)
        for name, counts in totals.items():
            if name not in OWN_TOTALS:
                largest = sorted(counts.items(), key=lambda pair: -pair[1])
                totals[name] = dict(largest[:MAP_SIZE])
        return totals


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _add(sums: dict[str, int], counts: Mapping[str, Any]) -> None:
    for key, count in counts.items():
        if is_count(count):
            sums[key] = sums.get(key, 0) + count


def _flat(row: list[Any]) -> list[Any]:
    return [None if isinstance(cell, list | dict) else cell for cell in row]


def _sort_key(value: Any) -> SortKey:
    """Numbers by their size before texts by their letters; nothing counts as the least."""
    if isinstance(value, str):
        return True, 0, value
    return False, value if isinstance(value, int | float) else float("-inf"), ""

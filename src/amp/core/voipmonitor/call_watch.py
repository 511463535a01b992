"""What changed between two looks at a sniffer's calls."""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, TypeVar

import attrs

from amp.core.voipmonitor.columns import columns_of
from amp.core.voipmonitor.tables import Row, Table
from amp.errors import RemoteProtocolError

__all__ = [
    "CONNECT_COLUMN",
    "QUALITY_COLUMNS",
    "ROWS_AT_ONCE",
    "STATE_COLUMNS",
    "CallChanges",
    "CallWatch",
    "Reset",
]

IDENTITY_COLUMNS: Final = ("callreference", "callid", "calldate_num")
"""A call id that returns is a new call, and an address in memory is used again; together they stay apart."""

STATE_COLUMNS: Final = (
    "lastSIPresponseNum",
    "callercodec",
    "calledcodec",
    "caller",
    "called",
    "callerip",
    "calledip",
    "rtp_src",
    "rtp_dst",
    "sipproxies",
)
"""A change in one of these, or the call's being connected, is worth telling at once."""

QUALITY_COLUMNS: Final = (
    "src_mosf1",
    "src_mosf2",
    "src_mosAD",
    "dst_mosf1",
    "dst_mosf2",
    "dst_mosAD",
    "src_jitter",
    "dst_jitter",
    "src_loss_last10sec",
    "dst_loss_last10sec",
)
"""A change in one of these is worth telling now and then."""

CONNECT_COLUMN: Final = "connect_duration"
"""0 until the call is connected."""

UPTIME_SLACK_S: Final = 5.0
"""Uptime comes in whole seconds, and its reply may be late; a start that moves by more is another start."""

ROWS_AT_ONCE: Final = 500
"""So many are compared in one go: a large table must not hold up everybody else."""

MIN_RETURNED: Final = 2
"""So many call ids with new references and nobody left are a restart, and not one call that came again."""


T = TypeVar("T")


class Reset(enum.Enum):
    """How a restart of the sniffer was noticed."""

    UPTIME = "uptime"
    REFERENCES = "all calls have new references"


@attrs.frozen
class CallChanges:
    """The differences between the last table and this one.

    Attributes:
        started: calls that were not there before, in the table's order.
        updated: calls whose state changed, or whose quality did and was not told for a while.
        changed: for each of ``updated`` the columns that made it worth telling.
        ended: calls that are gone, with what was last known of them.
        reset: the sniffer was restarted; then the others are empty, and the table is the new beginning.
    """

    started: tuple[Row, ...] = ()
    updated: tuple[Row, ...] = ()
    changed: tuple[tuple[str, ...], ...] = ()
    ended: tuple[Row, ...] = ()
    reset: Reset | None = None

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.started or self.updated or self.ended or self.reset)


Cells = tuple[Any, ...]


class _Layout:
    """Where in the rows of one header to look; what the header does not have is left out."""

    def __init__(self, header: tuple[str, ...]) -> None:
        self.header = header
        self.columns = columns_of(header)
        self.width = len(header)
        if "callid" not in self.columns:
            raise RemoteProtocolError("expected a table of calls, got one without callid")
        self.state_names = self._there(STATE_COLUMNS)
        self.quality_names = self._there(QUALITY_COLUMNS)
        self.identity = self._picker(self._there(IDENTITY_COLUMNS))
        self.state = self._picker(self.state_names)
        self.quality = self._picker(self.quality_names)
        self.connect = self.columns.get(CONNECT_COLUMN, self.columns["callid"])

    def _there(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name in self.columns)

    def _picker(self, names: tuple[str, ...]) -> Callable[[list[Any]], tuple[Any, ...]]:
        places = [self.columns[name] for name in names]
        if len(places) > 1:
            return itemgetter(*places)
        return lambda row: tuple(row[place] for place in places)

    def changed(self, seen: _Seen, connected: bool, state: Cells, quality: Cells) -> tuple[str, ...]:
        """The columns that make a call worth telling again: those of its state, else of its quality."""
        names: tuple[str, ...] = () if connected is seen[1] else (CONNECT_COLUMN,)
        names += _differing(self.state_names, seen[2], state)
        return names or _differing(self.quality_names, seen[3], quality)

    def rows(self, many: Iterable[list[Any]]) -> tuple[Row, ...]:
        return tuple([Row(self.columns, values) for values in many])


def _differing(names: tuple[str, ...], before: Cells, after: Cells) -> tuple[str, ...]:
    # With a new header there may be fewer or more of them.
    return tuple(name for name, old, new in zip(names, before, after, strict=False) if old != new)


_Seen = tuple[list[Any], bool, Cells, Cells, float]
"""What is remembered of one call: its values, whether it is connected, its state, and the quality that was
told last, with the time. A plain tuple, since one is made for each call of each table."""


_Compared = tuple[dict[Any, _Seen], list[list[Any]], list[tuple[list[Any], tuple[str, ...]]]]


class CallWatch:
    """Follows the calls of one sniffer from table to table. Times are the caller's monotonic seconds.

    Args:
        quality_s: how often a call is told again at most when only its quality changes.

    The first table gives every call as started. After a failed exchange ask ``sniffer_stat`` and call
    `note_uptime` before the next table, so that a restart is known before its calls are.
    """

    def __init__(self, quality_s: float = 10.0) -> None:
        self._quality_s = quality_s
        self._seen: dict[Any, _Seen] = {}
        self._layout: _Layout | None = None
        self._started_at: float | None = None
        self._restarted = False

    def __len__(self) -> int:
        """How many live calls there were in the last table."""
        return len(self._seen)

    def calls(self) -> tuple[Row, ...]:
        """The live calls, as of the last table."""
        return () if self._layout is None else self._layout.rows(seen[0] for seen in self._seen.values())

    def note_uptime(self, uptime_s: float, now: float) -> None:
        """Tell how long the sniffer has been running; a restart makes the next `update` a reset."""
        started_at = now - uptime_s
        if self._started_at is not None and started_at > self._started_at + UPTIME_SLACK_S:
            self._restarted = self._layout is not None
        self._started_at = started_at

    def update(self, table: Table, now: float) -> CallChanges:
        """Compare with the last table and remember this one; see `updating`."""
        step = self.updating(table, now)
        while True:
            try:
                next(step)
            except StopIteration as end:
                changes: CallChanges = end.value
                return changes

    def updating(self, table: Table, now: float) -> Generator[None, None, CallChanges]:
        """Compare with the last table and remember this one, in steps between which others may have a turn.

        Raises:
            RemoteProtocolError: not a table of calls. What was remembered stays.
        """
        last = self._layout
        layout = last if last is not None and last.header == table.header else _Layout(table.header)
        try:
            after, started, updated = yield from self._compare(table, layout, now)
        except (TypeError, RecursionError):
            raise RemoteProtocolError("a call whose id is no text, or with a value nested too deep") from None
        before = self._seen
        gone = yield from _gone(before, after)
        changes = CallChanges(
            (yield from _rows(layout, started)),
            (yield from _rows(layout, [values for values, _ in updated])),
            tuple([names for _, names in updated]),
            (yield from _rows(last or layout, gone)),
        )
        reset = yield from self._reset(changes, survivors=len(before) - len(gone))
        self._seen, self._layout = after, layout  # not before: whoever leaves halfway has seen nothing
        return CallChanges(reset=reset) if reset else changes

    def _compare(self, table: Table, layout: _Layout, now: float) -> Generator[None, None, _Compared]:
        """What to remember of a table, and the values of calls that are new, or have changed and where."""
        before = self._seen
        after: dict[Any, _Seen] = {}
        started: list[list[Any]] = []
        updated: list[tuple[list[Any], tuple[str, ...]]] = []
        width, connect = layout.width, layout.connect
        identity_of, state_of, quality_of = layout.identity, layout.state, layout.quality
        quiet_since = now - self._quality_s
        for number, values in enumerate(table.values):
            if number % ROWS_AT_ONCE == 0:
                yield
            if len(values) < width:
                values = values + [None] * (width - len(values))
            identity = identity_of(values)
            if identity in after:  # a call that comes twice counts once
                continue
            connected, state, quality = bool(values[connect]), state_of(values), quality_of(values)
            seen = before.get(identity)
            if seen is None:
                started.append(values)
            elif state == seen[2] and connected is seen[1] and (quality == seen[3] or seen[4] > quiet_since):
                after[identity] = (values, connected, state, seen[3], seen[4])
                continue
            else:
                updated.append((values, layout.changed(seen, connected, state, quality)))
            after[identity] = (values, connected, state, quality, now)
        return after, started, updated

    def _reset(self, changes: CallChanges, *, survivors: int) -> Generator[None, None, Reset | None]:
        """Whether the sniffer was restarted since the last table."""
        if self._restarted:
            self._restarted = False
            return Reset.UPTIME
        if survivors or len(changes.ended) < MIN_RETURNED:
            return None
        ended: set[Any] = set()
        for some in _some(changes.ended):
            ended.update([row.raw("callid") for row in some])
            yield
        returned: set[Any] = set()
        for some in _some(changes.started):
            returned.update([callid for row in some if (callid := row.raw("callid")) in ended])
            yield
        return Reset.REFERENCES if len(returned) >= MIN_RETURNED else None


def _some(many: Sequence[T]) -> Iterator[Sequence[T]]:
    """So many at a time that nobody waits long for their turn."""
    return (many[at : at + ROWS_AT_ONCE] for at in range(0, len(many), ROWS_AT_ONCE))


def _rows(layout: _Layout, many: Sequence[list[Any]]) -> Generator[None, None, tuple[Row, ...]]:
    """A view on each, in steps."""
    rows: list[Row] = []
    for some in _some(many):
        rows += layout.rows(some)
        yield
    return tuple(rows)


def _gone(before: Mapping[Any, _Seen], after: Mapping[Any, _Seen]) -> Generator[None, None, list[list[Any]]]:
    """The values of calls that are not there any more, in steps."""
    gone: list[list[Any]] = []
    for some in _some(list(before)):
        gone += [before[identity][0] for identity in some if identity not in after]
        yield
    return gone

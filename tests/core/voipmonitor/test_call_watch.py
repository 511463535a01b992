"""Differences between two looks at a sniffer's calls."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from amp.core.voipmonitor.call_watch import (
    QUALITY_COLUMNS,
    ROWS_AT_ONCE,
    STATE_COLUMNS,
    CallChanges,
    CallWatch,
    Reset,
)
from amp.core.voipmonitor.tables import Row, Table, parse_table
from amp.errors import RemoteProtocolError
from sniffer_recordings import recording

HEADER = (
    "callreference",
    "callid",
    "calldate_num",
    "duration",
    "connect_duration",
    *STATE_COLUMNS,
    *QUALITY_COLUMNS,
    "src_received",
)


def call(callid: str, reference: str = "", /, **values: Any) -> list[Any]:
    row = {"callid": callid, "callreference": reference or f"0x{callid}", "calldate_num": 1, **values}
    return [row.get(name) for name in HEADER]


def table(*calls: list[Any]) -> Table:
    return Table(HEADER, list(calls), {})


def ids(rows: tuple[Row, ...]) -> list[object]:
    return [row.get("callid") for row in rows]


def told(changes: CallChanges) -> tuple[list[object], list[object], list[object]]:
    assert changes.reset is None
    return ids(changes.started), ids(changes.updated), ids(changes.ended)


def test_no_step_looks_at_more_than_a_few_rows() -> None:
    """Each of what is compared, gone, new and looked up for a restart is told in steps of its own."""
    watch = CallWatch()
    rows = 4 * ROWS_AT_ONCE
    watch.update(table(*[call(f"a{number}") for number in range(rows)]), 0)
    step, steps = watch.updating(table(*[call(f"b{number}") for number in range(rows)]), 1), 0
    with pytest.raises(StopIteration) as end:
        while True:
            next(step)
            steps += 1
    changes: CallChanges = end.value.value
    assert len(changes.started) == len(changes.ended) == rows
    assert steps == 6 * (rows // ROWS_AT_ONCE)


def test_what_was_not_looked_at_to_the_end_is_as_if_it_had_not_come() -> None:
    watch = CallWatch()
    watch.update(table(call("a")), 0)
    step = watch.updating(table(call("b")), 1)
    for _ in range(4):
        next(step)
    step.close()
    assert ids(watch.calls()) == ["a"]
    assert told(watch.update(table(call("b")), 2)) == (["b"], [], ["a"])


def test_calls_start_and_end() -> None:
    watch = CallWatch()
    assert told(watch.update(table(call("a"), call("b")), 0)) == (["a", "b"], [], [])
    changes = watch.update(table(call("b"), call("c")), 1)
    assert told(changes) == (["c"], [], ["a"])
    assert changes
    assert ids(watch.calls()) == ["b", "c"]
    assert not watch.update(table(call("b"), call("c")), 2)


@pytest.mark.parametrize("column", STATE_COLUMNS)
def test_state_is_told_at_once(column: str) -> None:
    watch = CallWatch()
    watch.update(table(call("a", **{column: 180})), 0)
    changes = watch.update(table(call("a", **{column: 200})), 0.1)
    assert told(changes) == ([], ["a"], [])
    assert changes.updated[0].raw(column) == 200
    assert changes.changed == ((column,),)
    assert not watch.update(table(call("a", **{column: 200})), 0.2)


def test_being_connected_is_told_once() -> None:
    watch = CallWatch()
    watch.update(table(call("a", connect_duration=0)), 0)
    changes = watch.update(table(call("a", connect_duration=1)), 1)
    assert told(changes) == ([], ["a"], [])
    assert changes.changed == (("connect_duration",),)
    assert not watch.update(table(call("a", connect_duration=2, duration=3, src_received=50)), 2)


def test_quality_is_told_now_and_then() -> None:
    watch = CallWatch(quality_s=10)
    watch.update(table(call("a", src_mosf1=45)), 0)
    assert not watch.update(table(call("a", src_mosf1=44)), 9)
    changes = watch.update(table(call("a", src_mosf1=43)), 10)
    assert told(changes) == ([], ["a"], [])
    assert changes.changed == (("src_mosf1",),)
    assert not watch.update(table(call("a", src_mosf1=42)), 19)
    assert not watch.update(table(call("a", src_mosf1=43)), 25)  # as last told
    assert told(watch.update(table(call("a", src_mosf1=40)), 26)) == ([], ["a"], [])


def test_telling_the_state_tells_the_quality_with_it() -> None:
    watch = CallWatch(quality_s=10)
    watch.update(table(call("a", src_jitter=1, lastSIPresponseNum=180)), 0)
    assert watch.update(table(call("a", src_jitter=2, lastSIPresponseNum=200)), 8)
    assert not watch.update(table(call("a", src_jitter=3, lastSIPresponseNum=200)), 12)
    assert watch.update(table(call("a", src_jitter=3, lastSIPresponseNum=200)), 18)


def test_a_call_id_that_returns_is_a_new_call() -> None:
    watch = CallWatch()
    watch.update(table(call("a", "0x1")), 0)
    assert told(watch.update(table(call("a", "0x2")), 1)) == (["a"], [], ["a"])
    assert told(watch.update(table(call("a", "0x2", calldate_num=9)), 2)) == (["a"], [], ["a"])


def test_a_restart_told_by_uptime_is_one_reset() -> None:
    watch = CallWatch()
    watch.note_uptime(1000, 0)
    watch.update(table(call("a"), call("b")), 0)
    watch.note_uptime(1002, 2.9)
    assert told(watch.update(table(call("a")), 3)) == ([], [], ["b"])
    watch.note_uptime(1, 10)
    changes = watch.update(table(call("c")), 10)
    assert changes == CallChanges(reset=Reset.UPTIME)
    assert changes
    assert ids(watch.calls()) == ["c"]
    assert told(watch.update(table(), 11)) == ([], [], ["c"])


def test_a_restart_before_the_first_table_is_none() -> None:
    watch = CallWatch()
    watch.note_uptime(1000, 0)
    watch.note_uptime(1, 10)
    assert told(watch.update(table(call("a")), 10)) == (["a"], [], [])


def test_a_restart_shown_by_new_references_is_one_reset() -> None:
    watch = CallWatch()
    watch.update(table(call("a", "0x1"), call("b", "0x2"), call("c", "0x3")), 0)
    assert watch.update(table(call("a", "0x8"), call("b", "0x9")), 1) == CallChanges(reset=Reset.REFERENCES)


def test_calls_that_all_end_at_once_are_no_restart() -> None:
    watch = CallWatch()
    watch.update(table(call("a"), call("b"), call("c")), 0)
    assert told(watch.update(table(call("d")), 1)) == (["d"], [], ["a", "b", "c"])


def test_columns_may_change_with_a_new_sniffer() -> None:
    watch = CallWatch()
    watch.update(table(call("a")), 0)
    changes = watch.update(Table(("callid",), [["a"], []], {}), 1)
    assert told(changes) == (["a", None], [], ["a"])


def test_what_is_no_table_of_calls_changes_nothing() -> None:
    watch = CallWatch()
    watch.update(table(call("a")), 0)
    with pytest.raises(RemoteProtocolError, match="without callid"):
        watch.update(Table((), [], {"total": 5}), 1)
    with pytest.raises(RemoteProtocolError, match="no text"):
        watch.update(Table(("callid",), [[["a"]]], {}), 1)
    assert ids(watch.calls()) == ["a"]


def test_recorded_tables_one_after_the_other() -> None:
    watch = CallWatch()
    first = watch.update(parse_table(recording("plain-listcalls-26").received), 0)
    assert len(first.started) == 26
    assert not watch.update(parse_table(recording("plain-listcalls-26").received), 1)
    assert len(watch.update(parse_table(recording("plain-listcalls-0").received), 2).ended) == 26


class Watching(RuleBasedStateMachine):
    """Whoever applies every change to a set of calls has the sniffer's own set of calls."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = CallWatch()
        self.live: dict[str, tuple[str, int]] = {}
        self.shown: dict[str, tuple[str, int]] = {}
        self.references = 0

    @rule(callid=st.sampled_from("abcd"), state=st.integers(100, 103))
    def begin_or_change(self, callid: str, state: int) -> None:
        self.references += callid not in self.live
        reference = self.live[callid][0] if callid in self.live else f"0x{self.references}"
        self.live[callid] = (reference, state)

    @rule(callid=st.sampled_from("abcd"))
    def end(self, callid: str) -> None:
        self.live.pop(callid, None)

    @rule()
    def look(self) -> None:
        rows = [call(name, ref, lastSIPresponseNum=state) for name, (ref, state) in self.live.items()]
        changes = self.watch.update(table(*rows), 0)
        if changes.reset:
            self.shown = {}
            changes = CallChanges(self.watch.calls())
        for row in changes.ended:
            assert self.shown.pop(row.raw("callid"))[0] == row.raw("callreference")
        for row in changes.started:
            assert row.raw("callid") not in self.shown
        for row in (*changes.started, *changes.updated):
            self.shown[row.raw("callid")] = (row.raw("callreference"), row.raw("lastSIPresponseNum"))
        assert self.shown == self.live

    @invariant()
    def calls_are_those_of_the_last_look(self) -> None:
        assert {row.raw("callid") for row in self.watch.calls()} == set(self.shown)
        assert len(self.watch) == len(self.shown)


TestWatching = Watching.TestCase


def test_a_call_that_comes_twice_counts_once() -> None:
    watch, twice = CallWatch(), parse_table(b'[["callid","caller"],["a","1"],["a","2"]]')
    assert [row.raw("caller") for row in watch.update(twice, 0.0).started] == ["1"]
    assert len(watch) == 1
    assert not watch.update(twice, 1.0)


def test_a_value_nested_too_deep_to_compare_is_told() -> None:
    deep = parse_table(b'[["callid","caller"],["a",%s]]' % (b"[" * 1000 + b"]" * 1000))
    again = parse_table(b'[["callid","caller"],["a",%s]]' % (b"[" * 1000 + b"]" * 1000))
    watch = CallWatch()
    watch.update(deep, 0.0)
    with pytest.raises(RemoteProtocolError, match="nested too deep"):
        watch.update(again, 1.0)

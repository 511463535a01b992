"""When a watched sniffer is asked what, and which events come of it."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from amp.core.voipmonitor.watch import Health, Topic, Watch, WatchTimes
from amp.core.voipmonitor.watch_events import WatchEvents

HEADER = ["callreference", "callid", "calldate_num", "connect_duration", "lastSIPresponseNum"]


def calls(*ids: str, response: int = 180, reference: str = "0x") -> bytes:
    return orjson.dumps([HEADER, *([reference + each, each, 1, 0, response] for each in ids)])


def stat(uptime: int = 100) -> bytes:
    return orjson.dumps({"version": "v1", "uptime": str(uptime)})


class Bench:
    """A watch and its clock."""

    def __init__(self, **times: Any) -> None:
        self.watch = Watch(
            WatchTimes(**{"calls_s": 2.0, "stat_s": 10.0, **times}), WatchEvents("s2", b"e", b"k" * 16)
        )
        self.now = 100.0

    def want(self, *, calls: bool = True, state: bool = False) -> None:
        self.watch.want(calls=calls, state=state, now=self.now)

    def ask(self, reply: bytes | str) -> tuple[Topic, list[str]]:
        """Wait for the next question, answer it (or fail it, with a text), and give what is told."""
        self.now = max(self.now, self.watch.next_deadline())
        assert self.now < math.inf
        topic = self.watch.question(self.now)
        assert topic is not None
        if isinstance(reply, str):
            return topic, told(self.watch.failed(topic, reply, self.now))
        return topic, told(self.watch.answered(topic, reply, self.now))

    def begin(self, *ids: str) -> None:
        self.want()
        assert self.ask(stat()) == (Topic.STAT, [])
        assert self.ask(calls(*ids)) == (Topic.CALLS, [f"SnifferReset watching began {len(ids)}"])


def told(events: list[bytes]) -> list[str]:
    """The events in short."""
    short = []
    for raw in events:
        lines = dict(line.split(": ", 1) for line in raw.decode().split("\r\n"))
        words = (lines.get(name) for name in ("Reason", "CallID", "Version", "Changed", "Calls"))
        short.append(" ".join([lines["Event"], *filter(None, words)]))
    return short


def test_nobody_looks_and_nothing_is_asked() -> None:
    bench = Bench()
    assert bench.watch.next_deadline() == math.inf
    assert bench.watch.question(1e9) is None
    bench.want(calls=False)
    assert not bench.watch.wanted


def test_the_first_table_is_where_changes_count_from() -> None:
    bench = Bench()
    bench.begin("a", "b")
    assert bench.ask(calls("b", "c")) == (Topic.CALLS, ["SnifferCallEnd a", "SnifferCallStart c"])
    assert bench.ask(calls("b", "c")) == (Topic.CALLS, [])
    _, events = bench.ask(calls("c", response=200))
    assert events == ["SnifferCallEnd b", "SnifferCallUpdate c LastSIPResponseNum"]
    assert bench.now == 106.0, "every two seconds"


def test_a_call_id_that_returns_is_another_call() -> None:
    bench = Bench()
    bench.begin("a", "b")
    assert bench.ask(calls("a", "b"))[1] == []
    events = bench.ask(orjson.dumps([HEADER, ["0xa", "a", 9, 0, 180], ["0xb", "b", 1, 0, 180]]))[1]
    assert events == ["SnifferCallEnd a", "SnifferCallStart a"]


def test_state_alone_asks_for_no_calls() -> None:
    bench = Bench()
    bench.want(calls=False, state=True)
    assert bench.watch.version == ""
    for _ in range(3):
        assert bench.ask(stat()) == (Topic.STAT, ["SnifferStat v1"])
    assert bench.now == 120.0
    assert bench.watch.version == "v1"


def test_both_take_turns() -> None:
    bench = Bench(calls_s=5.0)
    bench.want(state=True)
    asked = [bench.ask(reply)[0] for reply in (stat(), calls(), calls(), stat(), calls())]
    assert asked == [Topic.STAT, Topic.CALLS, Topic.CALLS, Topic.STAT, Topic.CALLS]


@pytest.mark.parametrize(
    ("off", "topics"), [("calls_s", {Topic.STAT}), ("stat_s", {Topic.STAT, Topic.CALLS})]
)
def test_what_is_off_is_not_asked(off: str, topics: set[Topic]) -> None:
    bench = Bench(**{off: 0.0})
    bench.want(state=True)
    first = bench.ask(stat())
    assert first == (Topic.STAT, [] if off == "stat_s" else ["SnifferStat v1"])
    asked = [bench.ask(calls() if off == "stat_s" else stat())[0] for _ in range(4)]
    assert {first[0], *asked} == topics


def test_a_slow_sniffer_gets_a_rest() -> None:
    bench = Bench()
    bench.begin()
    bench.now += 2.0
    assert bench.watch.question(bench.now) is Topic.CALLS
    bench.now += 7.0
    bench.watch.answered(Topic.CALLS, calls(), bench.now)
    assert bench.watch.next_deadline() == bench.now + 1.0


def test_many_sniffers_are_not_asked_in_the_same_moment() -> None:
    bench = Bench(phase=0.25)
    bench.want(state=True)
    assert bench.watch.next_deadline() == 100.5


def test_a_failure_is_told_once_and_asked_about_with_growing_pauses() -> None:
    bench = Bench()
    bench.begin("a")
    assert bench.ask("no answer") == (Topic.CALLS, ["SnifferDown listcalls: no answer"])
    failed_at, pauses = bench.now, []
    for _ in range(6):
        assert bench.ask("no answer") == (Topic.STAT, []), "its uptime first"
        pauses.append(bench.now - failed_at)
        failed_at = bench.now
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert bench.ask(stat(uptime=300)) == (Topic.STAT, ["SnifferUp v1"])
    assert bench.ask(calls("b")) == (Topic.CALLS, ["SnifferCallEnd a", "SnifferCallStart b"])
    assert bench.ask("cut")[1] == ["SnifferDown listcalls: cut"]


def test_a_restart_is_one_reset() -> None:
    bench = Bench()
    bench.begin("a", "b", "c")
    bench.ask("not connected")
    assert bench.ask(stat(uptime=1))[1] == []
    assert bench.ask(calls("b", "c", "d", reference="0x9"))[1] == [
        "SnifferUp v1",
        "SnifferReset the sniffer was restarted 3",
    ]
    assert bench.ask(calls("b", "c", reference="0x9"))[1] == ["SnifferCallEnd d"]
    assert bench.ask(calls("b", "c", reference="0x7"))[1] == ["SnifferReset all calls have new references 2"]


def test_it_is_up_when_what_failed_works_again() -> None:
    bench = Bench()
    bench.begin("a")
    bench.ask("no answer")
    assert bench.ask(stat()) == (Topic.STAT, [])
    assert bench.ask("no answer") == (Topic.CALLS, [])
    assert bench.ask(stat()) == (Topic.STAT, [])
    assert bench.ask(calls("a")) == (Topic.CALLS, ["SnifferUp v1"])


def test_it_is_up_when_what_failed_is_not_wanted_any_more() -> None:
    bench = Bench()
    bench.want(state=True)
    bench.ask(stat())
    assert bench.ask("no answer") == (Topic.CALLS, ["SnifferDown listcalls: no answer"])
    bench.want(calls=False, state=True)
    assert bench.ask(stat()) == (Topic.STAT, ["SnifferUp v1", "SnifferStat v1"])


@pytest.mark.parametrize(
    ("reply", "reason"),
    [(b"", "an empty reply, as of one that is starting or stopping"), (b"[[", "an unreadable reply")],
)
def test_what_is_no_answer_is_a_failure(reply: bytes, reason: str) -> None:
    bench = Bench()
    bench.begin("a")
    assert bench.ask(reply) == (Topic.CALLS, [f"SnifferDown listcalls: {reason}"])
    assert bench.ask(b"need aes!\n") == (Topic.STAT, [])
    assert bench.watch.health is Health.DOWN


def test_being_busy_says_nothing() -> None:
    bench = Bench()
    bench.begin("a")
    bench.now += 2
    assert bench.watch.question(bench.now) is Topic.CALLS
    bench.watch.postponed(Topic.CALLS, bench.now)
    assert bench.watch.health is Health.UP
    assert bench.ask(calls("a")) == (Topic.CALLS, [])


def test_who_comes_back_begins_anew() -> None:
    bench = Bench()
    bench.begin("a", "b")
    bench.want(calls=False)
    assert bench.watch.next_deadline() == math.inf
    assert bench.watch.answered(Topic.CALLS, calls("x"), bench.now) == []
    assert bench.watch.failed(Topic.CALLS, "cut", bench.now) == []
    bench.watch.postponed(Topic.CALLS, bench.now)
    assert bench.watch.next_deadline() == math.inf
    bench.begin("b", "c")


def test_what_is_down_is_told_again_to_who_comes_later() -> None:
    bench = Bench()
    bench.begin()
    bench.ask("no answer")
    for _ in range(2):
        bench.want(calls=False)
        bench.want()
        assert bench.ask("no answer") == (Topic.STAT, ["SnifferDown sniffer_stat: no answer"])
    bench.want(calls=False)
    bench.want(calls=False)
    bench.want()
    assert bench.ask(stat()) == (Topic.STAT, ["SnifferUp v1"])


def test_the_answer_to_what_was_wanted_before_counts_for_nothing() -> None:
    bench = Bench()
    bench.want(state=True)
    bench.ask(stat())
    assert bench.watch.question(bench.now) is Topic.CALLS
    bench.want(calls=False, state=True)
    assert bench.watch.answered(Topic.CALLS, calls("a"), bench.now) == []


def test_who_looks_is_told_that_it_is_gone() -> None:
    bench = Bench()
    assert told(bench.watch.gone()) == []
    bench.begin()
    assert told(bench.watch.gone()) == ["SnifferDown taken out of the configuration"]


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens, down and up take turns, and who follows the changes has the sniffer's calls."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.live: set[str] = set()
        self.shown: set[str] | None = None
        self.down = False

    @rule(calls=st.booleans(), state=st.booleans())
    def want(self, *, calls: bool, state: bool) -> None:
        self.bench.want(calls=calls, state=state)
        if not calls:
            self.shown = None
        if not (calls or state):
            self.down = False

    @rule(callid=st.sampled_from("abcd"))
    def change(self, callid: str) -> None:
        self.live ^= {callid}

    @rule(fails=st.booleans())
    def ask(self, *, fails: bool) -> None:
        if not self.bench.watch.wanted:
            return
        topic = self.bench.watch.question(self.bench.watch.next_deadline())
        good = stat(int(self.bench.now)) if topic is Topic.STAT else calls(*sorted(self.live))
        _, events = self.bench.ask("failed" if fails else good)
        for event in events:
            self.follow(*event.split(" "))
        if topic is Topic.CALLS and not fails:
            assert self.shown == self.live

    def follow(self, name: str, *rest: str) -> None:
        if name == "SnifferReset":
            self.shown = set(self.live)
        elif name in ("SnifferCallStart", "SnifferCallEnd"):
            assert self.shown is not None
            assert (rest[0] in self.shown) == (name == "SnifferCallEnd")
            self.shown ^= {rest[0]}
        elif name == "SnifferDown":
            assert not self.down
            self.down = True
        elif name == "SnifferUp":
            self.down = False
        assert name != "SnifferCallUpdate"

    @invariant()
    def asks_only_for_somebody(self) -> None:
        assert (self.bench.watch.next_deadline() < math.inf) == self.bench.watch.wanted


TestAnyOrder = AnyOrder.TestCase


def test_a_large_table_is_told_in_turns() -> None:
    bench = Bench()
    bench.begin("a", "b", "c")
    bench.now = bench.watch.next_deadline()
    many = [f"c{number}" for number in range(2000)]
    turns = list(bench.watch.answering(Topic.CALLS, calls(*many), bench.now))
    assert max(map(len, turns)) <= 200
    assert turns[:4] == [[]] * 4, "comparing is done in turns, too"
    assert sum(map(len, turns)) == 2003


def test_what_is_compared_when_watching_begins_anew_is_not_told() -> None:
    bench = Bench()
    bench.begin("a")
    bench.want(state=True)
    bench.now = bench.watch.next_deadline()
    turns = bench.watch.answering(Topic.CALLS, calls("a", "b"), bench.now)
    assert next(turns) == []
    bench.want(calls=False, state=True)
    bench.want(calls=True, state=True)
    assert [event for some in turns for event in some] == []

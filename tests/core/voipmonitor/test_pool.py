"""Who is asked when: the bound, the queue, sharing, freshness, and a sniffer that hangs."""

from __future__ import annotations

import math
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amp.core.voipmonitor.command import Command, parse_command
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure
from amp.core.voipmonitor.pool import MOST_KEPT, Cancel, Fail, Give, Job, Pool, PoolCommand, PoolLimits, Start

CALLS = parse_command(b"totalcalls")
VERSION = parse_command(b"getversion")
FILE = parse_command(b"getfile x")
HANG = ExchangeFailed(Failure.NO_ANSWER, "no answer", True, 0)


def pool(**limits: Any) -> Pool:
    return Pool(attrs.evolve(PoolLimits(exchanges=2, waiting=2, wait_s=10.0), **limits), {"totalcalls": 5.0})


def started(commands: list[PoolCommand]) -> list[Job]:
    return [command.job for command in commands if isinstance(command, Start)]


def test_further_commands_wait_for_their_turn() -> None:
    one = pool()
    (first,), (second,) = (started(one.ask(n, FILE, 0.0)) for n in (1, 2))
    assert one.ask(3, FILE, 0.0) == []
    assert one.load == 3
    assert one.next_deadline() == 10.0
    give, start = one.ended(first, b"", 1.0)
    assert give == Give(1, b"")
    assert started([start])[0].askers == {3: None}
    assert one.next_deadline() == math.inf
    assert one.ended(first, b"", 1.0) == []
    assert one.failed(first, HANG, 1.0) == []
    assert second.started_at == 0.0


def test_who_waits_can_be_refused_for_whatever_reason() -> None:
    one = pool()
    for number in range(4):
        one.ask(number, FILE, 0.0)
    refused = one.refuse_waiting("it is paused")
    assert [(each.asker, each.failed.message) for each in refused if isinstance(each, Fail)] == [
        (2, "getfile: it is paused"),
        (3, "getfile: it is paused"),
    ]
    assert one.load == 2


def test_a_sniffer_that_hangs_can_be_asked_again_at_once() -> None:
    one = pool(hangs=1, rest_s=100.0)
    (job,) = started(one.ask(1, FILE, 0.0))
    one.failed(job, HANG, 1.0)
    assert isinstance(one.ask(2, FILE, 2.0)[0], Fail)
    one.forget_hangs()
    assert not one.hanging
    assert started(one.ask(3, FILE, 2.0))


def test_who_waits_too_long_or_with_too_many_is_told_that_nothing_was_sent() -> None:
    one = pool()
    for number in range(4):
        one.ask(number, FILE, float(number))
    (refused,) = one.ask(5, FILE, 5.0)
    assert isinstance(refused, Fail)
    assert refused.failed[:3] == (Failure.BUSY, "getfile: 2 commands wait for this sniffer already", False)
    assert one.handle_timeout(11.9) == []
    (late,) = one.handle_timeout(12.0)
    assert isinstance(late, Fail)
    assert late.asker == 2
    assert "busy with other commands for 10 s" in late.failed.message
    assert one.next_deadline() == 13.0


def test_equal_commands_share_one_exchange_and_its_fresh_reply() -> None:
    one = pool()
    (job,) = started(one.ask(1, CALLS, 0.0))
    assert one.ask(2, CALLS, 0.0) == []
    (other,) = started(one.ask(3, CALLS, 0.0, unpack=True))
    assert one.ended(job, b"7", 1.0) == [Give(1, b"7"), Give(2, b"7")]
    assert one.ask(4, CALLS, 5.9) == [Give(4, b"7")]
    assert len(started(one.ask(5, CALLS, 6.0))) == 1
    assert one.ended(other, b"8", 6.0) == [Give(3, b"8")]
    assert (one.stats.shared, one.stats.fresh, one.stats.exchanges) == (1, 1, 3)


def test_who_wants_it_anew_shares_and_renews_what_is_fresh() -> None:
    one = pool()
    (old,) = started(one.ask(1, CALLS, 0.0))
    one.ended(old, b"7", 0.0)
    assert one.ask(2, CALLS, 1.0) == [Give(2, b"7")]
    (new,) = started(one.ask(3, CALLS, 1.0, anew=True))
    assert one.ask(4, CALLS, 1.1, anew=True) == []
    assert one.ended(new, b"8", 1.2) == [Give(3, b"8"), Give(4, b"8")]
    assert one.ask(5, CALLS, 6.1) == [Give(5, b"8")]


def test_content_is_never_shared_and_what_has_no_freshness_is_never_kept() -> None:
    one = pool()
    assert started(one.ask(1, FILE, 0.0))
    assert started(one.ask(2, FILE, 0.0))
    two = pool()
    (job,) = started(two.ask(1, VERSION, 0.0))
    two.ended(job, b"v", 0.0)
    assert started(two.ask(2, VERSION, 0.0))


def test_kept_replies_are_bounded() -> None:
    one = Pool(PoolLimits(kept_bytes=100), {"listcalls": 5.0})

    def ask(limit: int, reply: bytes) -> list[PoolCommand]:
        command = parse_command(b'listcalls {"limit":%d}' % limit)
        out = one.ask(limit, command, 0.0)
        for job in started(out):
            one.ended(job, reply, 0.0)
        return out

    ask(1, b"x" * 60)
    assert ask(1, b"") == [Give(1, b"x" * 60)]
    ask(2, b"x" * 60)
    assert started(ask(1, b"x" * 101))
    assert ask(2, b"") == [Give(2, b"x" * 60)]
    for number in range(3, MOST_KEPT + 4):
        ask(number, b"")
    assert started(ask(3, b""))


def test_an_exchange_that_nobody_waits_for_is_ended() -> None:
    one = pool(exchanges=1)
    (job,) = started(one.ask(1, CALLS, 0.0))
    one.ask(2, CALLS, 0.0)
    one.ask(3, FILE, 0.0)
    one.ask(4, VERSION, 0.0)
    assert one.leave(1, 1.0) == []
    assert one.leave(4, 1.0) == []
    cancel, start = one.leave(2, 1.0)
    assert cancel == Cancel(job)
    assert started([start])[0].command is FILE
    assert one.leave(2, 1.0) == []


def hang_twice(one: Pool) -> None:
    for number in (1, 2):
        (job,) = started(one.ask(number, CALLS, 0.0))
        one.failed(job, HANG, 100.0)


def test_a_sniffer_that_hangs_is_asked_only_now_and_then() -> None:
    one = pool()
    hang_twice(one)
    assert one.hanging
    (refused,) = one.ask(3, CALLS, 104.0)
    assert isinstance(refused, Fail)
    assert refused.failed.message.endswith("does not answer, and is asked again in 1 s")
    (probe,) = started(one.ask(4, CALLS, 105.0))
    assert isinstance(one.ask(5, FILE, 105.0)[0], Fail)
    one.failed(probe, HANG, 120.0)
    assert isinstance(one.ask(6, CALLS, 129.9)[0], Fail)
    (probe,) = started(one.ask(7, CALLS, 130.0))
    one.ended(probe, b"1", 130.0)
    both = [started(one.ask(number, FILE, 131.0)) for number in (8, 9)]
    assert (len(both[0]), len(both[1])) == (1, 1)


def test_the_pause_has_an_end() -> None:
    one = pool(longest_rest_s=8.0)
    hang_twice(one)
    now = 105.0
    for number in range(3, 9):
        (probe,) = started(one.ask(number, CALLS, now))
        one.failed(probe, HANG, now)
        now += 8.0


def test_who_waits_is_told_when_the_sniffer_begins_to_hang() -> None:
    one = pool()
    jobs = [started(one.ask(number, FILE, 0.0)) for number in range(2)]
    one.ask(2, FILE, 0.0)
    one.failed(jobs[0][0], HANG, 15.0)
    (again,) = started(one.ask(3, FILE, 15.0)) or [jobs[1][0]]
    out = one.failed(again, HANG, 15.0)
    assert [type(command) for command in out].count(Fail) >= 1
    late = one.failed(jobs[1][0], HANG, 16.0)
    assert all(not isinstance(command, Start) for command in late)


@pytest.mark.parametrize(
    ("failure", "command", "counts"),
    [
        (Failure.NO_ANSWER, FILE, True),
        (Failure.STALLED, CALLS, True),
        (Failure.STALLED, FILE, False),
        (Failure.WRONG_KEY, CALLS, False),
        (Failure.NOT_CONNECTED, CALLS, False),
    ],
)
def test_what_counts_as_hanging(failure: Failure, command: Command, counts: bool) -> None:
    one = pool(hangs=1)
    (job,) = started(one.ask(1, command, 0.0))
    one.failed(job, ExchangeFailed(failure, "", True, 0), 1.0)
    assert one.hanging is counts


class PoolModel(RuleBasedStateMachine):
    """Everybody who asks gets one end, unless it leaves; never more exchanges than allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = pool(waiting=3)
        self.now = 0.0
        self.next = 0
        self.asking: set[int] = set()
        self.running: list[Job] = []

    def take(self, commands: list[PoolCommand]) -> None:
        for command in commands:
            match command:
                case Start(job):
                    assert job.askers
                    self.running.append(job)
                case Cancel(job):
                    self.running.remove(job)
                case Give(asker) | Fail(asker):
                    self.asking.remove(asker)

    @rule(command=st.sampled_from([CALLS, VERSION, FILE]), unpack=st.booleans())
    def ask(self, command: Command, unpack: bool) -> None:
        self.next += 1
        self.asking.add(self.next)
        self.take(self.pool.ask(self.next, command, self.now, unpack=unpack))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), failure=st.sampled_from([None, *Failure]))
    def end(self, data: st.DataObject, failure: Failure | None) -> None:
        job = data.draw(st.sampled_from(self.running))
        self.running.remove(job)
        if failure is None:
            self.take(self.pool.ended(job, b"x", self.now))
        else:
            self.take(self.pool.failed(job, ExchangeFailed(failure, "", True, 0), self.now))

    @precondition(lambda self: self.asking)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        asker = data.draw(st.sampled_from(sorted(self.asking)))
        self.asking.remove(asker)
        self.take(self.pool.leave(asker, self.now))

    @rule(seconds=st.floats(0, 30))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.pool.handle_timeout(self.now))
        assert self.pool.next_deadline() > self.now

    @invariant()
    def never_too_many(self) -> None:
        assert len(self.running) <= 2

    @invariant()
    def nobody_waits_without_reason(self) -> None:
        assert self.running or not self.asking

    def teardown(self) -> None:
        while self.running:
            self.take(self.pool.ended(self.running.pop(), b"", self.now))
        assert not self.asking


TestPool = PoolModel.TestCase
TestPool.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)

"""Watching one sniffer: when to ask it what, and which events come of the answers.

There is one `Watch` for each sniffer, however many look, and it asks nothing while nobody does. It asks one
thing at a time; ``sniffer_stat`` before the first ``listcalls``, and again before the first one behind a
failed exchange, so that a restart is known before its calls are (FACTS §8).
"""

from __future__ import annotations

import enum
import math
from collections.abc import Generator, Iterator
from itertools import chain, islice
from typing import Final

import attrs

from amp.core.voipmonitor.call_watch import CallChanges, CallWatch, Reset
from amp.core.voipmonitor.sniffer_stat import parse_sniffer_stat
from amp.core.voipmonitor.tables import parse_table
from amp.core.voipmonitor.watch_events import WatchEvents
from amp.errors import RemoteProtocolError

__all__ = ["Health", "Topic", "Watch", "WatchTimes"]

LONGEST_RETRY_S: Final = 30.0
LONGEST_PHASE_S: Final = 10.0
EVENTS_AT_ONCE: Final = 200
BEGUN: Final = "watching began"
RESTARTED: Final = {
    Reset.UPTIME: "the sniffer was restarted",
    Reset.REFERENCES: "all calls have new references",
}


class Topic(enum.Enum):
    """What a sniffer is asked, as it is sent."""

    STAT = "sniffer_stat"
    CALLS = "listcalls"


class Health(enum.Enum):
    """What was told of the sniffer."""

    UNKNOWN = "unknown"
    """Nothing, or that it was up before nobody watched."""
    UP = "up"
    DOWN = "down"
    LEFT_DOWN = "left down"
    """That it was down, before nobody watched: who comes now is told again."""


@attrs.frozen(kw_only=True)
class WatchTimes:
    """How often to ask, in seconds; 0 for never.

    Attributes:
        calls_s: for its calls.
        stat_s: for its state.
        quality_s: how often a call is told again at most when only its quality changes.
        phase: which part of an interval (of one of ten seconds, if it is longer) to wait before the first
            exchange, so that many sniffers are not all asked in the same moment.
    """

    calls_s: float
    stat_s: float
    quality_s: float = 10.0
    phase: float = 0.0


class Watch:
    """Follows one sniffer while somebody wants to know. Times are the caller's monotonic seconds.

    Ask what `question` says, then call `answered`, `failed` or `postponed`; each gives events to publish.
    """

    def __init__(self, times: WatchTimes, events: WatchEvents) -> None:
        self.health = Health.UNKNOWN
        self._times = times
        self._events = events
        self._calls: CallWatch | None = None
        self._begun = False
        self._due = dict.fromkeys(Topic, math.inf)
        self._stat_first = False
        self._failed_on: Topic | None = None
        self._retry_at = -math.inf
        self._retry_s = 0.0
        self._version = ""

    @property
    def version(self) -> str:
        """What the sniffer said last of its version; empty before it did."""
        return self._version

    @property
    def wanted(self) -> bool:
        """Whether there is anything to ask."""
        return min(self._due.values()) < math.inf

    def want(self, *, calls: bool, state: bool, now: float) -> None:
        """Who looks has changed: whether somebody may and wants to see events of these kinds."""
        self._want(Topic.CALLS, self._times.calls_s if calls else 0.0, now)
        self._want(Topic.STAT, self._times.stat_s if state else 0.0, now)
        if not self.wanted:
            self.health = (
                Health.LEFT_DOWN if self.health in (Health.DOWN, Health.LEFT_DOWN) else Health.UNKNOWN
            )
            self._retry_at, self._retry_s, self._failed_on = -math.inf, 0.0, None

    def next_deadline(self) -> float:
        """When `question` has one; infinity for not at all."""
        due = min(self._due.values())
        return max(due, self._retry_at) if due < math.inf else math.inf

    def question(self, now: float) -> Topic | None:
        """What to ask now."""
        if self.next_deadline() > now:
            return None
        return Topic.STAT if self._stat_first or self._due[Topic.STAT] <= now else Topic.CALLS

    def answered(self, topic: Topic, reply: bytes, now: float) -> list[bytes]:
        """The sniffer said something, which may still be no answer; see `answering`."""
        return [event for some in self.answering(topic, reply, now) for event in some]

    def answering(self, topic: Topic, reply: bytes, now: float) -> Iterator[list[bytes]]:
        """The sniffer said something, which may still be no answer.

        Gives events to publish, some at a time and often none: between them others may have a turn, as a
        large table takes seconds. Whoever leaves it halfway does not want to know any more.
        """
        if not self.wanted:
            return
        try:
            if topic is Topic.STAT:
                events: Iterator[bytes] = iter(self._take_stat(reply, now))
            else:
                events = yield from self._taking_calls(reply, now)
        except RemoteProtocolError:
            what = (
                "an unreadable reply" if reply else "an empty reply, as of one that is starting or stopping"
            )
            yield self.failed(topic, what, now)
            return
        self._plan(topic, now)
        yield self._recovered(topic)
        while some := list(islice(events, EVENTS_AT_ONCE)):
            yield some

    def failed(self, topic: Topic, reason: str, now: float) -> list[bytes]:
        """The exchange failed.

        Args:
            reason: for every client that may see class ``call``: no paths, no keys.
        """
        if not self.wanted:
            return []
        self._stat_first, self._failed_on = True, topic
        soonest = min(filter(None, (self._times.calls_s, self._times.stat_s)))
        self._retry_s = min(LONGEST_RETRY_S, max(soonest, 2 * self._retry_s))
        self._retry_at = now + self._retry_s
        if self.health is Health.DOWN:
            return []
        self.health = Health.DOWN
        return [self._events.down(f"{topic.value}: {reason}")]

    def gone(self) -> list[bytes]:
        """The sniffer was taken out of the configuration, and nothing more is told of it."""
        return [self._events.down("taken out of the configuration")] if self.health is Health.UP else []

    def postponed(self, topic: Topic, now: float) -> None:
        """It was not asked, since too many others want something of it: that says nothing of the sniffer."""
        self._plan(topic, now)

    def _want(self, topic: Topic, interval_s: float, now: float) -> None:
        if not interval_s:
            self._due[topic] = math.inf
            if topic is Topic.CALLS:
                self._calls = None
        elif self._due[topic] == math.inf:
            self._due[topic] = now + self._times.phase * min(interval_s, LONGEST_PHASE_S)
            if topic is Topic.CALLS:
                self._calls, self._begun = CallWatch(self._times.quality_s), False
                self._stat_first = True

    def _plan(self, topic: Topic, now: float) -> None:
        """A slow sniffer is left alone for half an interval at least."""
        interval_s = self._times.calls_s if topic is Topic.CALLS else self._times.stat_s
        if self._due[topic] < math.inf:
            self._due[topic] = max(self._due[topic] + interval_s, now + interval_s / 2)

    def _recovered(self, topic: Topic) -> list[bytes]:
        """It is up when what failed works again, or was not wanted any more."""
        if (
            self._failed_on is not None
            and self._failed_on is not topic
            and self._due[self._failed_on] < math.inf
        ):
            return []
        was, self.health, self._failed_on, self._retry_s = self.health, Health.UP, None, 0.0
        return [self._events.up(self._version)] if was in (Health.DOWN, Health.LEFT_DOWN) else []

    def _take_stat(self, reply: bytes, now: float) -> list[bytes]:
        stat = parse_sniffer_stat(reply)
        self._stat_first, self._version = False, stat.version
        if self._calls is not None and stat.uptime_s is not None:
            self._calls.note_uptime(stat.uptime_s, now)
        return [self._events.stat(stat)] if self._due[Topic.STAT] < math.inf else []

    def _taking_calls(self, reply: bytes, now: float) -> Generator[list[bytes], None, Iterator[bytes]]:
        watch, make = self._calls, self._events
        if watch is None:
            return iter(())
        step = watch.updating(parse_table(reply), now)
        changes = yield from _in_turns(step)
        if watch is not self._calls:  # who looks has changed meanwhile, and watching begins anew
            return iter(())
        if not self._begun:
            self._begun = True
            return iter([make.reset(BEGUN, len(watch))])
        if changes.reset is not None:
            return iter([make.reset(RESTARTED[changes.reset], len(watch))])
        return chain(
            map(make.ended, changes.ended),
            map(make.started, changes.started),
            map(make.updated, changes.updated, changes.changed),
        )


def _in_turns(step: Generator[None, None, CallChanges]) -> Generator[list[bytes], None, CallChanges]:
    """The same, with no events at each turn."""
    while True:
        try:
            next(step)
        except StopIteration as end:
            changes: CallChanges = end.value
            return changes
        yield []

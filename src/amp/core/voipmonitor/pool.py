"""How many exchanges one sniffer gets at a time, who shares one, and when it is left alone.

A sniffer makes a thread for each connection and, when its database is down, hangs every one of them for ever
(FACTS §7). So exchanges are few, the rest wait with a deadline, equal read-only commands share one, and after
some hangs in a row the sniffer is asked only now and then until it answers. Values in, values out: the owner
runs exchanges, and tells what became of them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import attrs

from amp.core.stats import PoolStats
from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure

__all__ = ["Cancel", "Fail", "Give", "Job", "Pool", "PoolCommand", "PoolLimits", "Start"]

MOST_KEPT: Final = 256
"""Replies, however short: every other filter of a ``listcalls`` is another command."""


@attrs.frozen(kw_only=True)
class PoolLimits:
    """The bounds of one pool.

    Attributes:
        exchanges: at the same time.
        waiting: exchanges that may wait for their turn.
        wait_s: how long each may wait.
        hangs: so many exchanges in a row without an answer, and the sniffer counts as hanging.
        rest_s: how long it is then left alone; doubled with each try that hangs too.
        longest_rest_s: at most.
        kept_bytes: of replies that are kept for their freshness.
    """

    exchanges: int = 4
    waiting: int = 200
    wait_s: float = 10.0
    hangs: int = 2
    rest_s: float = 5.0
    longest_rest_s: float = 60.0
    kept_bytes: int = 16 << 20


_Key = tuple[bytes, bool]


@attrs.define(eq=False)
class Job:
    """One exchange, and who waits for it.

    Attributes:
        command: what to ask.
        unpack: whether a packed reply is wanted unpacked.
        askers: who gets the reply; several only of a command that can be shared.
        started_at: when it left the queue.
    """

    command: Command
    unpack: bool
    askers: dict[int, None]
    wait_until: float
    started_at: float = 0.0

    @property
    def shared(self) -> bool:
        """Whether the reply is gathered and given to all askers at once; else it streams to the only one."""
        return self.command.spec.shareable

    @property
    def key(self) -> _Key:
        """Equal keys, equal replies."""
        return self.command.line(), self.unpack


class Start(NamedTuple):
    """Run this exchange; then call `Pool.ended` or `Pool.failed`."""

    job: Job


class Cancel(NamedTuple):
    """Nobody waits for it any more: end it, and tell nothing of it."""

    job: Job


class Give(NamedTuple):
    """The whole reply of a shared exchange (for a stream ``b""``: what there was went past the pool), and its
    end."""

    asker: int
    reply: bytes


class Fail(NamedTuple):
    """The asker gets no reply, or no more of it."""

    asker: int
    failed: ExchangeFailed


PoolCommand = Start | Cancel | Give | Fail


@attrs.define(eq=False)
class Pool:
    """The exchanges of one sniffer. Times are the caller's monotonic seconds.

    Attributes:
        limits: its bounds.
        freshness: for how many seconds the reply to a command, by name, is given to later askers as well.
        stats: counters.
    """

    limits: PoolLimits = PoolLimits()
    freshness: Mapping[str, float] = MappingProxyType({})
    stats: PoolStats = attrs.field(factory=PoolStats)

    _running: dict[Job, None] = attrs.field(factory=dict, init=False)
    _waiting: deque[Job] = attrs.field(factory=deque, init=False)
    _shared: dict[_Key, Job] = attrs.field(factory=dict, init=False)
    _job_of: dict[int, Job] = attrs.field(factory=dict, init=False)
    _kept: dict[_Key, tuple[float, bytes]] = attrs.field(factory=dict, init=False)
    _kept_bytes: int = attrs.field(default=0, init=False)
    _hangs: int = attrs.field(default=0, init=False)
    _rest_until: float = attrs.field(default=0.0, init=False)
    _rest_s: float = attrs.field(default=0.0, init=False)
    _probe: Job | None = attrs.field(default=None, init=False)

    @property
    def load(self) -> int:
        """How many exchanges run or wait."""
        return len(self._running) + len(self._waiting)

    @property
    def hanging(self) -> bool:
        """Whether the sniffer gave no answer so often that it is asked only now and then."""
        return self._hangs >= self.limits.hangs

    def ask(
        self, asker: int, command: Command, now: float, *, unpack: bool = False, anew: bool = False
    ) -> list[PoolCommand]:
        """Somebody wants a reply.

        Args:
            asker: a number of the caller's; one ask at a time.
            anew: no reply that is there already, however fresh; the one that comes may be shared.
        """
        self.stats.asked += 1
        job = Job(command, unpack, {asker: None}, now + self.limits.wait_s)
        if job.shared:
            reply = None if anew else self._fresh(job.key, command.name, now)
            if reply is not None:
                self.stats.fresh += 1
                return [Give(asker, reply)]
            other = self._shared.get(job.key)
            if other is not None:
                self.stats.shared += 1
                other.askers[asker] = None
                self._job_of[asker] = other
                return []
        refusal = self._refusal(now)
        if refusal:
            self.stats.refused += 1
            return [Fail(asker, ExchangeFailed(Failure.BUSY, f"{command.name}: {refusal}", False, 0))]
        self._job_of[asker] = job
        if job.shared:
            self._shared[job.key] = job
        self._waiting.append(job)
        return self._start_next(now)

    def leave(self, asker: int, now: float) -> list[PoolCommand]:
        """The asker waits no more; nothing if its ask is over."""
        job = self._job_of.pop(asker, None)
        if job is None:
            return []
        del job.askers[asker]
        if job.askers:
            return []
        out: list[PoolCommand] = [Cancel(job)] if job in self._running else []
        self._forget(job)
        return out + self._start_next(now)

    def ended(self, job: Job, reply: bytes, now: float) -> list[PoolCommand]:
        """An exchange came to its end.

        Args:
            reply: the whole of it, if the job is shared.
        """
        if job not in self._running:
            return []
        self._hangs, self._rest_s = 0, 0.0
        self.stats.seconds.observe(now - job.started_at)
        self._keep(job, reply, now)
        out: list[PoolCommand] = [Give(asker, reply) for asker in job.askers]
        self._forget(job)
        return out + self._start_next(now)

    def failed(self, job: Job, failed: ExchangeFailed, now: float) -> list[PoolCommand]:
        """An exchange failed."""
        if job not in self._running:
            return []
        self.stats.failed += 1
        out: list[PoolCommand] = [Fail(asker, failed) for asker in job.askers]
        probed = job is self._probe
        self._forget(job)
        # A stream may well pause: readaudio on hold, a popup without calls.
        silent = failed.failure is Failure.STALLED and job.command.spec.stream
        if failed.failure.is_hang and not silent:
            self._note_hang(now, probed=probed)
        elif failed.failure is not Failure.NOT_CONNECTED:
            self._hangs = 0
        if self.hanging:
            out += self.refuse_waiting("the sniffer does not answer")
        return out + self._start_next(now)

    def next_deadline(self) -> float:
        """When `handle_timeout` is due; ``math.inf`` for not at all."""
        return self._waiting[0].wait_until if self._waiting else math.inf

    def handle_timeout(self, now: float) -> list[PoolCommand]:
        """Give up who has waited too long for a turn."""
        out: list[PoolCommand] = []
        while self._waiting and self._waiting[0].wait_until <= now:
            job = self._waiting[0]
            why = f"{job.command.name}: the sniffer was busy with other commands for {self.limits.wait_s:g} s"
            out += self._fail_unsent(job, why)
        return out

    def refuse_waiting(self, why: str) -> list[PoolCommand]:
        """Give up everybody who waits for a turn; what runs goes on."""
        out: list[PoolCommand] = []
        while self._waiting:
            out += self._fail_unsent(self._waiting[0], f"{self._waiting[0].command.name}: {why}")
        return out

    def forget_hangs(self) -> None:
        """Ask the sniffer again at once, however often it has not answered."""
        self._hangs, self._rest_s, self._rest_until = 0, 0.0, 0.0

    # -- turns -----------------------------------------------------------------------------------------

    def _start_next(self, now: float) -> list[PoolCommand]:
        out: list[PoolCommand] = []
        room = 1 if self.hanging else self.limits.exchanges
        while self._waiting and len(self._running) < room:
            job = self._waiting.popleft()
            job.started_at = now
            self._running[job] = None
            self.stats.exchanges += 1
            if self.hanging:
                self._probe = job
            out.append(Start(job))
        return out

    def _refusal(self, now: float) -> str:
        """Why a further exchange cannot even wait; empty if it can."""
        if self.hanging and (now < self._rest_until or self._running or self._waiting):
            left_s = max(0.0, self._rest_until - now)
            return f"the sniffer does not answer, and is asked again in {left_s:.0f} s"
        if len(self._waiting) >= self.limits.waiting:
            return f"{len(self._waiting)} commands wait for this sniffer already"
        return ""

    def _forget(self, job: Job) -> None:
        self._running.pop(job, None)
        if job in self._waiting:
            self._waiting.remove(job)
        if self._shared.get(job.key) is job:
            del self._shared[job.key]
        if job is self._probe:
            self._probe = None
        for asker in job.askers:
            self._job_of.pop(asker, None)

    # -- hanging ---------------------------------------------------------------------------------------

    def _note_hang(self, now: float, *, probed: bool) -> None:
        was_hanging = self.hanging
        self._hangs += 1
        if self.hanging and (probed or not was_hanging):
            self._rest_s = min(max(self.limits.rest_s, 2 * self._rest_s), self.limits.longest_rest_s)
            self._rest_until = now + self._rest_s

    def _fail_unsent(self, job: Job, why: str) -> list[PoolCommand]:
        self.stats.failed += 1
        failed = ExchangeFailed(Failure.BUSY, why, False, 0)
        out: list[PoolCommand] = [Fail(asker, failed) for asker in job.askers]
        self._forget(job)
        return out

    # -- freshness -------------------------------------------------------------------------------------

    def _fresh(self, key: _Key, name: str, now: float) -> bytes | None:
        at, reply = self._kept.get(key, (-math.inf, b""))
        return reply if now - at < self.freshness.get(name, 0.0) else None

    def _keep(self, job: Job, reply: bytes, now: float) -> None:
        if not job.shared or not self.freshness.get(job.command.name) or len(reply) > self.limits.kept_bytes:
            return
        _, old = self._kept.pop(job.key, (0.0, b""))
        self._kept[job.key] = (now, reply)
        self._kept_bytes += len(reply) - len(old)
        while self._kept_bytes > self.limits.kept_bytes or len(self._kept) > MOST_KEPT:
            _, oldest = self._kept.pop(next(iter(self._kept)))
            self._kept_bytes -= len(oldest)

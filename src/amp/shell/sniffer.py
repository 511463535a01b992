"""One sniffer: asks it for others, over connections of one command each."""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from amp.core.proxy_actions.world import SnifferSeen
from amp.core.routing.error_frames import paused
from amp.core.voipmonitor.cipher import Cipher, SnifferKey
from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.exchange import Exchange, ExchangeLimits
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure
from amp.core.voipmonitor.pool import Cancel, Fail, Give, Job, Pool, PoolCommand, Start
from amp.errors import ConfigError, LocalProtocolError
from amp.shell.log import get_logger
from amp.shell.sniffer_answer import Answer
from amp.shell.sniffer_keys import KeyRing
from amp.shell.sniffer_reach import SnifferReach, TcpReach
from amp.shell.sniffer_talk import GONE, Take, talk

__all__ = ["Sniffer"]

MOST_ENDLESS: Final = 64
"""Streams of clients, each a connection and a thread of the sniffer: one for each screen of a call centre."""


@attrs.define(eq=False)
class _Turn:
    """Somebody who runs an exchange of its own as soon as the pool lets it."""

    job: Job | None = None
    refusal: ExchangeFailed | None = None
    came: trio.Event = attrs.field(factory=trio.Event)

    def begin(self, job: Job) -> None:
        self.job = job
        self.came.set()

    def refuse(self, failed: ExchangeFailed) -> None:
        self.refusal = failed
        self.came.set()


@attrs.define(eq=False)
class Sniffer:
    """What the shell keeps for one configured sniffer.

    Attributes:
        name: as configured; what ``Server:`` takes.
        reach: where it is.
        cipher: what it is asked with, one of `amp.core.voipmonitor.cipher.CIPHERS`; ``None``: in clear.
        keys: its key, if there is a cipher.
        limits: of each exchange.
        pool: who is asked for what, and when.
        version: as it says while it is watched; empty before.
        trouble: why who watches it knows nothing of it now; empty if they do, or nobody watches.
        since: when that began or ended, or the watching, in Unix seconds; ``None`` while nobody watches.
    """

    name: str
    reach: SnifferReach
    cipher: str | None
    keys: KeyRing
    limits: ExchangeLimits
    pool: Pool
    sensor_id: int | None = None
    version: str = attrs.field(default="", init=False)
    trouble: str = attrs.field(default="", init=False)
    since: float | None = attrs.field(default=None, init=False)
    _nursery: trio.Nursery | None = attrs.field(default=None, init=False)
    _numbers: itertools.count[int] = attrs.field(factory=lambda: itertools.count(1), init=False)
    _answers: dict[int, Answer] = attrs.field(factory=dict, init=False)
    _turns: dict[int, _Turn] = attrs.field(factory=dict, init=False)
    _attempts: set[trio.CancelScope] = attrs.field(factory=set, init=False)
    _scopes: dict[Job, trio.CancelScope] = attrs.field(factory=dict, init=False)
    _rearm: trio.Event = attrs.field(factory=trio.Event, init=False)
    _armed: float = attrs.field(default=math.inf, init=False)
    _endless: int = attrs.field(default=0, init=False)
    _retired: bool = attrs.field(default=False, init=False)
    _paused: bool = attrs.field(default=False, init=False)

    @property
    def hosts(self) -> tuple[str, ...]:
        """What ``Server:`` may say besides its name: its host, and its number among the GUI's sensors."""
        number = () if self.sensor_id is None else (str(self.sensor_id),)
        return (self.reach.host, *number) if self.reach.host else number

    @property
    def seen(self) -> SnifferSeen:
        """What ProxyActions show of it."""
        port = self.reach.port if isinstance(self.reach, TcpReach) else 0
        return SnifferSeen(self.name, self.reach.host or self.reach.place, port, self._paused)

    @property
    def problem(self) -> str:
        """Why it counts as down; empty if it does not. Unwatched it does for want of answers alone."""
        return "the sniffer does not answer" if self.pool.hanging else self.trouble

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve askers until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._mind_deadlines)
            task_status.started()

    @asynccontextmanager
    async def ask(
        self, command: Command, *, unpack: bool = False, anew: bool = False, watches: bool = False
    ) -> AsyncIterator[Answer]:
        """Ask it something; the block reads the answer, and leaving it early ends the exchange.

        Args:
            unpack: see `Pool.ask`, as for ``anew``.
            watches: for the events, which go on while it is paused.
        """
        number, answer = next(self._numbers), Answer()
        self._answers[number] = answer
        if refusal := self._refusal(command, watches=watches):
            answer.end(refusal)
        else:
            now = trio.current_time()
            self._carry_out(self.pool.ask(number, command, now, unpack=unpack, anew=anew))
        try:
            yield answer
        finally:
            del self._answers[number]
            self._carry_out(self.pool.leave(number, trio.current_time()))

    async def follow(self, command: Command, take: Callable[[bytes], None]) -> ExchangeFailed | None:
        """Ask for a stream that has no end, beside the pool, where it would keep a turn for ever.

        Args:
            take: gets each piece as it comes; must not wait.

        Returns:
            Why it ended after all; ``None`` if the sniffer ended it.
        """
        return await self._try_twice(Job(command, False, {}, math.inf), take)

    async def relay(self, command: Command, take: Take, *, unpack: bool = False) -> ExchangeFailed | None:
        """Ask it something, and take the pieces as they come.

        What is not shared runs in the caller's own task: another one, and waking them in turn, would cost as
        much as a connection.

        Returns:
            Why there is no reply, or no more of it; ``None`` if it is complete.
        """
        if command.spec.shareable:
            async with self.ask(command, unpack=unpack) as answer:
                while piece := await answer.piece():
                    if (room := take(piece)) is not None:
                        await room
                return answer.failure
        if refusal := self._refusal(command):
            return refusal
        if command.spec.endless:
            return await self._relay_endless(command, take)
        number = next(self._numbers)
        turn = self._turns[number] = _Turn()
        try:
            self._carry_out(self.pool.ask(number, command, trio.current_time(), unpack=unpack))
            await turn.came.wait()
            if turn.job is None:
                return turn.refusal
            failed = await self._try_twice(turn.job, take)
            self._tell_pool(turn.job, failed, b"")
            return failed
        finally:
            del self._turns[number]
            self._carry_out(self.pool.leave(number, trio.current_time()))

    async def _relay_endless(self, command: Command, take: Take) -> ExchangeFailed | None:
        """Beside the pool: a few of them would keep all turns, and nobody else could ask anything."""
        if self._endless >= MOST_ENDLESS:
            why = f"{command.name}: {MOST_ENDLESS} of them are open already"
            return ExchangeFailed(Failure.BUSY, why, False, 0)
        self._endless += 1
        try:
            return await self._try_twice(Job(command, False, {}, math.inf), take)
        finally:
            self._endless -= 1

    @property
    def paused(self) -> bool:
        """Whether clients' commands are refused."""
        return self._paused

    def pause(self) -> None:
        """Take no command of clients any more till `resume`; what waits is refused, what runs goes on."""
        self._paused = True
        self._carry_out(self.pool.refuse_waiting(paused(self.name)))

    def resume(self) -> None:
        """End `pause`."""
        self._paused = False

    def _refusal(self, command: Command, *, watches: bool = False) -> ExchangeFailed | None:
        """Why it is not asked at all."""
        if self._retired:
            return ExchangeFailed(Failure.NOT_CONNECTED, f"{command.name}: {GONE}", False, 0)
        if self._paused and not watches:
            return ExchangeFailed(Failure.BUSY, f"{command.name}: {paused(self.name)}", False, 0)
        return None

    def retire(self) -> None:
        """It was taken out of the configuration: whoever waits gets an error, and `run` ends."""
        self._retired = True
        for answer in self._answers.values():
            answer.end(ExchangeFailed(Failure.CUT, GONE, True, 0))
        for turn in self._turns.values():
            turn.refuse(ExchangeFailed(Failure.NOT_CONNECTED, GONE, False, 0))
        for patience in self._attempts:
            patience.cancel()
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    # -- the pool --------------------------------------------------------------------------------------

    def _carry_out(self, commands: list[PoolCommand]) -> None:
        if self._retired:
            return
        for command in commands:
            match command:
                case Start(job):
                    self._start(job)
                case Cancel(job):
                    if job in self._scopes:
                        self._scopes[job].cancel()
                case Give(asker, reply):
                    if (answer := self._answers.get(asker)) is not None:
                        answer.give(reply)
                        answer.end()
                case Fail(asker, failed):
                    if (answer := self._answers.get(asker)) is not None:
                        answer.end(failed)
                    elif (turn := self._turns.get(asker)) is not None:
                        turn.refuse(failed)
        if self.pool.next_deadline() < self._armed:
            self._rearm.set()

    def _start(self, job: Job) -> None:
        turn = self._turns.get(next(iter(job.askers)))
        if turn is not None:
            turn.begin(job)
            return
        assert self._nursery is not None  # nobody asks before `run`
        self._nursery.start_soon(self._run_job, job)

    def _tell_pool(self, job: Job, failed: ExchangeFailed | None, reply: bytes) -> None:
        now = trio.current_time()
        if failed is not None:
            self._carry_out(self.pool.failed(job, failed, now))
        else:
            self._carry_out(self.pool.ended(job, reply, now))

    async def _mind_deadlines(self) -> None:
        while True:
            # Woken for an earlier deadline only: a later one is found when this one has passed.
            self._rearm, self._armed = trio.Event(), self.pool.next_deadline()
            with trio.move_on_at(self._armed):
                await self._rearm.wait()
            self._carry_out(self.pool.handle_timeout(trio.current_time()))

    # -- exchanges -------------------------------------------------------------------------------------

    async def _run_job(self, job: Job) -> None:
        """One job from its turn to its end. A bug that its reply touches off is logged and ends it alone."""
        reply: list[bytes] = []
        with trio.CancelScope() as self._scopes[job]:
            try:
                failed = await self._try_twice(job, self._taker(job, reply))
            except Exception:
                get_logger().exception("exchange_failed", sniffer=self.name, command=job.command.name)
                failed = ExchangeFailed(Failure.CUT, f"{job.command.name}: internal error", True, 0)
        if not self._scopes.pop(job).cancelled_caught:
            self._tell_pool(job, failed, b"".join(reply))

    async def _try_twice(self, job: Job, take: Take) -> ExchangeFailed | None:
        """Ask, and if the key is in doubt, read it again; a read-only command is then repeated once."""
        try:
            key = await self.keys.key() if self.cipher is not None else None
            failed = await self._attempt(job, key, take)
            if failed is None or key is None or not failed.failure.doubts_key:
                return failed
            changed = await self.keys.changed_since(key)
            if changed and job.command.spec.read_only and not failed.told_bytes:
                get_logger().warning("sniffer_key_changed", sniffer=self.name)
                return await self._attempt(job, await self.keys.key(), take)
        except ConfigError as error:
            text = f"{job.command.name}: no key ({'; '.join(error.problems)})"
            failed = ExchangeFailed(Failure.UNSENDABLE, text, False, 0)
        return failed

    async def _attempt(self, job: Job, key: SnifferKey | None, take: Take) -> ExchangeFailed | None:
        try:
            exchange = Exchange(
                command=job.command,
                cipher=Cipher(self.cipher, key) if self.cipher is not None and key is not None else None,
                limits=self.limits,
                unpack=job.unpack,
                now=trio.current_time(),
            )
        except LocalProtocolError as error:
            return ExchangeFailed(Failure.UNSENDABLE, str(error), False, 0)
        patience = trio.CancelScope()
        self._attempts.add(patience)
        try:
            return await talk(exchange, self.reach, take, patience)
        finally:
            self._attempts.discard(patience)

    def _taker(self, job: Job, reply: list[bytes]) -> Take:
        """Where the pieces of a reply go: into it, if it is shared, else to the only asker."""
        if job.shared:
            return reply.append
        asker = next(iter(job.askers))

        def take(data: bytes) -> Awaitable[None] | None:
            answer = self._answers.get(asker)
            if answer is None:
                return None
            answer.give(data)
            return answer.room() if answer.full else None

        return take

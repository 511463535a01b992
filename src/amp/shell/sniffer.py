"""One sniffer: asks it for others, over connections of one command each."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from amp.core.ami.framing import NeedData
from amp.core.proxy_actions.world import SnifferSeen
from amp.core.voipmonitor.cipher import Cipher, SnifferKey
from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.exchange import Exchange, ExchangeLimits
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure, ReplyChunk, ReplyEnded
from amp.core.voipmonitor.pool import Cancel, Fail, Give, Job, Pool, PoolCommand, Start
from amp.errors import ConfigError, LocalProtocolError
from amp.shell.log import get_logger
from amp.shell.sniffer_keys import KeyRing
from amp.shell.sniffer_reach import SnifferReach, TcpReach

__all__ = ["Answer", "Budget", "Sniffer"]

READ_BYTES: Final = 65536
GONE: Final = "the sniffer was taken out of the configuration"


@attrs.define
class Budget:
    """How many bytes of replies may be held at the same time.

    Attributes:
        most: in all.
        what: that is, for people.
        held: of it.
    """

    most: int
    what: str = "a reply"
    held: int = 0

    def take(self, size: int) -> bool:
        """Hold so many more; ``False`` if that is too much."""
        self.held += size
        return self.held <= self.most

    def give_back(self, size: int) -> None:
        """They are not held any more."""
        self.held -= size


class Answer:
    """A reply on its way to one asker: pieces till ``b""``, then `failure` tells whether that was all.

    Attributes:
        failure: why there is no more; ``None`` if the reply is complete.
    """

    def __init__(self) -> None:
        self.failure: ExchangeFailed | None = None
        self._pieces: deque[bytes] = deque()
        self._over = False
        self._news = trio.Event()
        self._room = trio.Event()

    async def piece(self) -> bytes:
        """The next piece; ``b""`` at the end."""
        while not self._pieces:
            if self._over:
                return b""
            self._news = trio.Event()
            await self._news.wait()
        self._room.set()
        return self._pieces.popleft()

    async def whole(self, budget: Budget | None = None) -> bytes:
        """All of it, or what came before it failed; a failure as well if the budget does not suffice."""
        pieces: list[bytes] = []
        while piece := await self.piece():
            pieces.append(piece)
            if budget is not None and not budget.take(len(piece)):
                size = sum(map(len, pieces))
                self.failure = ExchangeFailed(
                    Failure.TOO_BIG, f"{budget.what} of over {budget.most} bytes", True, size
                )
                break
        return b"".join(pieces)

    def give(self, data: bytes) -> None:
        """The next piece has come."""
        if data:
            self._pieces.append(data)
            self._news.set()

    def end(self, failure: ExchangeFailed | None = None) -> None:
        """Nothing more comes."""
        self.failure, self._over = failure, True
        self._news.set()
        self._room.set()

    async def room(self) -> None:
        """Wait until every piece is taken; the sniffer is read no faster than the asker reads."""
        while self._pieces and not self._over:
            self._room = trio.Event()
            await self._room.wait()


class _Tap(Answer):
    """A reply that nobody waits for piece by piece."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        super().__init__()
        self._take = take

    def give(self, data: bytes) -> None:
        self._take(data)


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
    """

    name: str
    reach: SnifferReach
    cipher: str | None
    keys: KeyRing
    limits: ExchangeLimits
    pool: Pool
    sensor_id: int | None = None
    _nursery: trio.Nursery | None = attrs.field(default=None, init=False)
    _numbers: itertools.count[int] = attrs.field(factory=lambda: itertools.count(1), init=False)
    _answers: dict[int, Answer] = attrs.field(factory=dict, init=False)
    _scopes: dict[Job, trio.CancelScope] = attrs.field(factory=dict, init=False)
    _rearm: trio.Event = attrs.field(factory=trio.Event, init=False)
    _retired: bool = attrs.field(default=False, init=False)

    @property
    def hosts(self) -> tuple[str, ...]:
        """What ``Server:`` may say besides its name: its host, and its number among the GUI's sensors."""
        number = () if self.sensor_id is None else (str(self.sensor_id),)
        return (self.reach.host, *number) if self.reach.host else number

    @property
    def seen(self) -> SnifferSeen:
        """What ProxyActions show of it."""
        port = self.reach.port if isinstance(self.reach, TcpReach) else 0
        return SnifferSeen(self.name, self.reach.host or self.reach.place, port)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve askers until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._mind_deadlines)
            task_status.started()

    @asynccontextmanager
    async def ask(
        self, command: Command, *, unpack: bool = False, anew: bool = False
    ) -> AsyncIterator[Answer]:
        """Ask it something; the block reads the answer, and leaving it early ends the exchange.

        Args: see `Pool.ask`.
        """
        number, answer = next(self._numbers), Answer()
        self._answers[number] = answer
        if self._retired:
            answer.end(ExchangeFailed(Failure.NOT_CONNECTED, f"{command.name}: {GONE}", False, 0))
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
        number = next(self._numbers)
        self._answers[number] = _Tap(take)
        try:
            return await self._try_twice(Job(command, False, {number: None}, math.inf), [])
        finally:
            del self._answers[number]

    def retire(self) -> None:
        """It was taken out of the configuration: whoever waits gets an error, and `run` ends."""
        self._retired = True
        for answer in self._answers.values():
            answer.end(ExchangeFailed(Failure.CUT, GONE, True, 0))
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    # -- the pool --------------------------------------------------------------------------------------

    def _carry_out(self, commands: list[PoolCommand]) -> None:
        if self._retired:
            return
        for command in commands:
            match command:
                case Start(job):
                    assert self._nursery is not None  # nobody asks before `run`
                    self._nursery.start_soon(self._run_job, job)
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
        self._rearm.set()

    async def _mind_deadlines(self) -> None:
        while True:
            self._rearm = trio.Event()
            with trio.move_on_at(self.pool.next_deadline()):
                await self._rearm.wait()
            self._carry_out(self.pool.handle_timeout(trio.current_time()))

    # -- exchanges -------------------------------------------------------------------------------------

    async def _run_job(self, job: Job) -> None:
        """One job from its turn to its end. A bug that its reply touches off is logged and ends it alone."""
        reply: list[bytes] = []
        with trio.CancelScope() as self._scopes[job]:
            try:
                failed = await self._try_twice(job, reply)
            except Exception:
                get_logger().exception("exchange_failed", sniffer=self.name, command=job.command.name)
                failed = ExchangeFailed(Failure.CUT, f"{job.command.name}: internal error", True, 0)
        cancelled = self._scopes.pop(job).cancelled_caught
        now = trio.current_time()
        if not cancelled and failed is not None:
            self._carry_out(self.pool.failed(job, failed, now))
        elif not cancelled:
            self._carry_out(self.pool.ended(job, b"".join(reply), now))

    async def _try_twice(self, job: Job, reply: list[bytes]) -> ExchangeFailed | None:
        """Ask, and if the key is in doubt, read it again; a read-only command is then repeated once."""
        try:
            key = await self.keys.key() if self.cipher is not None else None
            failed = await self._attempt(job, key, reply)
            if failed is None or key is None or not failed.failure.doubts_key:
                return failed
            changed = await self.keys.changed_since(key)
            if changed and job.command.spec.read_only and not failed.told_bytes:
                get_logger().warning("sniffer_key_changed", sniffer=self.name)
                return await self._attempt(job, await self.keys.key(), reply)
        except ConfigError as error:
            text = f"{job.command.name}: no key ({'; '.join(error.problems)})"
            failed = ExchangeFailed(Failure.UNSENDABLE, text, False, 0)
        return failed

    async def _attempt(self, job: Job, key: SnifferKey | None, reply: list[bytes]) -> ExchangeFailed | None:
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
        stream = await self._connect(exchange)
        try:
            return await self._talk(exchange, stream, job, reply)
        finally:
            if stream is not None:
                await trio.aclose_forcefully(stream)

    async def _connect(self, exchange: Exchange) -> trio.abc.Stream | None:
        try:
            with trio.move_on_at(exchange.next_deadline()):
                return await self.reach.connect()
            exchange.handle_timeout(trio.current_time())
        except OSError as error:
            exchange.connection_lost(str(error))
        return None

    async def _talk(
        self, exchange: Exchange, stream: trio.abc.Stream | None, job: Job, reply: list[bytes]
    ) -> ExchangeFailed | None:
        """From the request to the end; without a stream the exchange is over already."""
        waited_s = 0.0  # for the asker: that is not the sniffer's time
        request = b"" if stream is None else exchange.connected(trio.current_time())
        while True:
            begun = trio.current_time()
            ending = await self._deliver(exchange, job, reply)
            waited_s += trio.current_time() - begun
            if ending is not None:
                return ending if isinstance(ending, ExchangeFailed) else None
            assert stream is not None  # an exchange without one has failed
            try:
                with trio.move_on_at(exchange.next_deadline() + waited_s):
                    if request:
                        await stream.send_all(request)
                        request = b""
                        continue
                    data = await stream.receive_some(READ_BYTES)
                    exchange.receive_data(bytes(data), trio.current_time() - waited_s)
                    continue
                exchange.handle_timeout(trio.current_time() - waited_s)
            except trio.BrokenResourceError as error:
                exchange.connection_lost(str(error.__cause__ or "reset by the sniffer"))

    async def _deliver(
        self, exchange: Exchange, job: Job, reply: list[bytes]
    ) -> ReplyEnded | ExchangeFailed | None:
        """Pass on what came; gives the end, if it has come."""
        while not isinstance(event := exchange.next_event(), NeedData):
            if not isinstance(event, ReplyChunk):
                return event
            if job.shared:
                reply.append(event.data)
            elif (answer := self._answers.get(next(iter(job.askers)))) is not None:
                answer.give(event.data)
                await answer.room()
        return None

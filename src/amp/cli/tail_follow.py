"""The life of ``amp tail``: connect, sign in, subscribe, print; and again from there after a loss.

A position moves only when what came is written, so what is printed is printed once, however often the
connection is lost.
"""

from __future__ import annotations

import os
import random
import select
import signal
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection
from wsproto.utilities import ProtocolError

from amp.cli.tail_output import TailOutput
from amp.cli.tail_place import Account, TailPlace
from amp.cli.tail_socket import ABNORMAL, ask, closed_with, connect, next_text, words_of
from amp.config.files import write_whole
from amp.core.routing.backoff import Backoff
from amp.core.tail.messages import Answer, TailEvent, TailGap, read_message
from amp.core.tail.standing import Place, Standing
from amp.core.ws.close_codes import GOING_AWAY, INTERNAL, SERVER_LOST, TOO_SLOW, TRY_LATER
from amp.errors import RemoteProtocolError

__all__ = ["Asked", "End", "Tail"]

FIRST_S: Final = 0.5
LONGEST_S: Final = 30.0
"""Between two attempts to come back."""

LOGIN_S: Final = 20.0
"""That much longer than any other a login's answer may take: a failed one is told late."""

SAVE_S: Final = 1.0
"""How old a saved position may be."""

PASSING: Final = frozenset((GOING_AWAY, INTERNAL, TRY_LATER, TOO_SLOW, SERVER_LOST, ABNORMAL))
"""Close codes behind which it is worth to come back (docs/websocket.md)."""

BUSY: Final = frozenset((429, 502, 503, 504))
"""HTTP statuses of the same kind."""


class End(NamedTuple):
    """How it ended: what there is to say of it, and the exit code."""

    words: str
    code: int


@attrs.frozen(kw_only=True)
class Asked:
    """What is wanted.

    Attributes:
        selection: the fields of a ``subscribe`` that choose events.
        places: where the reader stands.
        count: how many events; ``None`` for no end.
        save: where to keep its position.
        timeout_s: for whatever amp has to answer.
        reconnect: come back after a loss.
    """

    selection: Mapping[str, object]
    places: Mapping[str, Place]
    count: int | None
    save: Path | None
    timeout_s: float
    reconnect: bool


class _OverError(Exception):
    """Nothing more is to be done."""

    def __init__(self, end: End | signal.Signals) -> None:
        super().__init__(str(end))
        self.end = end


@attrs.define(kw_only=True, eq=False)
class Tail:
    """One ``amp tail``."""

    place: TailPlace
    account: Account | None
    asked: Asked
    output: TailOutput
    _standing: Standing = attrs.field(init=False)
    _left: float = attrs.field(init=False)
    _subscribed: bool = attrs.field(default=False, init=False)
    _ping_at: float = attrs.field(default=0.0, init=False)
    _pinged: bool = attrs.field(default=False, init=False)
    _save_at: float = attrs.field(default=float("inf"), init=False)

    def __attrs_post_init__(self) -> None:
        self._standing = Standing(dict(self.asked.places))
        self._left = float("inf") if self.asked.count is None else self.asked.count

    async def run(self) -> End | signal.Signals:
        """Until it has all it wants, cannot go on, or is ended by a signal or a pipe without a reader."""
        end: End | signal.Signals = End("", 0)
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(_heed_signals)
                nursery.start_soon(_heed_reader)
                await self._follow()
        except* _OverError as group:
            end = _first(group).end
        try:
            self._save()
        except _OverError as over:
            end = over.end
        return end

    async def _follow(self) -> None:
        """Never returns."""
        backoff = Backoff(FIRST_S, LONGEST_S, random.random)
        was_there = False
        while True:
            lost = await self._stay_connected()
            if self._subscribed:
                was_there, self._subscribed = True, False
                backoff.reset()
                self.output.tell(f"connection lost: {lost}")
            if not was_there or not self.asked.reconnect:
                raise _OverError(End("" if was_there else f"{self.place}: {lost}", 1))
            delay_s = backoff.next_delay()
            self.output.tell_person(f"{lost}; trying again in {delay_s:.1f} s")
            await trio.sleep(delay_s)

    async def _stay_connected(self) -> str:
        """One connection, from beginning to end; why it was lost."""
        lost = ""
        over: _OverError | None = None
        try:
            async with trio.open_nursery() as nursery:
                await self._talk(nursery)
        except* trio.TooSlowError:
            lost = f"no answer within {self.asked.timeout_s:g} s"
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError, ProtocolError) as group:
            lost = words_of(_first(group))
        except* ConnectionClosed as group:
            lost, code = closed_with(_first(group))
            over = None if code in PASSING else _OverError(End(f"amp has closed the connection: {lost}", 1))
        except* ConnectionRejected as group:
            lost = words_of(_first(group))
            over = None if _first(group).status_code in BUSY else _OverError(End(f"{self.place}: {lost}", 1))
        except* RemoteProtocolError as group:
            over = _OverError(End(str(_first(group)), 1))
        except* _OverError as group:
            over = _first(group)
        if over is not None:
            raise over
        return lost

    async def _talk(self, nursery: trio.Nursery) -> None:
        timeout_s = self.asked.timeout_s
        async with connect(self.place, nursery, timeout_s) as socket:
            if self.account is not None:
                await self._sign_in(socket, self.account)
            await self._subscribe(socket)
            self._subscribed = True
            self._ping_at, self._pinged = trio.current_time() + timeout_s, False
            try:
                while True:
                    await self._go_on(socket)
            except _OverError:
                with trio.move_on_after(timeout_s):
                    await socket.aclose()
                raise

    async def _sign_in(self, socket: WebSocketConnection, account: Account) -> None:
        name = account.username
        answer = await ask(
            socket, self.asked.timeout_s + LOGIN_S, "login", username=name, secret=account.secret.reveal()
        )
        if not answer.code:
            servers = len(answer.facts.get("servers", ()))
            self.output.tell_person(f"{self.place}: signed in as {name}; {servers} servers")
            return
        with trio.fail_after(self.asked.timeout_s):
            try:
                while True:
                    await next_text(socket)
            except ConnectionClosed as closed:
                if closed_with(closed)[1] == TRY_LATER:  # an earlier session of this user may still be ending
                    raise
        raise _OverError(End(f"cannot sign in as {name}: {answer.message}", 1))

    async def _subscribe(self, socket: WebSocketConnection) -> None:
        fields: dict[str, Any] = {**self.asked.selection, "batch": True}
        if self._standing.places:
            fields["since"] = self._standing.since()
        answer = await ask(socket, self.asked.timeout_s, "subscribe", **fields)
        if answer.code == "not_signed_in":
            raise _OverError(End("amp wants a login: give --user", 2))
        if answer.code:
            raise _OverError(End(answer.message, 2 if answer.code == "bad_request" else 1))
        positions = answer.facts.get("positions")
        if not positions and self.asked.selection.get("servers"):
            self.output.tell("no server of this user fits --servers; waiting for one")
        self._standing.subscribed(positions)
        self._save()

    async def _go_on(self, socket: WebSocketConnection) -> None:
        """What comes next, be it the time to do something."""
        with trio.move_on_at(min(self._ping_at, self._save_at)) as patience:
            text = await next_text(socket)
        if patience.cancelled_caught:
            if trio.current_time() >= self._save_at:
                self._save()
            if trio.current_time() >= self._ping_at:
                await self._ping(socket)
            return
        self._pinged = False
        found = read_message(text)
        if not isinstance(found, Answer):
            await self._give(found)
        elif positions := found.facts.get("positions"):
            self._standing.stands(positions)
            self._note()

    async def _ping(self, socket: WebSocketConnection) -> None:
        """Ask whether amp is there; its answer says also where we stand if there was nothing to see."""
        if self._pinged:
            raise trio.TooSlowError
        self._pinged = True
        self._ping_at = trio.current_time() + self.asked.timeout_s
        with trio.fail_after(self.asked.timeout_s):
            await socket.send_message('{"id":0,"type":"ping"}')

    async def _give(self, found: list[TailEvent | TailGap]) -> None:
        """Print; then it is ours."""
        taken: list[TailEvent | TailGap] = []
        texts: list[bytes] = []
        for one in found:
            if isinstance(one, TailGap):
                self.output.tell_gap(one)
                texts.append(self.output.text(one, late=False))
            elif self._left:
                self._left -= 1
                texts.append(self.output.text(one, late=self._standing.is_late(one)))
            else:
                break
            taken.append(one)
        await self._write(b"".join(texts))
        for one in taken:
            self._standing.has(one)
        self._note()
        if not self._left:
            raise _OverError(End("", 0))

    async def _write(self, data: bytes) -> None:
        try:
            await trio.to_thread.run_sync(self.output.write, data, abandon_on_cancel=True)
        except BrokenPipeError:
            raise _OverError(signal.SIGPIPE) from None
        except OSError as error:
            raise _OverError(End(f"standard output: {error.strerror}", 1)) from None

    def _note(self) -> None:
        """The position has moved; it is saved soon."""
        if self.asked.save is not None:
            self._save_at = min(self._save_at, trio.current_time() + SAVE_S)

    def _save(self) -> None:
        self._save_at = float("inf")
        if self.asked.save is None or not self._standing.places:
            return
        try:
            write_whole(self.asked.save, self._standing.text(), 0o600)
        except OSError as error:
            why = f"cannot write {self.asked.save}: {error.strerror}"
            raise _OverError(End(why, 1)) from None


async def _heed_signals(*, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            raise _OverError(signal.Signals(number))


async def _heed_reader() -> None:
    """End when nobody reads the pipe any more, also if there is nothing to write."""
    number = sys.stdout.fileno()
    if not stat.S_ISFIFO(os.fstat(number).st_mode):
        return
    await trio.lowlevel.wait_readable(number)  # nothing is ever to be read there: it is an error
    poll = select.poll()
    poll.register(number, 0)
    if any(events & select.POLLERR for _, events in poll.poll(0)):
        raise _OverError(signal.SIGPIPE)


def _first(group: BaseExceptionGroup[Any]) -> Any:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

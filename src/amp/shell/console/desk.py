"""Carries out what the control socket is asked. Nothing here waits for a client or a server but `kill`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from itertools import islice
from typing import Final

import attrs
import trio

from amp.core.console.replies import CLOSING, OPENING, done, failed, rows
from amp.core.console.requests import Kill, Pause, Reconnect, Reload, Request, Resume, Show, Topic
from amp.shell.client import Client
from amp.shell.overview import Overview
from amp.shell.reload import Outcome
from amp.shell.sniffer import Sniffer
from amp.shell.switchboard import Switchboard

__all__ = ["BY_OPERATOR", "ConsoleDesk"]

SLICE: Final = 100
"""Rows that are made and written in one go: about a millisecond. Events go on between any two."""

KILL_S: Final = 2.0
"""How long a client that is killed has to take its last words; then its connection is cut."""

BY_OPERATOR: Final = "by the operator"

KNOWN_SHOWN: Final = 20
"""Names of servers in an error's text."""


@attrs.frozen(kw_only=True)
class ConsoleDesk:
    """Answers requests.

    Attributes:
        overview: looks at everything.
        board: where servers and clients meet.
        reload: what SIGHUP does.
    """

    overview: Overview
    board: Switchboard
    reload: Callable[[], Awaitable[Outcome]]

    async def answer(self, request: Request) -> AsyncGenerator[bytes, None]:
        """The reply in pieces, which together are one line of JSON."""
        match request:
            case Show("stats"):
                yield done(stats=self.overview.stats(totals=await self.overview.totals_in_turns()))
            case Show(what):
                async with aclosing(_pieces(self._rows(what))) as pieces:
                    async for piece in pieces:
                        yield piece
            case Kill(number):
                yield await self._kill(number)
            case Reload():
                yield _told(await self.reload())
            case Pause(name) | Resume(name) | Reconnect(name):
                yield self._change_server(request, name)

    def _rows(self, what: Topic) -> Iterator[dict[str, object]]:
        if what == "servers":
            return iter(self.overview.servers())
        return self.overview.clients() if what == "clients" else self.overview.links()

    # -- servers -------------------------------------------------------------------------------------

    def _change_server(self, request: Pause | Resume | Reconnect, name: str) -> bytes:
        sniffer = self.board.desk.sniffers.get(name) if self.board.desk is not None else None
        if sniffer is not None:
            return _change_sniffer(request, sniffer)
        if name not in self.board.servers:
            return self._unknown(name)
        match request:
            case Pause():
                self.board.pause_server(name)
            case Resume():
                self.board.router.resume(name)
            case Reconnect():
                self.board.reconnect_server(name, f"reconnected {BY_OPERATOR}")
        return done(pending=self._pending(name))

    def _pending(self, name: str) -> int:
        status = next(one for one in self.board.router.status(trio.current_time()) if one.name == name)
        return status.waiting + sum(link.in_flight for link in status.links)

    def _unknown(self, name: str) -> bytes:
        sniffers = self.board.desk.sniffers if self.board.desk is not None else {}
        known = [*self.board.servers, *sniffers]
        shown = ", ".join(known[:KNOWN_SHOWN]) + (", ..." if len(known) > KNOWN_SHOWN else "")
        return failed("unknown_server", f"there is no server {name!r}; there are: {shown or 'none'}")

    # -- clients -------------------------------------------------------------------------------------

    async def _kill(self, number: int) -> bytes:
        client = self.board.clients.get(number)
        if client is None:
            return failed(
                "unknown_client", f"there is no client {number}: amp show clients has their numbers"
            )
        client.log_off(BY_OPERATOR)
        with trio.move_on_after(KILL_S):
            await self._gone(client)
        if number in self.board.clients:
            client.cut(f"killed {BY_OPERATOR}")
            with trio.move_on_after(KILL_S):
                await self._gone(client)
        if number in self.board.clients:
            return failed("failed", f"client {number} was told to go and is still there")
        return done(address=client.address, user=client.user.name if client.user else None)

    async def _gone(self, client: Client) -> None:
        while client.number in self.board.clients:
            await self.board.client_left()


def _change_sniffer(request: Pause | Resume | Reconnect, sniffer: Sniffer) -> bytes:
    """A sniffer has no session; to reconnect is to try again at once one that did not answer."""
    match request:
        case Pause():
            sniffer.pause()
        case Resume():
            sniffer.resume()
        case Reconnect():
            sniffer.pool.forget_hangs()
    return done(pending=sniffer.pool.load)


def _told(outcome: Outcome) -> bytes:
    if outcome.problems:
        return failed("refused", "the configuration cannot be used; nothing was changed", outcome.problems)
    return done(restart_needed=outcome.restart_needed, advice=outcome.advice)


async def _pieces(every: Iterator[dict[str, object]]) -> AsyncGenerator[bytes, None]:
    yield OPENING
    comma = b""
    while some := list(islice(every, SLICE)):
        yield comma + rows(some)
        comma = b","
        await trio.lowlevel.checkpoint()
    yield CLOSING

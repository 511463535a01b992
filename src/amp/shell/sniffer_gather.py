"""One command for several sniffers: every answer as it becomes whole, and the frame that closes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs
import trio

from amp.core.ami.auth import User
from amp.core.routing.error_frames import fanout_complete, not_sent, outcome_unknown
from amp.core.stats import ClientStats
from amp.core.voipmonitor.action import sniffer_error, sniffer_reply
from amp.core.voipmonitor.call_merge import CallMerge
from amp.core.voipmonitor.command import Command
from amp.errors import RemoteProtocolError
from amp.shell.log import get_logger
from amp.shell.sniffer import Sniffer
from amp.shell.sniffer_answer import Budget

__all__ = ["Asker", "Gather", "Outcome", "Perform"]


class Asker(Protocol):
    """A client that has sent a SnifferCommand."""

    stats: ClientStats

    @property
    def user(self) -> User | None:
        """Who it is."""

    def early_answer(self, data: bytes, action_id: bytes | None) -> None:
        """A part of the answer to its command; more comes."""

    def late_answer(self, data: bytes, action_id: bytes | None) -> None:
        """The answer to its command, or the last part of it; nothing if it is gone."""


@attrs.frozen
class Outcome:
    """What became of a command.

    Attributes:
        reply: what the asker may see of the sniffer's reply.
        problem: what went wrong, in words for the asker; empty if nothing did.
        refused: the sniffer, or amp for it, said no; else there is no whole answer.
        denied: the asker's rights did not cover it.
    """

    reply: bytes
    problem: str = ""
    refused: bool = False
    denied: bool = False


Perform = Callable[[Sniffer, Budget], Awaitable[Outcome]]
"""Asks one sniffer, and logs it."""


@attrs.define(eq=False, kw_only=True)
class Gather:
    """The answer of several sniffers.

    Attributes:
        asker: gets it.
        action_id: of the action.
        sniffers: who is asked.
        missing: who was named and cannot be, and why.
        timeout_s: how long it may take.
        most_bytes: of replies that are held at the same time.
        merge: the command, if its replies are to become one table.
    """

    asker: Asker
    action_id: bytes | None
    sniffers: tuple[Sniffer, ...]
    missing: dict[str, str]
    timeout_s: float
    most_bytes: int
    merge: Command | None
    _budget: Budget = attrs.field(init=False)
    _merged: CallMerge | None = attrs.field(default=None, init=False)
    _answers: int = attrs.field(default=0, init=False)
    _errors: int = attrs.field(default=0, init=False)
    _without: list[str] = attrs.field(factory=list, init=False)
    _denied: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        """Nothing is held yet."""
        self._budget = Budget(self.most_bytes)
        self._merged = CallMerge(self.merge.arguments) if self.merge is not None else None

    async def run(self, perform: Perform) -> bytes:
        """Ask all at the same time.

        Returns:
            The last frames of the answer; what came before went to the asker already.
        """
        for name, why in self.missing.items():
            self._miss(name, not_sent(why))
        async with trio.open_nursery() as nursery:
            for sniffer in self.sniffers:
                nursery.start_soon(self._ask, sniffer, perform)
        self.asker.stats.denials += self._denied
        last = b""
        if self._merged is not None and self._answers:
            last = sniffer_reply(self._original, self._merged.reply(), "")
        return last + fanout_complete(self._original, self._answers, self._errors, self._without)

    @property
    def _original(self) -> bytes:
        return self.action_id or b""

    async def _ask(self, sniffer: Sniffer, perform: Perform) -> None:
        try:
            with trio.move_on_after(self.timeout_s):
                self._take(sniffer.name, await perform(sniffer, self._budget))
                return
            why = f"no answer from server {sniffer.name} within {self.timeout_s:g} s"
            self._miss(sniffer.name, outcome_unknown(why))
        except Exception:
            get_logger().exception("sniffer_command_failed", sniffer=sniffer.name)
            self._miss(sniffer.name, outcome_unknown("internal error"))

    def _take(self, name: str, outcome: Outcome) -> None:
        self._denied = self._denied or outcome.denied
        if outcome.refused:
            self._errors += 1
            self._say(sniffer_error(self._original, outcome.problem, name))
        elif outcome.problem:
            self._miss(name, outcome.problem)
        elif self._merged is None:
            self._answers += 1
            self._say(sniffer_reply(self._original, outcome.reply, name))
            self._budget.give_back(len(outcome.reply))
        else:
            try:
                self._merged.add(name, outcome.reply)
                self._answers += 1
            except RemoteProtocolError:
                self._miss(name, outcome_unknown("listcalls: the reply is no table of calls"))

    def _miss(self, name: str, problem: str) -> None:
        self._without.append(name)
        self._say(sniffer_error(self._original, problem, name))

    def _say(self, data: bytes) -> None:
        self.asker.early_answer(data, self.action_id)

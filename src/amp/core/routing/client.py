"""What the router keeps of a client: its unanswered actions in order, and what waits behind them."""

from __future__ import annotations

from bisect import insort
from operator import itemgetter
from typing import TYPE_CHECKING

import attrs

from amp.core.routing.commands import CloseClient, Command, PauseClient, ResumeClient, SendToClient
from amp.core.routing.pending import Pending

if TYPE_CHECKING:
    from amp.core.routing.fanout_action import FanoutAction

__all__ = ["Client"]


@attrs.define(eq=False, slots=True)
class Client:
    """A client and the order of its answers. Lives till the client is gone, so that ``n`` never repeats.

    Attributes:
        number: of the client.
        n: its actions so far.
        unanswered: by ``n``, oldest first. One for several servers counts once, under its first ``n``.
        behind: answers of amp's own that wait: the ``n`` they stand behind, the data, whether the client is
            closed.
        paused: it was told to send no more.
        serial: its action for several servers that has no ActionID. It pairs answers by their order, so it
            is paused till that is over, as with Asterisk, which works one action at a time.
        kept_bytes: of merged answers that are not whole yet.
    """

    number: int
    n: int = 0
    unanswered: dict[int, Pending | FanoutAction] = attrs.field(factory=dict)
    behind: list[tuple[int, bytes, bool]] = attrs.field(factory=list)
    paused: bool = False
    serial: FanoutAction | None = None
    kept_bytes: int = 0

    def answer_in_order(self, n: int, data: bytes, closes: bool, out: list[Command]) -> None:
        """An answer by amp: out at once, or as soon as nothing up to ``n`` is unanswered."""
        insort(self.behind, (n, data, closes), key=itemgetter(0))
        self.flush(out)

    def flush(self, out: list[Command]) -> None:
        """Send the answers that nothing unanswered stands before any more."""
        oldest = next(iter(self.unanswered), self.n + 1)
        while self.behind and self.behind[0][0] < oldest:
            _, data, closes = self.behind.pop(0)
            if data:
                out.append(SendToClient(self.number, data))
            if closes:
                out.append(CloseClient(self.number))

    def pace(self, limit: int, out: list[Command]) -> None:
        """Pause the client at the limit, and let it go on at half of that."""
        waiting = len(self.unanswered) + len(self.behind)
        if self.paused:
            if waiting <= limit // 2 and self.serial is None:
                self.paused = False
                out.append(ResumeClient(self.number))
        elif waiting >= limit:
            self.pause(out)

    def pause(self, out: list[Command]) -> None:
        """Tell the client to send no more, unless it was told already."""
        if not self.paused:
            self.paused = True
            out.append(PauseClient(self.number))

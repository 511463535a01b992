"""One session with a server, and the actions that are on it."""

from __future__ import annotations

import enum
import math

import attrs

from amp.core.routing.commands import LinkRole
from amp.core.routing.pending import Pending

__all__ = ["Link", "LinkState"]


class LinkState(enum.Enum):
    """How far a link is."""

    BACKOFF = "backoff"
    CONNECTING = "connecting"
    LOGIN = "login"
    READY = "ready"


@attrs.define(eq=False, slots=True)
class Link:
    """A link and its actions in the order in which they were sent, which is the order Asterisk works in.

    Attributes:
        number: as in `OpenLink`.
        role: events or actions.
        opens_at: when its backoff ends, in monotonic seconds.
        state: BACKOFF stands for CONNECTING as well, see `phase`.
        flight: sent and not done, by wire id; the first is what Asterisk is working on.
        skipped: sent, and Asterisk answered a later one first: it is done with these, but an answer may come.
        exclusive: how many in ``flight`` are exclusive; then all of ``flight`` is one client's.
        last: whose answer came last.
        idle_since: when ``flight`` became empty.
        silent_until: how long its exclusive actions may take altogether.
    """

    number: int
    role: LinkRole
    opens_at: float
    state: LinkState = LinkState.BACKOFF
    flight: dict[bytes, Pending] = attrs.field(factory=dict)
    skipped: dict[bytes, Pending] = attrs.field(factory=dict)
    exclusive: int = 0
    last: Pending | None = None
    idle_since: float = 0.0
    silent_until: float = 0.0

    def phase(self, now: float) -> LinkState:
        """The state, with the shell's wait told from its attempt."""
        if self.state is LinkState.BACKOFF and now >= self.opens_at:
            return LinkState.CONNECTING
        return self.state

    @property
    def head(self) -> Pending | None:
        """What Asterisk is working on."""
        return next(iter(self.flight.values()), None)

    def takes(self, client: int, exclusive: bool, now: float, busy_s: float) -> bool:
        """May an action of a client that waits for nothing here go behind what is here?"""
        if self.state is not LinkState.READY:
            return False
        if not self.flight:
            return True
        if now - next(iter(self.flight.values())).sent_at > busy_s:
            return False
        return self.is_only_for(client) if exclusive or self.exclusive else True

    @property
    def blocked(self) -> bool:
        """Is a blocker here?"""
        return self.exclusive > 0 and any(pending.blocks for pending in self.flight.values())

    def is_only_for(self, client: int) -> bool:
        """Is all that is being worked on here this client's?"""
        return all(pending.client == client for pending in self.flight.values())

    def push(self, pending: Pending, now: float) -> None:
        """An action goes out on this link."""
        pending.link = self
        pending.sent_at = now
        pending.deadline = now + pending.timeout_s
        self.flight[pending.wire_id] = pending
        self.exclusive += pending.exclusive

    def reach(self, pending: Pending) -> list[Pending]:
        """Asterisk works on ``pending``, so it is done with all before it, answered or not.

        Returns:
            Those of them that nobody waits for any more, which are over now.
        """
        over = []
        while (head := self.head) is not None and head is not pending:
            del self.flight[head.wire_id]
            self.exclusive -= head.exclusive
            if head.awaited:
                self.skipped[head.wire_id] = head
            else:
                over.append(head)
        return over

    def drop(self, pending: Pending, now: float) -> None:
        """Asterisk is done with ``pending``. What it begins now has its whole time from now."""
        if self.skipped.pop(pending.wire_id, None) is not None:
            return
        del self.flight[pending.wire_id]
        self.exclusive -= pending.exclusive
        if not self.flight:
            self.idle_since = now
            return
        head = next(iter(self.flight.values()))
        if not head.late:
            head.deadline = max(head.deadline, now + head.timeout_s)

    def due(self, now: float) -> list[Pending]:
        """What ran out of time, in order.

        An action is only late once all before it are: behind an Originate that rightly rings for minutes it
        waits.
        """
        due = [pending for pending in self.skipped.values() if pending.deadline <= now]
        for pending in self.flight.values():
            if pending.deadline <= now:
                due.append(pending)
            elif not pending.late:
                break
        return due

    def next_deadline(self) -> float:
        """When `due` gives something next, in monotonic seconds; infinity if nothing is here."""
        deadline = min((pending.deadline for pending in self.skipped.values()), default=math.inf)
        for pending in self.flight.values():
            deadline = min(deadline, pending.deadline)
            if not pending.late:
                break
        return deadline

    def everything(self) -> list[Pending]:
        """All actions that were sent here and are not over, in the order of sending as far as known."""
        return [*self.skipped.values(), *self.flight.values()]

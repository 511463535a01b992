"""What one client has open at one server: its order, its link, and its held events."""

from __future__ import annotations

import math
from collections import deque

import attrs

from amp.core.routing.commands import Command, HoldEvents, ReleaseEvents
from amp.core.routing.link import Link
from amp.core.routing.pending import Pending

__all__ = ["Lane"]


@attrs.define(eq=False, slots=True)
class Lane:
    """One client's actions at one server. Exists only while there are any.

    Events are held from the sending of an action until its answer, since on two sessions an event can
    overtake the answer that belongs before it. A hold has a time limit that newer actions do not stretch:
    then everything held goes out, and a new hold begins if there are actions younger than the limit.

    Attributes:
        client: whose.
        server: where.
        link: where ``sent`` is; all on one link, so that the client's order stays.
        sent: on that link and awaited; what Asterisk passed over without an answer may be on an earlier one.
        waiting: not sent yet, in order.
        holders: how many of ``sent`` hold events.
        held_until: when the hold ends at the latest; infinity when nothing is held.
    """

    client: int
    server: str
    link: Link | None = None
    sent: dict[bytes, Pending] = attrs.field(factory=dict)
    waiting: deque[Pending] = attrs.field(factory=deque)
    holders: int = 0
    held_until: float = math.inf

    def hold(self, pending: Pending, until: float, out: list[Command]) -> None:
        """An action goes out: keep the events back till its answer is there, or till ``until``."""
        pending.holding = True
        self.holders += 1
        if self.holders == 1:
            self.held_until = until
            out.append(HoldEvents(self.client, self.server))

    def release(self, pending: Pending, out: list[Command]) -> None:
        """An action ended: let the events go unless another one holds them."""
        if not pending.holding:
            return
        pending.holding = False
        self.holders -= 1
        if self.holders == 0:
            self.held_until = math.inf
            out.append(ReleaseEvents(self.client, self.server))

    def flush_hold(self, hold_s: float, now: float, out: list[Command]) -> None:
        """The hold ran out: let the events go, and hold on only for actions that are younger than it."""
        for pending in self.sent.values():
            if pending.holding and pending.sent_at + hold_s <= now:
                pending.holding = False
                self.holders -= 1
        out.append(ReleaseEvents(self.client, self.server))
        self.held_until = now + hold_s if self.holders else math.inf
        if self.holders:
            out.append(HoldEvents(self.client, self.server))

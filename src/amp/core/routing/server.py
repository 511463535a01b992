"""One server as the router sees it: its links, and who is on them or waits for them."""

from __future__ import annotations

import itertools
import math

from amp.core.ami.ids import ActionIds
from amp.core.routing.alarm import Alarm
from amp.core.routing.commands import Command, LinkRole, SendToLink
from amp.core.routing.error_frames import paused
from amp.core.routing.lane import Lane
from amp.core.routing.link import Link, LinkState
from amp.core.routing.links import Links
from amp.core.routing.pending import Pending
from amp.core.routing.settings import RouterLimits

__all__ = ["Server"]

NOBODY = 0
"""Clients count from 1; this one's ActionIDs are those of amp's own fences."""


class Server:
    """Puts actions on links in a fair and safe order.

    - While a client has an action here, its next one takes the same link: its order stays.
    - An exclusive action shares its link with no other client, before or behind it. Where its client has
      something on a shared link, it waits for that first.
    - Where no further link can be opened for a waiting exclusive action, one link is reserved: nothing new
      goes on it till it is idle, or a busy server would never get to that action.
    - Blockers may take every link but one, the last: short actions must not wait till somebody picks up.
    - Everything else takes the first link whose oldest action is young; else waits, while a further link is
      opened.
    - A paused server takes nothing new; what was sent is answered, and its links and events stay as they are.
    - A link is busy till Asterisk answered, whether or not somebody still waits for that.
    """

    def __init__(self, links: Links, ids: ActionIds, limits: RouterLimits, alarm: Alarm) -> None:
        self.name = links.config.name
        self.name_bytes = self.name.encode()
        self.links = links
        self.counters = links.counters
        self.lanes: dict[int, Lane] = {}
        self.queue: dict[int, Lane] = {}
        self.load = 0
        self.paused = False
        self._ids = ids
        self._limits = limits
        self._alarm = alarm
        self._fences = 0
        self._reserved: Link | None = None

    def submit(self, pending: Pending, now: float, out: list[Command]) -> None:
        """Send an action, or let it wait for its turn."""
        lane = self.lanes.get(pending.client)
        if lane is None:
            lane = self.lanes[pending.client] = Lane(pending.client, self.name)
        self.load += 1
        if not self.queue:
            self._reserved = None
        if not lane.waiting and (link := self._place(lane, pending, now)) is not None:
            self._send(lane, link, pending, now, out)
            return
        pending.deadline = now + self._limits.action_timeout_s
        self._alarm.by(pending.deadline)
        lane.waiting.append(pending)
        self.queue[pending.client] = lane
        self._grow(now, out)

    def drain(self, now: float, out: list[Command]) -> None:
        """Send what waits and can go now, client by client; open further links for the rest."""
        self._reserved = None
        for client, lane in list(self.queue.items()):
            while lane.waiting and (link := self._place(lane, lane.waiting[0], now)) is not None:
                self._send(lane, link, lane.waiting.popleft(), now, out)
            if not lane.waiting:
                del self.queue[client]
        if self.queue:
            self._grow(now, out)

    def why_not(self) -> str:
        """Why it can take no action now; empty if it can."""
        if self.paused:
            return paused(self.name)
        if not self.links.up:
            return f"server {self.name} is down ({self.links.reason})"
        if self.load >= self._limits.actions_per_server:
            return f"{self.load} actions for server {self.name} are unanswered already"
        return ""

    # An action's end.

    def leave(self, pending: Pending, out: list[Command]) -> None:
        """Nobody waits for this action any more: answered, failed or late.

        If it was sent, its link is busy till `done`; if not, it is forgotten.
        """
        pending.awaited = False
        lane = self.lanes[pending.client]
        if pending.link is None:
            lane.waiting.remove(pending)
            self.load -= 1
        else:
            del lane.sent[pending.wire_id]
            lane.release(pending, out)
        if not lane.waiting:
            self.queue.pop(lane.client, None)
            if not lane.sent:
                del self.lanes[lane.client]

    def done(self, pending: Pending, now: float) -> None:
        """Asterisk is done with an action that was sent."""
        link = pending.link
        assert link is not None  # only what was sent can be answered
        link.drop(pending, now)
        self.load -= not pending.is_fence
        if link.flight:
            self._alarm.by(next(iter(link.flight.values())).deadline)
        elif len(self.links.actions) > 1:
            self._alarm.by(now + self.links.config.idle_s)

    def reach(self, pending: Pending) -> None:
        """Asterisk answers an action, so it is done with those before it on that link."""
        link = pending.link
        if link is not None and link.head is not pending and pending.wire_id not in link.skipped:
            for over in link.reach(pending):
                self.load -= not over.is_fence
            self._alarm.by(link.next_deadline())

    def overtaken(self, pending: Pending) -> list[Pending]:
        """What its client asked here before, is still to be answered, and could only be told by its order.

        Parts are left out: their client waits for them, and they have their own deadline.
        """
        earlier = itertools.takewhile(
            lambda sent: sent is not pending, self.lanes[pending.client].sent.values()
        )
        return [sent for sent in earlier if not sent.original and sent.part is None]

    def forget_client(self, client: int) -> None:
        """A client with actions here is gone: what it sent stays on the links, the rest is dropped."""
        lane = self.lanes.pop(client)
        self.queue.pop(client, None)
        self.load -= len(lane.waiting)
        for pending in lane.sent.values():
            pending.awaited = False

    def end_link(self, link: Link) -> list[Pending]:
        """A link is over. Returns the actions on it that somebody waits for; call `leave` for each."""
        everything = link.everything()
        self.load -= sum(not pending.is_fence for pending in everything)
        link.flight, link.skipped = {}, {}
        return [pending for pending in everything if pending.awaited]

    def unsent(self) -> list[Pending]:
        """What waits, in order; call `leave` for what is given up."""
        return [pending for lane in self.queue.values() for pending in lane.waiting]

    # Time.

    def overdue(self, now: float) -> list[Pending]:
        """Actions that ran out of time to be sent; call `leave` for each."""
        return [pending for pending in self.unsent() if pending.deadline <= now]

    def flush_holds(self, now: float, out: list[Command]) -> None:
        """Let go the events that were held as long as they may be."""
        for lane in self.lanes.values():
            if lane.held_until <= now:
                self.counters.holds_exceeded += 1
                lane.flush_hold(self._limits.order_hold_s, now, out)

    def set_alarm(self, now: float) -> None:
        """Set the alarm by every deadline of this server, after all that is due was done."""
        held = min((lane.held_until for lane in self.lanes.values()), default=math.inf)
        unsent = min((pending.deadline for pending in self.unsent()), default=math.inf)
        late = min((link.next_deadline() for link in self.links.all()), default=math.inf)
        self._alarm.by(min(held, unsent, late, self.links.next_deadline(now)))

    # How it is done.

    def _place(self, lane: Lane, pending: Pending, now: float) -> Link | None:
        exclusive = pending.exclusive
        link = self._link_of(lane)
        if exclusive and pending.blocks and self._would_block_all(link):
            return None
        if link is not None:
            return self._place_behind(link, lane, pending)
        busy_s = self.links.config.busy_s
        for link in self.links.carriers():
            if link.takes(lane.client, exclusive, now, busy_s) and (exclusive or link is not self._reserved):
                return link
        if exclusive and not self.links.may_grow(now):
            ready = (link for link in self.links.carriers() if link.state is LinkState.READY)
            self._reserved = min(ready, key=lambda link: len(link.flight), default=None)
        return None

    def _would_block_all(self, link: Link | None) -> bool:
        """Would one more blocker, on this link or on another, leave none for short actions?"""
        most = self.links.config.max_sessions
        if self.links.single or most == 1:
            return False
        blocked = [one for one in self.links.carriers() if one.blocked]
        return link not in blocked and len(blocked) >= most - 1

    def _place_behind(self, link: Link, lane: Lane, pending: Pending) -> Link | None:
        """The link of the client's earlier actions; ``None`` if those must be answered first."""
        if link is self._reserved or (link.role is LinkRole.EVENTS) is not self.links.single:
            return None  # or the server fell back to one session, or came back to two
        if pending.exclusive and not link.is_only_for(lane.client):
            return None
        return link

    def _send(self, lane: Lane, link: Link, pending: Pending, now: float, out: list[Command]) -> None:
        link.push(pending, now)
        lane.link = link
        lane.sent[pending.wire_id] = pending
        self.counters.actions += 1
        if link.role is LinkRole.ACTIONS and (hold_s := self._limits.order_hold_s) > 0:
            lane.hold(pending, now + hold_s, out)
            self._alarm.by(lane.held_until)
        self._alarm.by(pending.deadline)
        data, pending.data = pending.data, b""
        if pending.fenced:
            data += self._fence(link, pending, now)
        silent_until = 0.0
        if pending.exclusive:
            most_s = pending.timeout_s + self._limits.stuck_grace_s
            silent_until = link.silent_until = max(link.silent_until, now) + most_s
        out.append(SendToLink(self.name, link.number, data, silent_until))

    def _fence(self, link: Link, pending: Pending, now: float) -> bytes:
        """A Ping of amp's own: whatever comes without ActionID before its pong belongs to ``pending``."""
        self._fences += 1
        wire_id = self._ids.make(NOBODY, self._fences, b"")
        fence = Pending(
            wire_id, pending.client, 0, b"", self.name, b"", True, False, b"", self._limits.action_timeout_s
        )
        fence.awaited = False
        link.push(fence, now)
        return b"Action: Ping\r\nActionID: %s\r\n\r\n" % wire_id

    def _grow(self, now: float, out: list[Command]) -> None:
        self.links.grow(sum(self._link_of(lane) is None for lane in self.queue.values()), now, out)

    @staticmethod
    def _link_of(lane: Lane) -> Link | None:
        """Where Asterisk is still to answer this client; what it passed over ties a client to no link."""
        link = lane.link
        return link if link is not None and lane.sent and next(reversed(lane.sent)) in link.flight else None

"""What servers say on their links: to whom each frame goes, and what it ends."""

from __future__ import annotations

from amp.core.ami.ids import ActionIds
from amp.core.ami.rewrite import ACTION_ID, find_action_id, restore_action_id, with_server
from amp.core.routing.alarm import Alarm
from amp.core.routing.answers import is_broken_off, is_end
from amp.core.routing.commands import Command, SendToClient
from amp.core.routing.endings import Endings
from amp.core.routing.fanout_action import Part
from amp.core.routing.link import Link
from amp.core.routing.pending import Pending
from amp.core.routing.server import Server
from amp.core.routing.settings import RouterLimits

__all__ = ["Hearing"]

DOUBT_S = 1.0
"""Seconds to wait for a proper answer after one without ActionID; what belongs together comes at once."""


class Hearing:
    """Gives every frame to who asked, and ends the action that it is the end of.

    A part of a merged answer ends only behind the read that its end came in: the rest of a value with line
    ends follows the frame that it belongs to, and nothing may follow the frame that closes the whole.
    """

    def __init__(self, ids: ActionIds, limits: RouterLimits, endings: Endings, alarm: Alarm) -> None:
        self._mark = ACTION_ID + ids.prefix
        self._limits = limits
        self._endings = endings
        self._alarm = alarm
        self._over: dict[Pending, None] = {}

    def take_all(
        self, server: Server, link: Link | None, frames: list[bytes], now: float, out: list[Command]
    ) -> None:
        """What one read of a link gave; ``link`` is ``None`` if that is over."""
        if link is None:
            server.counters.late += len(frames)
            return
        for raw in frames:
            self._take(server, link, raw, now, out)
        if self._over:
            for pending in self._over:
                self._endings.answered(server, pending, now, out)
            self._over.clear()
        if server.queue:
            # Only now: what stands behind an answer in the same read must not meet the next asker.
            server.drain(now, out)

    def _take(self, server: Server, link: Link, raw: bytes, now: float, out: list[Command]) -> None:
        start, end = find_action_id(raw, self._mark)
        if end < 0:
            self._take_stray(server, link, raw, now, out)
            return
        wire_id = raw[start:end]
        pending = link.flight.get(wire_id) or link.skipped.get(wire_id)
        if pending is None:
            server.counters.late += 1
            return
        server.reach(pending)
        if pending.awaited:
            if not pending.original:
                self._end_overtaken(server, pending, now, out)
            data = with_server(restore_action_id(raw, start, end, pending.original), server.name_bytes)
            if pending.part is not None:
                self._take_part(server, link, pending.part, raw, data, now, out)
                return
            out.append(SendToClient(pending.client, data))
        if not pending.is_fence:
            link.last = pending
            server.counters.late += not pending.awaited
        if is_end(pending, raw):
            self._endings.answered(server, pending, now, out)
        else:
            pending.doubtful = False
            pending.deadline = now + (self._limits.stuck_grace_s if pending.late else pending.timeout_s)
            self._alarm.by(pending.deadline)

    def _end_overtaken(self, server: Server, pending: Pending, now: float, out: list[Command]) -> None:
        """A client without ActionIDs would take this answer for that of the earlier action."""
        for overtaken in server.overtaken(pending):
            if overtaken.doubtful:
                self._endings.answered(server, overtaken, now, out)
            else:
                why = f"server {server.name} answered a later action instead"
                self._endings.fail_sent(server, overtaken, why, out)
                server.done(overtaken, now)

    def _take_part(
        self, server: Server, link: Link, part: Part, raw: bytes, data: bytes, now: float, out: list[Command]
    ) -> None:
        pending = part.pending
        if pending in self._over:
            server.counters.late += 1
            return
        link.last = pending
        part.take(data, out)
        if is_end(pending, raw):
            self._over[pending] = None
        else:
            pending.doubtful = False
            pending.deadline = now + pending.timeout_s
            self._alarm.by(pending.deadline)

    def _take_stray(self, server: Server, link: Link, raw: bytes, now: float, out: list[Command]) -> None:
        """A frame without ActionID on an action link: a broken value, or an answer by an odd module."""
        head = link.head
        broken_off = is_broken_off(raw)
        asker = head
        if (broken_off and link.last is not None) or (head is not None and head.is_fence):
            asker = link.last
        if asker is None or asker.late or not self._listens(asker):
            server.counters.dropped_strays += 1
            return
        server.counters.strays += 1
        link.last = asker
        self._tell(asker, with_server(raw, server.name_bytes), out)
        if asker is head and raw.startswith(b"Response:") and not asker.list_open:
            asker.doubtful = True
            asker.deadline = min(asker.deadline, now + DOUBT_S)
            self._alarm.by(asker.deadline)

    def _listens(self, asker: Pending) -> bool:
        if asker.part is not None and asker.part.fanout.closed:
            return False
        return asker.client in self._endings.clients

    @staticmethod
    def _tell(asker: Pending, data: bytes, out: list[Command]) -> None:
        if asker.part is None:
            out.append(SendToClient(asker.client, data))
        else:
            asker.part.take(data, out)

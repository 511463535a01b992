"""Actions about queues and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amp.core.ami.frame import Frame
from amp.sim import events as ev
from amp.sim.actions.registry import Actions, list_answer, list_item
from amp.sim.channels import Channel
from amp.sim.events import EventKind, block_template
from amp.sim.queues import IN_USE, Member, Queue
from amp.sim.session import action_id_line

if TYPE_CHECKING:
    from amp.sim.session import ManagerSession

__all__ = ["QUEUES"]

QUEUES: Final = Actions()
PARAMS: Final = block_template(
    *b"Queue Max Strategy Calls Holdtime TalkTime Completed Abandoned ServiceLevel ServicelevelPerf"
    b" ServicelevelPerf2 Weight".split()
)
ENTRY: Final = block_template(
    *b"Queue Position Channel Uniqueid CallerIDNum CallerIDName ConnectedLineNum ConnectedLineName Wait"
    b" Priority".split()
)
SUMMARY: Final = block_template(
    *b"Queue LoggedIn Available Callers HoldTime TalkTime LongestHoldTime".split()
)


@QUEUES.add("QueueStatus", "", "Show queue status.")
def queue_status(session: ManagerSession, request: Frame) -> None:
    """Queues with their members and waiting callers; those of a name, if one is given."""
    wanted, member = request.get(b"Queue") or b"", request.get(b"Member") or b""
    items: list[bytes] = []
    for queue in session.server.pbx.queues.values():
        if wanted in (b"", queue.name):
            items += _queue_items(request, queue, member, session.server.wall())
    session.send(list_answer(request, b"Queue status will follow", items, b"QueueStatusComplete"))


@QUEUES.add("QueueSummary", "", "Show queue summary.")
def queue_summary(session: ManagerSession, request: Frame) -> None:
    """One item per queue, numbers only."""
    wanted, now = request.get(b"Queue") or b"", session.server.wall()
    items = [
        list_item(request, b"QueueSummary", _summary(queue, now), id_last=True)
        for queue in session.server.pbx.queues.values()
        if wanted in (b"", queue.name)
    ]
    session.send(list_answer(request, b"Queue summary will follow", items, b"QueueSummaryComplete"))


@QUEUES.add("QueueRule", "", "Queue Rules.")
def queue_rule(session: ManagerSession, request: Frame) -> None:
    """No rules; and Asterisk's stray blank line behind the answer (recording "queue-status")."""
    session.send(b"Response: Success\r\n%s\r\n\r\n" % action_id_line(request))


@QUEUES.add("QueueAdd", "agent", "Add interface to queue.")
def queue_add(session: ManagerSession, request: Frame) -> None:
    """A dynamic member joins."""
    queue, interface = _queue(session, request), request.get(b"Interface") or b""
    if queue is None or not interface:
        session.error(request, b"Unable to add interface to queue: No such queue")
    elif queue.find(interface):
        session.error(request, b"Unable to add interface: Already there")
    else:
        name = request.get(b"MemberName") or interface
        member = Member(name, interface, since=int(session.server.wall()), dynamic=True)
        queue.members.append(member)
        session.ack(request, b"Added interface to queue")
        _tell(session, ev.QUEUE_MEMBER_ADDED, queue, member, b"NOT_INUSE")


@QUEUES.add("QueueRemove", "agent", "Remove interface from queue.")
def queue_remove(session: ManagerSession, request: Frame) -> None:
    """A member leaves."""
    queue = _queue(session, request)
    member = queue.find(request.get(b"Interface") or b"") if queue else None
    if queue is None or member is None:
        session.error(request, b"Unable to remove interface: Not there")
        return
    queue.members.remove(member)
    session.ack(request, b"Removed interface from queue")
    _tell(session, ev.QUEUE_MEMBER_REMOVED, queue, member, b"")


@QUEUES.add("QueuePause", "agent", "Makes a queue member temporarily unavailable.")
def queue_pause(session: ManagerSession, request: Frame) -> None:
    """A member takes no calls, or takes them again, in one queue or in all."""
    wanted, interface = request.get(b"Queue") or b"", request.get(b"Interface") or b""
    paused = (request.get(b"Paused") or b"").lower() in {b"true", b"yes", b"1", b"on", b"y", b"t"}
    queues = [q for q in session.server.pbx.queues.values() if wanted in (b"", q.name) and q.find(interface)]
    if not queues:
        session.error(request, b"Interface not found")
        return
    session.ack(request, b"Interface paused successfully" if paused else b"Interface unpaused successfully")
    for queue in queues:
        if member := queue.find(interface):
            member.paused, member.reason = paused, request.get(b"Reason") or b""
            member.last_pause = int(session.server.wall())
            _tell(session, ev.QUEUE_MEMBER_PAUSE, queue, member, b"INUSE" if paused else b"NOT_INUSE")


def _queue(session: ManagerSession, request: Frame) -> Queue | None:
    return session.server.pbx.queues.get(request.get(b"Queue") or b"")


def _tell(session: ManagerSession, kind: EventKind, queue: Queue, member: Member, pause: bytes) -> None:
    pbx = session.server.pbx
    told = [pbx.event(kind, member.event_block(queue.name))]
    if pause:
        device = b"Queue:%s_pause_%s" % (queue.name, member.interface)
        told.insert(0, pbx.event(ev.DEVICE_STATE, b"Device: %s\r\nState: %s\r\n" % (device, pause)))
    session.server.publish(told)


def _queue_items(request: Frame, queue: Queue, member: bytes, now: float) -> list[bytes]:
    numbers = (b"0", queue.strategy, b"%d" % len(queue.callers), b"0", b"0", b"%d" % queue.completed)
    params = PARAMS % (queue.name, *numbers, b"0", b"0", b"0.0", b"0.0", b"0")
    return [
        list_item(request, b"QueueParams", params, id_last=True),
        *(
            list_item(request, b"QueueMember", each.item_block(queue.name), id_last=True)
            for each in queue.members
            if member in (b"", each.interface)
        ),
        *(
            list_item(request, b"QueueEntry", _entry(queue, place, channel, int(now - since)), id_last=True)
            for place, (channel, since) in enumerate(queue.callers, 1)
        ),
    ]


def _entry(queue: Queue, place: int, channel: Channel, waited: int) -> bytes:
    who = (channel.num, channel.person, channel.connected_num, channel.connected_name)
    return ENTRY % (queue.name, b"%d" % place, channel.name, channel.uid, *who, b"%d" % waited, b"0")


def _summary(queue: Queue, now: float) -> bytes:
    free = sum(member.status != IN_USE and not member.paused for member in queue.members)
    longest = max((int(now - since) for _, since in queue.callers), default=0)
    counts = (len(queue.members), free, len(queue.callers), 0, 0, longest)
    return SUMMARY % (queue.name, *(b"%d" % count for count in counts))

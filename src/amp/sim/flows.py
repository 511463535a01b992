"""How calls go: the steps of the mixed load in recording "stream-20calls", with a sim's own dialplan."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Mapping
from typing import Final

from amp.sim import events as ev
from amp.sim.calls import Call, Flow, Plan
from amp.sim.channels import RINGING, UP, Channel
from amp.sim.legs import DIAL_VARIABLES, Steps, answer_local, dial_local, from_trunk, phone
from amp.sim.queues import IN_USE, NOT_IN_USE, Member, Queue
from amp.sim.queues import RINGING as MEMBER_RINGING

__all__ = [
    "bridged_call",
    "busy_call",
    "ivr_call",
    "plain_call",
    "queue_call",
    "random_plan",
    "trunk_call",
]

PEOPLE: Final = tuple("Ann Ben Cara Dan Eve Finn Gina Hugo Ida José Kim Zoë".encode().split())
MEMBER_VARIABLES: Final = (
    b"MEMBERINTERFACE", b"MEMBERNAME", b"MEMBERCALLS", b"MEMBERLASTCALL", b"MEMBERPENALTY", b"MEMBERDYNAMIC",
    b"MEMBERREALTIME",
)  # fmt: skip


def random_plan(rng: random.Random, talk_s: tuple[float, float]) -> Plan:
    """A call of the mixed load."""
    flow = rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
    return Plan(
        flow=flow,
        talk_s=rng.uniform(*talk_s),
        num=b"%d" % rng.randrange(2_000_000, 9_999_999),
        person=rng.choice(PEOPLE),
        target=b"support" if flow is queue_call else b"%d" % rng.randrange(1001, 1020),
    )


def plain_call(call: Call) -> Generator[float, None, None]:
    """A phone is rung by somebody's Originate, hears something, and hangs up."""
    channel = yield from answer_local(call, b"phone", b"phones")
    call.step(channel, b"Answer", at=(b"from-internal", b"600"))
    call.step(channel, b"UserEvent", b"CallBegin,Uniq: %s" % channel.uid)
    call.about(ev.USER_EVENT, channel, (b"UserEvent", b"CallBegin"), (b"Uniq", channel.uid))
    call.step(channel, b"Wait", b"%d" % call.plan.talk_s)
    yield call.plan.talk_s


def bridged_call(call: Call) -> Generator[float, None, None]:
    """A phone is rung, and dials another one."""
    caller = yield from answer_local(call, b"phone", b"phones")
    call.step(
        caller,
        b"Set",
        b'CALLERID(all)="%s" <%s>' % (call.plan.person, call.plan.num),
        at=(b"from-internal", call.plan.target),
    )
    call.caller(caller, call.plan.num, call.plan.person)
    callee = yield from dial_local(call, caller, b"callee", b"phones")
    call.join(callee, caller)
    yield call.plan.talk_s
    _after_dial(call, caller)


def busy_call(call: Call) -> Generator[float, None, None]:
    """A phone is rung, and dials one that is busy."""
    caller = yield from answer_local(call, b"phone", b"phones")
    call.step(caller, b"Dial", b"PJSIP/%s,20" % call.plan.target, at=(b"from-internal", call.plan.target))
    for name in DIAL_VARIABLES:
        call.variable(caller, name)
    callee = phone(call, caller)
    call.dial(ev.DIAL_BEGIN, caller, callee, (b"DialString", call.plan.target))
    yield 0.4
    call.dial(ev.DIAL_END, caller, callee, (b"DialStatus", b"BUSY"))
    call.hang_up(callee, 17)
    call.variable(caller, b"DIALSTATUS", b"BUSY")
    call.step(caller, b"Busy", b"2")
    yield 2.0


def trunk_call(call: Call) -> Generator[float, None, None]:
    """A call comes in over SIP and rings a SIP phone."""
    caller = from_trunk(call)
    call.step(caller, b"Dial", b"PJSIP/%s,30,t" % call.plan.target)
    for name in DIAL_VARIABLES:
        call.variable(caller, name)
    callee = phone(call, caller)
    call.dial(ev.DIAL_BEGIN, caller, callee, (b"DialString", call.plan.target))
    yield 0.1
    call.state(callee, RINGING)
    call.dial(ev.DIAL_STATE, caller, callee, (b"DialStatus", b"RINGING"))
    call.device(callee, b"RINGING")
    yield call.pbx.rng.uniform(1.0, 6.0)
    call.state(callee, UP)
    call.device(callee, b"INUSE")
    call.dial(ev.DIAL_END, caller, callee, (b"DialStatus", b"ANSWER"))
    call.variable(caller, b"DIALSTATUS", b"ANSWER")
    call.variable(caller, b"DIALEDPEERNAME", callee.name)
    call.state(caller, UP)
    call.join(callee, caller)
    yield call.plan.talk_s
    _after_dial(call, caller)


def ivr_call(call: Call) -> Generator[float, None, None]:
    """A call comes in over SIP, presses three keys, and is told goodbye."""
    caller = from_trunk(call)
    call.step(caller, b"Answer")
    call.state(caller, UP)
    call.step(caller, b"Background", b"welcome")
    for digit in (b"1", b"5", b"#"):
        yield 0.8
        call.about(ev.DTMF_BEGIN, caller, (b"Digit", digit), (b"Direction", b"Received"))
        yield 0.1
        length = (b"DurationMs", b"100")
        call.about(ev.DTMF_END, caller, (b"Digit", digit), length, (b"Direction", b"Received"))
        call.step(caller, b"Playback", b"menu/%s" % digit, at=(b"ivr", digit))
        call.variable(caller, b"PLAYBACKSTATUS", b"SUCCESS")
    yield call.plan.talk_s
    call.step(caller, b"Hangup", b"16")


def queue_call(call: Call) -> Generator[float, None, None]:
    """A call comes in over SIP and waits in a queue till an agent is free."""
    queue = call.pbx.queues[call.plan.target]
    caller = from_trunk(call)
    call.step(caller, b"Answer")
    call.state(caller, UP)
    call.step(caller, b"Queue", b"%s,tT,,,30" % queue.name)
    queue.callers.append((caller, int(call.pbx.clock())))
    place = b"%d" % len(queue.callers)
    waiting = (b"Queue", queue.name), (b"Position", place), (b"Count", place)
    call.about(ev.QUEUE_JOIN, caller, *waiting)
    call.about(ev.MOH_START, caller, (b"Class", b"default"))
    try:
        member = yield from _free_member(queue)
    finally:
        queue.callers = [entry for entry in queue.callers if entry[0] is not caller]
    if member is None:
        return
    try:
        agent = yield from _ring_agent(call, caller, queue, member)
        call.about(ev.MOH_STOP, caller)
        call.about(ev.QUEUE_LEAVE, caller, *waiting)
        yield from _talk_to_agent(call, caller, queue, agent)
    finally:
        _free(call, queue, member)


def _free_member(queue: Queue) -> Generator[float, None, Member | None]:
    for _ in range(30):
        if member := queue.free_member():
            return member
        yield 1.0
    return None


def _ring_agent(call: Call, caller: Channel, queue: Queue, member: Member) -> Steps:
    member.status = MEMBER_RINGING
    call.tell(ev.QUEUE_MEMBER_STATUS, member.event_block(queue.name))
    exten = member.interface.removeprefix(b"Local/").partition(b"@")[0]
    about = (b"Queue", queue.name), (b"Interface", member.interface), (b"MemberName", member.name)
    agent = yield from dial_local(call, caller, exten, b"agents", called=about)
    member.status = IN_USE
    call.tell(ev.QUEUE_MEMBER_STATUS, member.event_block(queue.name))
    values = (
        member.interface,
        member.name,
        b"%d" % member.calls_taken,
        b"%d" % member.last_call,
        b"0",
        b"0",
        b"0",
    )
    for channel in (caller, agent):
        for name, value in zip(MEMBER_VARIABLES, values, strict=True):
            call.variable(channel, name, value)
    call.agent(ev.AGENT_CONNECT, caller, agent, *about, (b"HoldTime", b"1"), (b"RingTime", b"0"))
    return agent


def _talk_to_agent(call: Call, caller: Channel, queue: Queue, agent: Channel) -> Iterator[float]:
    bridge = call.join(agent, caller)
    yield call.plan.talk_s
    call.part(bridge)
    interface = b"Local/%s@%s/n" % (agent.exten, agent.context)
    about = (b"Queue", queue.name), (b"Interface", interface), (b"MemberName", agent.variables[b"MEMBERNAME"])
    times = (b"HoldTime", b"1"), (b"TalkTime", b"%d" % call.plan.talk_s)
    call.agent(ev.AGENT_COMPLETE, caller, agent, *about, *times, (b"Reason", b"agent"))
    queue.completed += 1


def _free(call: Call, queue: Queue, member: Member) -> None:
    member.status = NOT_IN_USE
    member.calls_taken += 1
    member.last_call = int(call.pbx.clock())
    call.tell(ev.QUEUE_MEMBER_STATUS, member.event_block(queue.name))


def _after_dial(call: Call, caller: Channel) -> None:
    seconds = call.pbx.clock() - caller.born
    for name, value in (
        (b"ANSWEREDTIME", b"%d" % call.plan.talk_s),
        (b"ANSWEREDTIME_MS", b"%d" % (call.plan.talk_s * 1000)),
        (b"DIALEDTIME", b"%d" % seconds),
        (b"DIALEDTIME_MS", b"%d" % (seconds * 1000)),
    ):
        call.variable(caller, name, value)


WEIGHTS: Final[Mapping[Flow, int]] = {
    plain_call: 2,
    bridged_call: 3,
    busy_call: 1,
    trunk_call: 4,
    ivr_call: 2,
    queue_call: 3,
}
"""How often each kind of call comes."""

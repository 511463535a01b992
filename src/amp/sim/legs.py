"""Parts of calls: how a leg comes to be, rings and answers."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from amp.sim import events as ev
from amp.sim.calls import Call
from amp.sim.channels import DOWN, RING, RINGING, UP, Channel

__all__ = [
    "DIAL_VARIABLES",
    "Steps",
    "answer_local",
    "dial_local",
    "from_trunk",
    "phone",
    "ring_local",
    "start_ringing",
]

Steps = Generator[float, None, Channel]
"""Part of a flow: yields seconds to wait, and gives the channel that answered."""

DIAL_VARIABLES: Final = (
    b"DIALSTATUS", b"DIALEDPEERNUMBER", b"DIALEDPEERNAME", b"ANSWEREDTIME", b"ANSWEREDTIME_MS", b"DIALEDTIME",
    b"DIALEDTIME_MS", b"RINGTIME", b"RINGTIME_MS", b"PROGRESSTIME", b"PROGRESSTIME_MS",
)  # fmt: skip


def ring_local(
    call: Call,
    exten: bytes,
    context: bytes,
    *,
    uids: tuple[bytes, bytes] = (b"", b""),
    optimise: bool = False,
) -> tuple[Channel, Channel]:
    """The two halves of a new Local channel, before anything is dialled."""
    name = b"Local/%s@%s-%s" % (exten, context, call.pbx.channel_number())
    one = call.add(name + b";1", context, exten, state=DOWN, uid=uids[0])
    two = call.add(name + b";2", context, exten, state=RING, uid=uids[1])
    call.outgoing(one, b"AppDial2" if call.channels[0] is one else b"AppDial")
    for half, variables in ((one, reversed(call.plan.variables)), (two, call.plan.variables)):
        for variable, value in variables:
            call.assign(half, variable, value)
        call.caller(half, call.plan.num, call.plan.person)
        call.connected(half, call.plan.num, call.plan.person)
    call.local_bridge(one, two, optimise=optimise)
    return one, two


def answer_local(
    call: Call, exten: bytes, context: bytes, *, uids: tuple[bytes, bytes] = (b"", b"")
) -> Steps:
    """A Local channel is dialled by an Originate and answers after a ring; gives its near half."""
    one, two = ring_local(call, exten, context, uids=uids)
    call.dial(ev.DIAL_BEGIN, None, one, (b"DialString", b"%s@%s/n" % (exten, context)))
    call.step(two, b"Ringing")
    yield from ring(call, None, one, two)
    return one


def dial_local(
    call: Call, caller: Channel, exten: bytes, context: bytes, *, called: tuple[tuple[bytes, bytes], ...] = ()
) -> Steps:
    """A channel dials a Local one, which answers after a ring; gives its near half."""
    if not called:
        call.step(caller, b"Dial", b"Local/%s@%s,20,tT" % (exten, context))
        for name in DIAL_VARIABLES:
            call.variable(caller, name)
    one, two = ring_local(call, exten, context, optimise=not called)
    if called:
        call.agent(ev.AGENT_CALLED, caller, one, *called)
    call.dial(ev.DIAL_BEGIN, caller, one, (b"DialString", b"%s@%s" % (exten, context)))
    call.step(two, b"Ringing")
    yield from ring(call, caller, one, two)
    call.variable(caller, b"DIALSTATUS", b"ANSWER")
    call.variable(caller, b"DIALEDPEERNAME", one.name)
    call.variable(caller, b"DIALEDPEERNUMBER", b"%s@%s" % (exten, context))
    return one


def ring(call: Call, source: Channel | None, one: Channel, two: Channel) -> Generator[float, None, None]:
    """A Local channel rings for 0.3 s and answers."""
    yield from start_ringing(call, source, one, two)
    yield 0.3
    call.step(two, b"Answer")
    call.state(two, UP)
    call.state(one, UP)
    call.device(one, b"INUSE")
    call.dial(ev.DIAL_END, source, one, (b"DialStatus", b"ANSWER"))


def start_ringing(
    call: Call, source: Channel | None, one: Channel, two: Channel
) -> Generator[float, None, None]:
    """A Local channel begins to ring."""
    yield 0.01
    call.state(one, RINGING)
    call.step(two, b"Wait", b"0.3")
    call.dial(ev.DIAL_STATE, source, one, (b"DialStatus", b"RINGING"))
    call.device(one, b"INUSE")


def from_trunk(call: Call) -> Channel:
    """A channel that comes in over the SIP trunk and has begun the dialplan."""
    name = b"PJSIP/trunk-%s" % call.pbx.channel_number()
    did = b"49301234%s" % call.plan.target[-4:] if call.plan.target.isdigit() else b"493012340"
    caller = call.add(name, b"from-trunk", did, state=RING)
    caller.set(num=call.plan.num, person=call.plan.person)
    call.device(caller, b"INUSE")
    for name, value in ((b"SIPDOMAIN", b"192.0.2.10"), (b"__DID", did), (b"__CALLER", call.plan.num)):
        call.step(caller, b"Set", b"%s=%s" % (name, value))
        call.variable(caller, name, value)
    return caller


def phone(call: Call, caller: Channel) -> Channel:
    """The SIP phone that the call is for, as it is being dialled by ``caller``."""
    target = call.plan.target
    channel = call.add(
        b"PJSIP/%s-%s" % (target, call.pbx.channel_number()), b"from-internal", target, state=DOWN
    )
    call.outgoing(channel, b"AppDial")
    call.caller(channel, target, b"Phone %s" % target)
    call.connected(channel, caller.num, caller.person)
    return channel

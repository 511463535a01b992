"""Action Originate: the checks of its arguments, and the calls it makes."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

import attrs
import trio

from amp.core.ami.frame import Frame
from amp.sim import events as ev
from amp.sim.actions.registry import Actions
from amp.sim.calls import Call, Plan
from amp.sim.channels import DOWN, RINGING, UNKNOWN, UP, Channel
from amp.sim.events import header_block
from amp.sim.legs import answer_local, ring_local, start_ringing
from amp.sim.session import action_id_line

if TYPE_CHECKING:
    from amp.sim.session import ManagerSession

__all__ = ["ORIGINATE", "Order"]

ORIGINATE: Final = Actions()
NUMBER: Final = re.compile(rb"[0-9]+")
CALLER_ID: Final = re.compile(rb'\s*"?([^"<]*?)"?\s*<([^>]*)>\s*')
PAIR: Final = re.compile(rb'(?:[^,"]|"[^"]*")+')
"""One ``name=value`` of a Variable header; commas part them unless they are quoted."""
FAILED, NO_ANSWER, ANSWERED, IS_BUSY = 0, 3, 4, 5
"""Reasons in OriginateResponse (recording "originate-async")."""


@attrs.frozen(kw_only=True)
class Order:
    """A checked Originate.

    Attributes:
        channel: what to dial: ``Local/EXTEN@CONTEXT`` or ``PJSIP/PHONE``; another technology fails.
        timeout_s: how long to ring.
        goal: header lines of OriginateResponse that tell where the answered channel goes.
    """

    request: Frame
    channel: bytes
    context: bytes
    exten: bytes
    app: bytes
    data: bytes
    timeout_s: float
    num: bytes
    person: bytes

    @property
    def goal(self) -> bytes:
        """Where the answered channel goes, as OriginateResponse tells it."""
        if self.app:
            return header_block((b"Application", self.app), (b"Data", self.data))
        return header_block((b"Context", self.context), (b"Exten", self.exten))


class OriginatedCall(Call):
    """A call made by an Originate.

    Attributes:
        reason: why it was or was not answered; ``decided`` is set once that is known.
    """

    def __init__(self, session: ManagerSession, order: Order, *, tell: bool) -> None:
        plan = Plan(flow=originated, num=order.num, person=order.person, variables=_variables(order.request))
        super().__init__(session.server.pbx, plan)
        self.order = order
        self.reason = FAILED
        self.decided = trio.Event()
        self._tell = tell

    def decide(self, reason: int, channel: Channel | None) -> None:
        """It was answered by this channel, or failed: OriginateResponse, if the order was asynchronous."""
        self.reason = reason
        if self._tell:
            self.tell(ev.ORIGINATE_RESPONSE, _response_block(self.order, reason, channel))
        self.decided.set()

    def end_now(self) -> None:
        """End; an undecided one has failed."""
        super().end_now()
        self.decided.set()


@ORIGINATE.add("Originate", "originate", "Originate a call.")
async def originate(session: ManagerSession, request: Frame) -> None:
    """Make a call: with ``Async: true`` in the background, else the session is blocked till it is decided."""
    checked = check_order(request)
    if isinstance(checked, bytes):
        session.error(request, checked)
        return
    asynchronous = (request.get(b"Async") or b"").lower() in {b"true", b"yes", b"1", b"on", b"t", b"y"}
    call = OriginatedCall(session, checked, tell=asynchronous)
    session.server.run_call(call)
    if not asynchronous:
        await call.decided.wait()
    if asynchronous or call.reason == ANSWERED:
        session.ack(request, b"Originate successfully queued")
    else:
        session.error(request, b"Originate failed")


def check_order(request: Frame) -> Order | bytes:
    """The order, or the text of the error that Asterisk gives (recording "originate-sync")."""

    def get(name: bytes) -> bytes:
        return request.get(name) or b""

    priority, timeout = get(b"Priority"), get(b"Timeout") or b"30000"
    if not get(b"Channel"):
        return b"Channel not specified"
    if priority and not NUMBER.fullmatch(priority):
        return b"Invalid priority"
    if not NUMBER.fullmatch(timeout):
        return b"Invalid timeout"
    if not get(b"Application"):
        if not (get(b"Context") and get(b"Exten") and priority):
            return b"Originate with 'Exten' requires 'Context' and 'Priority'"
        if get(b"Exten").startswith(b"nosuch"):
            return b"Extension does not exist."
    named = CALLER_ID.fullmatch(get(b"CallerID"))
    return Order(
        request=request,
        channel=get(b"Channel"),
        context=get(b"Context"),
        exten=get(b"Exten"),
        app=get(b"Application"),
        data=get(b"Data"),
        timeout_s=int(timeout) / 1000,
        num=named[2] if named else get(b"CallerID") or UNKNOWN,
        person=named[1] if named else UNKNOWN,
    )


def originated(call: Call) -> Generator[float, None, None]:
    """The flow of an originated call. The dialled extension decides what happens.

    ``busy`` is busy, ``late`` never answers, ``nobody`` and ``nosuch...`` fail, everything else answers
    after a ring of 0.3 s. Where the answered channel is sent, extension ``none`` hangs up at once, ``hold``
    waits for ten minutes, everything else for five seconds.
    """
    assert isinstance(call, OriginatedCall)
    order = call.order
    tech, _, rest = order.channel.partition(b"/")
    target = rest.partition(b"/")[0]
    exten, _, context = target.partition(b"@")
    if tech not in (b"Local", b"PJSIP") or exten.startswith((b"nosuch", b"nobody")):
        call.decide(FAILED, None)
        return
    uids = (order.request.get(b"ChannelId") or b"", order.request.get(b"OtherChannelId") or b"")
    if exten in (b"busy", b"late"):
        yield from _unanswered(call, exten, context or b"phones", uids)
        return
    if tech == b"Local":
        channel = yield from answer_local(call, exten, context or b"phones", uids=uids)
    else:
        channel = yield from _answer_phone(call, target, uids[0])
    call.decide(ANSWERED, channel)
    yield from _after_answer(call, channel)


def _answer_phone(call: OriginatedCall, phone: bytes, uid: bytes) -> Generator[float, None, Channel]:
    name = b"PJSIP/%s-%s" % (phone, call.pbx.channel_number())
    channel = call.add(name, b"from-internal", phone, state=DOWN, uid=uid)
    call.outgoing(channel, b"AppDial2")
    call.caller(channel, call.plan.num, call.plan.person)
    call.dial(ev.DIAL_BEGIN, None, channel, (b"DialString", phone))
    yield 0.01
    call.state(channel, RINGING)
    call.dial(ev.DIAL_STATE, None, channel, (b"DialStatus", b"RINGING"))
    yield 0.3
    call.state(channel, UP)
    call.device(channel, b"INUSE")
    call.dial(ev.DIAL_END, None, channel, (b"DialStatus", b"ANSWER"))
    return channel


def _unanswered(
    call: OriginatedCall, exten: bytes, context: bytes, uids: tuple[bytes, bytes]
) -> Generator[float, None, None]:
    one, two = ring_local(call, exten, context, uids=uids)
    call.dial(ev.DIAL_BEGIN, None, one, (b"DialString", b"%s@%s/n" % (exten, context)))
    if exten == b"busy":
        call.step(two, b"Busy", b"1")
        yield 0.01
        call.dial(ev.DIAL_END, None, one, (b"DialStatus", b"BUSY"))
        call.decide(IS_BUSY, None)
        return
    yield from start_ringing(call, None, one, two)
    yield call.order.timeout_s
    call.decide(NO_ANSWER, None)


def _after_answer(call: OriginatedCall, channel: Channel) -> Generator[float, None, None]:
    order = call.order
    if order.app:
        call.step(channel, order.app, order.data, at=(channel.context, channel.exten))
        yield float(order.data) if NUMBER.fullmatch(order.data) else 0.01
        return
    at = (order.context, order.exten)
    if order.exten == b"none":
        call.step(channel, b"Hangup", b"16", at=at)
        return
    seconds = 600 if order.exten == b"hold" else 5
    call.step(channel, b"Wait", b"%d" % seconds, at=at)
    yield float(seconds)


def _variables(request: Frame) -> tuple[tuple[bytes, bytes], ...]:
    pairs = [each for header in request.get_all(b"Variable") for each in PAIR.findall(header)]
    split = (pair.partition(b"=") for pair in pairs)
    return tuple((name, value.replace(b'"', b"")) for name, _, value in split)


def _response_block(order: Order, reason: int, channel: Channel | None) -> bytes:
    return b"".join(
        (
            action_id_line(order.request),
            b"Response: %s\r\n" % (b"Success" if channel is not None else b"Failure"),
            b"Channel: %s\r\n" % (channel.name if channel is not None else order.channel),
            order.goal,
            b"Reason: %d\r\n" % reason,
            b"Uniqueid: %s\r\n" % (channel.uid if channel is not None else UNKNOWN),
            header_block((b"CallerIDNum", order.num), (b"CallerIDName", order.person)),
            channel.shown_in_originate() if channel is not None else b"",
        )
    )

"""What a call does, one method per thing that Asterisk tells about: each changes state and adds events."""

from __future__ import annotations

from typing import Final

from amp.sim import events as ev
from amp.sim.channels import UNKNOWN, UP, Bridge, Channel
from amp.sim.events import Event, EventKind, block_template, header_block
from amp.sim.pbx import Pbx, clock_text

__all__ = ["CAUSES", "Script"]

CAUSES: Final = {
    0: b"Unknown",
    16: b"Normal Clearing",
    17: b"User busy",
    19: b"User alerting, no answer",
    20: b"Subscriber absent",
    21: b"Call Rejected",
}
NEWEXTEN: Final = block_template(b"Extension", b"Application", b"AppData")
VARSET: Final = block_template(b"Variable", b"Value")
PRESENTATION: Final = b"CID-CallingPres: 0 (Presentation Allowed, Not Screened)\r\n"
CDR: Final = block_template(
    *b"AccountCode Source Destination DestinationContext CallerID Channel DestinationChannel LastApplication"
    b" LastData StartTime AnswerTime EndTime Duration BillableSeconds Disposition AMAFlags UniqueID"
    b" UserField".split()
)


class Script:
    """The events of one call as they come to be, and its channels.

    Attributes:
        channels: those still up, oldest first.
        bridges: those with somebody in them.
    """

    def __init__(self, pbx: Pbx) -> None:
        self.pbx = pbx
        self.channels: list[Channel] = []
        self.bridges: list[Bridge] = []
        self._events: list[Event] = []

    def take_events(self) -> list[Event]:
        """The events since the last call of this."""
        taken, self._events = self._events, []
        return taken

    def tell(self, kind: EventKind, body: bytes) -> None:
        """Add an event with these header lines."""
        self._events.append(self.pbx.event(kind, body))

    def about(self, kind: EventKind, channel: Channel, *more: tuple[bytes, bytes]) -> None:
        """Add an event about one channel, with these headers behind its own."""
        self.tell(kind, channel.block() + header_block(*more) if more else channel.block())

    def add(
        self,
        name: bytes,
        context: bytes,
        exten: bytes,
        *,
        state: int,
        uid: bytes = b"",
        linkedid: bytes = b"",
    ) -> Channel:
        """A new channel: Newchannel."""
        uid = uid or self.pbx.unique_id()
        if not linkedid:
            linkedid = self.channels[0].linkedid if self.channels else uid
        channel = self.pbx.add_channel(name, context, exten, state=state, uid=uid, linkedid=linkedid)
        channel.call = self
        self.channels.append(channel)
        self.about(ev.NEWCHANNEL, channel)
        return channel

    def local_bridge(self, one: Channel, two: Channel, *, optimise: bool) -> None:
        """The two halves of a Local channel are joined: LocalBridge."""
        where = (b"Context", two.context), (b"Exten", two.exten)
        flag = (b"LocalOptimization", b"Yes" if optimise else b"No")
        self.tell(
            ev.LOCAL_BRIDGE,
            one.block_as(b"LocalOne") + two.block_as(b"LocalTwo") + header_block(*where, flag),
        )

    def step(
        self, channel: Channel, app: bytes, data: bytes = b"", *, at: tuple[bytes, bytes] | None = None
    ) -> None:
        """The dialplan goes on to its next step, or to the first of another extension: Newexten."""
        if at is not None:
            channel.set(context=at[0], exten=at[1], priority=1)
        elif channel.app:
            channel.set(priority=channel.priority + 1)
        channel.set(app=app, app_data=data)
        self.tell(ev.NEWEXTEN, channel.block() + NEWEXTEN % (channel.exten, app, data))

    def outgoing(self, channel: Channel, app: bytes) -> None:
        """A channel that was dialled stands in the application that dialled it: Newexten."""
        channel.set(app=app, app_data=b"(Outgoing Line)")
        self.tell(ev.NEWEXTEN, channel.block() + NEWEXTEN % (channel.exten, app, b"(Outgoing Line)"))

    def variable(self, channel: Channel, name: bytes, value: bytes = b"") -> None:
        """A channel variable changes: VarSet, which shows the new value among the shown ones already."""
        channel.set_variable(name, value)
        self.tell(ev.VARSET, channel.block() + VARSET % (name, value))

    def assign(self, channel: Channel, name: bytes, value: bytes) -> None:
        """``Variable: name=value`` of an Originate: a caller ID is set silently, all else is a VarSet."""
        if name == b"CALLERID(name)":
            channel.set(person=value)
        elif name == b"CALLERID(num)":
            channel.set(num=value)
        else:
            self.variable(channel, name, value)

    def state(self, channel: Channel, state: int) -> None:
        """A channel's state changes: Newstate."""
        channel.set(state=state)
        self.about(ev.NEWSTATE, channel)

    def caller(self, channel: Channel, num: bytes, person: bytes) -> None:
        """Who is on this channel becomes known: NewCallerid."""
        channel.set(num=num, person=person)
        self.tell(ev.NEW_CALLERID, channel.block() + PRESENTATION)

    def connected(self, channel: Channel, num: bytes, person: bytes) -> None:
        """Who is on the other side becomes known: NewConnectedLine."""
        channel.set(connected_num=num, connected_name=person)
        self.about(ev.NEW_CONNECTED_LINE, channel)

    def device(self, channel: Channel, state: bytes) -> None:
        """A device's state changes: DeviceStateChange."""
        self.tell(ev.DEVICE_STATE, b"Device: %s\r\nState: %s\r\n" % (channel.device, state))

    def dial(self, kind: EventKind, source: Channel | None, dest: Channel, last: tuple[bytes, bytes]) -> None:
        """DialBegin, DialState, DialEnd: who dials (nobody, for an Originate), who is dialled, one more."""
        before = source.block() if source is not None else b""
        self.tell(kind, before + dest.block_as(b"Dest") + header_block(last))

    def agent(self, kind: EventKind, caller: Channel, agent: Channel, *more: tuple[bytes, bytes]) -> None:
        """AgentCalled, AgentConnect, AgentComplete."""
        self.tell(kind, caller.block() + agent.block_as(b"Dest") + header_block(*more))

    def join(self, *channels: Channel) -> Bridge:
        """Channels come together in a new bridge: BridgeCreate, BridgeEnter, and two BRIDGEPEER."""
        bridge = self.pbx.bridge()
        self.bridges.append(bridge)
        self.tell(ev.BRIDGE_CREATE, bridge.block())
        for channel in channels:
            bridge.members.append(channel)
            channel.bridge = bridge
            self.tell(ev.BRIDGE_ENTER, bridge.block() + channel.block())
        for channel, peer in zip(channels, reversed(channels), strict=True):
            self.variable(channel, b"BRIDGEPEER", peer.name)
        return bridge

    def part(self, bridge: Bridge) -> None:
        """All leave a bridge, and it goes: BRIDGEPEER, BridgeLeave, BridgeDestroy."""
        for channel in list(bridge.members):
            self.variable(channel, b"BRIDGEPEER")
            bridge.members.remove(channel)
            channel.bridge = None
            self.tell(ev.BRIDGE_LEAVE, bridge.block() + channel.block())
        self.tell(ev.BRIDGE_DESTROY, bridge.block())
        self.bridges.remove(bridge)

    def request_hangup(self, channel: Channel, cause: int) -> None:
        """The far side is gone, or somebody asked: HangupRequest."""
        self.about(ev.HANGUP_REQUEST, channel, (b"Cause", b"%d" % cause))

    def hang_up(self, channel: Channel, cause: int) -> None:
        """A channel's end: SoftHangupRequest, Hangup, DeviceStateChange."""
        self.about(ev.SOFT_HANGUP, channel, (b"Cause", b"16"))
        if channel.state == UP or channel.name.endswith(b";2"):
            self.step(channel, b"NoOp", b"end of call", at=(channel.context, b"h"))
        text = CAUSES.get(cause, b"Unknown")
        self.about(ev.HANGUP, channel, (b"Cause", b"%d" % cause), (b"Cause-txt", text))
        self.device(channel, b"NOT_INUSE")
        self.channels.remove(channel)
        self.pbx.channels.pop(channel.name, None)

    def record(self, channel: Channel, peer: Channel | None, *, answered: bool) -> None:
        """A call's record: Cdr."""
        now = self.pbx.clock()
        seconds = b"%d" % (now - channel.born) if answered else b"0"
        known = channel.num != UNKNOWN
        num, person = (channel.num, channel.person) if known else (b"", b"")
        values = (
            channel.account,
            num,
            channel.exten,
            channel.context,
            b'"%s" <%s>' % (person, num),
            channel.name,
            peer.name if peer is not None else b"",
            channel.app,
            channel.app_data,
            clock_text(channel.born),
            clock_text(channel.born) if answered else b"",
            clock_text(now),
            seconds,
            seconds,
            b"ANSWERED" if answered else b"NO ANSWER",
            b"DOCUMENTATION",
            channel.uid,
            b"",
        )
        self.tell(ev.CDR, CDR % values)

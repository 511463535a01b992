"""The channels of one server that are up: what a client must have been told to know them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import attrs

from amp.core.policy.calls.parties import CallEvent

__all__ = ["BEGINNINGS", "MAX_BYTES", "MAX_CHANNELS", "NOTED", "LiveCalls"]

MAX_CHANNELS: Final = 10_000
MAX_BYTES: Final = 16 << 20
MAX_FRAME_BYTES: Final = 8192
"""A Newchannel of Asterisk 22 has 600 bytes; with channel variables it may have some thousand."""
ENTRY_BYTES: Final = 600
"""What an entry costs besides its frames, about."""

NOTED: Final = frozenset(
    b"newchannel newstate rename hangup bridgeenter bridgeleave bridgedestroy bridge link unlink".split()
)
"""The events that change what is known here, in small letters."""

BEGINNINGS: Final = frozenset((b"newchannel", b"newstate", b"bridgeenter"))
"""After these their first channel is known here, also if it was up before anybody listened."""


@attrs.define(eq=False, slots=True)
class _Channel:
    name: bytes
    newchannel: bytes = b""
    newstate: bytes = b""
    entered: bytes = b""
    bridge: bytes = b""

    @property
    def size(self) -> int:
        return ENTRY_BYTES + len(self.newchannel) + len(self.newstate) + len(self.entered)


@attrs.define(eq=False)
class LiveCalls:
    """Bounded by number and bytes: the oldest channel is forgotten first.

    Attributes:
        forgotten: how many channels were given up for want of room while they were still up.
        size_bytes: what all of it takes, about.
    """

    max_channels: int = MAX_CHANNELS
    max_bytes: int = MAX_BYTES
    forgotten: int = attrs.field(default=0, init=False)
    size_bytes: int = attrs.field(default=0, init=False)
    _channels: dict[bytes, _Channel] = attrs.field(factory=dict, init=False)
    _by_name: dict[bytes, bytes] = attrs.field(factory=dict, init=False)
    _bridges: dict[bytes, dict[bytes, None]] = attrs.field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._channels)

    def __contains__(self, uniqueid: bytes) -> bool:
        return uniqueid in self._channels

    def __iter__(self) -> Iterator[bytes]:
        """The Uniqueids, the oldest channel first."""
        return iter(self._channels)

    def uniqueid_of(self, name: bytes) -> bytes:
        """Of the channel that has this name now; empty if none is known."""
        return self._by_name.get(name, b"")

    def members(self, bridge: bytes) -> tuple[bytes, ...]:
        """The Uniqueids of who is in a bridge."""
        return tuple(self._bridges.get(bridge, ()))

    def bridges(self) -> tuple[tuple[bytes, ...], ...]:
        """Who is in each bridge."""
        return tuple(tuple(members) for members in self._bridges.values())

    def replay(self, uniqueid: bytes) -> tuple[bytes, ...]:
        """What makes a client know a channel as it is: Newchannel, latest Newstate, BridgeEnter.

        The raw frames of the server, but for the name, which is the one that the channel has now.
        """
        channel = self._channels.get(uniqueid)
        if channel is None:
            return ()
        return tuple(frame for frame in (channel.newchannel, channel.newstate, channel.entered) if frame)

    def note(self, event: CallEvent, frame: bytes) -> None:
        """An event of this server has been told to whom it concerns."""
        change = CHANGES.get(event.kind)
        if change is not None:
            change(self, event, frame)

    def clear(self) -> None:
        """Everything is over: the server was lost."""
        self._channels.clear()
        self._by_name.clear()
        self._bridges.clear()
        self.size_bytes = 0

    def _begin(self, event: CallEvent, frame: bytes) -> None:
        if event.parties:
            self._forget(event.parties[0].uniqueid)
        channel = self._first(event)
        if channel is not None:
            self._keep(channel, "newchannel", frame)

    def _change_state(self, event: CallEvent, frame: bytes) -> None:
        channel = self._first(event)
        if channel is not None:
            self._keep(channel, "newstate", frame)

    def _rename(self, event: CallEvent, _frame: bytes) -> None:
        channel, new = self._first(event), event.parties[-1].name if event.parties else b""
        if channel is None or not new:
            return
        if self._by_name.get(channel.name) == event.parties[0].uniqueid:
            del self._by_name[channel.name]
        self._by_name[new] = event.parties[0].uniqueid
        self.size_bytes -= channel.size
        for part in ("newchannel", "newstate", "entered"):
            setattr(channel, part, _renamed(getattr(channel, part), channel.name, new))
        channel.name = new
        self.size_bytes += channel.size
        self._make_room()

    def _enter(self, event: CallEvent, frame: bytes) -> None:
        channel = self._first(event)
        if channel is not None and event.bridge:
            uniqueid = event.parties[0].uniqueid
            self._leave_bridge(uniqueid, channel)
            self._join_bridge(uniqueid, channel, event.bridge)
            self._keep(channel, "entered", frame)

    def _leave(self, event: CallEvent, _frame: bytes) -> None:
        channel = self._first(event)
        if channel is not None and event.bridge in (channel.bridge, b""):
            self._leave_bridge(event.parties[0].uniqueid, channel)

    def _destroy(self, event: CallEvent, _frame: bytes) -> None:
        for uniqueid in self.members(event.bridge):
            self._leave_bridge(uniqueid, self._channels[uniqueid])

    def _link(self, event: CallEvent, _frame: bytes) -> None:
        """Asterisk before 12 tells of two channels at once, and has no name for their bridge."""
        pair = [party.uniqueid for party in event.parties if party.uniqueid in self._channels]
        for uniqueid in pair:
            self._leave_bridge(uniqueid, self._channels[uniqueid])
        if len(pair) > 1 and event.kind != b"unlink" and event.state != b"unlink":
            for uniqueid in pair:
                self._join_bridge(uniqueid, self._channels[uniqueid], b"&".join(pair))

    def _end(self, event: CallEvent, _frame: bytes) -> None:
        if event.parties:
            self._forget(event.parties[0].uniqueid)

    def _first(self, event: CallEvent) -> _Channel | None:
        """The channel that an event is about in the first place; a new one if the event is a beginning."""
        name, uniqueid, _ = event.parties[0] if event.parties else NOBODY
        channel = self._channels.get(uniqueid)
        if channel is None and uniqueid and name and event.kind in BEGINNINGS:
            channel = self._channels[uniqueid] = _Channel(name)
            self._by_name[name] = uniqueid
            self.size_bytes += channel.size
        return channel

    def _keep(self, channel: _Channel, part: str, frame: bytes) -> None:
        """Remember an event as what it tells of a channel, and forget others if that is too much."""
        kept = frame if len(frame) <= MAX_FRAME_BYTES else b""
        self.size_bytes += len(kept) - len(getattr(channel, part))
        setattr(channel, part, kept)
        self._make_room()

    def _make_room(self) -> None:
        while len(self._channels) > self.max_channels or self.size_bytes > self.max_bytes:
            self._forget(next(iter(self._channels)))
            self.forgotten += 1

    def _join_bridge(self, uniqueid: bytes, channel: _Channel, bridge: bytes) -> None:
        channel.bridge = bridge
        self._bridges.setdefault(bridge, {})[uniqueid] = None

    def _leave_bridge(self, uniqueid: bytes, channel: _Channel) -> None:
        members = self._bridges.get(channel.bridge, {})
        members.pop(uniqueid, None)
        if not members:
            self._bridges.pop(channel.bridge, None)
        self.size_bytes -= len(channel.entered)
        channel.bridge = channel.entered = b""

    def _forget(self, uniqueid: bytes) -> None:
        channel = self._channels.get(uniqueid)
        if channel is None:
            return
        self._leave_bridge(uniqueid, channel)
        del self._channels[uniqueid]
        if self._by_name.get(channel.name) == uniqueid:
            del self._by_name[channel.name]
        self.size_bytes -= channel.size


NOBODY: Final = (b"", b"", b"")
CHANGES: Final[Mapping[bytes, Callable[[LiveCalls, CallEvent, bytes], None]]] = {
    b"newchannel": LiveCalls._begin,
    b"newstate": LiveCalls._change_state,
    b"rename": LiveCalls._rename,
    b"hangup": LiveCalls._end,
    b"bridgeenter": LiveCalls._enter,
    b"bridgeleave": LiveCalls._leave,
    b"bridgedestroy": LiveCalls._destroy,
    b"bridge": LiveCalls._link,
    b"link": LiveCalls._link,
    b"unlink": LiveCalls._link,
}


def _renamed(frame: bytes, old: bytes, new: bytes) -> bytes:
    return frame.replace(b"\r\nChannel: %s\r\n" % old, b"\r\nChannel: %s\r\n" % new, 1)

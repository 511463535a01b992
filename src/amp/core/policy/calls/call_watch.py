"""Which events a user's filter shows, and what a client has to be told before each of them.

A channel is, to one filter, one of these until it hangs up:

- **own**: its name begins with the user's ``channel``, and it has been in the user's ``in_context``;
- **partner**: it was dialled by an own one or has dialled it, or has been in a bridge with one, or it was
  own and is called otherwise now (a transfer, a pickup). All of its events are shown, whoever else is in
  them;
- **mentioned**: it stands in an event that was shown for another one's sake. Its name and its end are shown,
  and no more, so that no client keeps a channel for ever that has long hung up.

Whoever is shown a channel for the first time, in whatever event, gets its Newchannel, its latest Newstate
and, if it is in a bridge, its BridgeEnter first (`amp.core.policy.calls.live_calls`).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import attrs

from amp.core.policy.calls.call_filter import AMP_EVENTS, CallFilter
from amp.core.policy.calls.live_calls import BEGINNINGS, MAX_CHANNELS, LiveCalls
from amp.core.policy.calls.parties import CallEvent, kind_of, read_event

__all__ = ["HIDDEN", "SHOWN", "CallWatch", "Verdict"]

Verdict = tuple[bytes, ...] | None
"""The frames that come first, if the event is shown; ``None`` if it is not."""

HIDDEN: Final[Verdict] = None
SHOWN: Final[Verdict] = ()

JOINS: Final = frozenset(
    b"dial dialbegin dialstate dialend agentcalled agentconnect bridge link unlink".split()
)
"""Events that bring all channels in them together; BridgeEnter does so with who is in the bridge already."""

TOLD_OF_ALL: Final = frozenset((b"hangup", b"rename"))
"""Events that are shown of mentioned channels, too."""

FREE_HEADERS: Final = frozenset((b"userevent",))
"""Their headers are whatever somebody wrote: they show nothing about other channels."""


class Level(enum.IntEnum):
    """What a channel is to a filter; see above."""

    MENTIONED = 1
    PARTNER = 2
    OWN = 3


@attrs.define(eq=False)
class CallWatch:
    """One server's channels as one filter sees them.

    Args:
        filter: see `CallFilter`.
        calls: the server's channels, without the event that is being judged.

    Attributes:
        forgotten: channels that were given up for want of room while they were still up.
    """

    filter: CallFilter
    calls: LiveCalls
    max_channels: int = MAX_CHANNELS
    forgotten: int = attrs.field(default=0, init=False)
    _levels: dict[bytes, Level] = attrs.field(factory=dict, init=False)
    _last: Verdict = attrs.field(default=HIDDEN, init=False)
    """Of the event before; whoever begins now has not been shown the event that broken pieces belong to."""

    def seed(self) -> None:
        """Begin with the calls that are up, as far as they show whose they are."""
        for uniqueid in self.calls:
            for event in map(read_event, self.calls.replay(uniqueid)):
                if any(self.filter.owns(party.name, party.context) for party in event.parties):
                    self._raise(uniqueid, Level.OWN, [])
        for members in self.calls.bridges():
            self._join(members, [])

    def known(self) -> list[bytes]:
        """What makes a client that joins know every channel that was shown, the oldest first."""
        known = (uniqueid for uniqueid in self.calls if uniqueid in self._levels)
        return self._permitted(frame for uniqueid in known for frame in self.calls.replay(uniqueid))

    def judge(self, event: CallEvent | None) -> Verdict:
        """Whether the server's next frame is shown; ``None`` is a broken piece, which follows its event."""
        if event is None:
            return HIDDEN if self._last is HIDDEN else SHOWN
        self._last = verdict = self._verdict(event)
        return verdict

    def clear(self) -> None:
        """Everything is over: the server was lost."""
        self._levels.clear()

    def _verdict(self, event: CallEvent) -> Verdict:
        if not self.filter.follows_calls:
            return SHOWN if self.filter.permits(event.kind) else HIDDEN
        before = self._follow(event) if event.parties else self._without_channel(event)
        if before is None or not self.filter.permits(event.kind):
            return HIDDEN
        return tuple(self._permitted(before))

    def _permitted(self, frames: Iterable[bytes]) -> list[bytes]:
        return [frame for frame in frames if self.filter.permits(kind_of(frame))]

    def _without_channel(self, event: CallEvent) -> Verdict:
        if event.kind in AMP_EVENTS:
            return SHOWN
        elsewhere = self.filter.in_context and event.context not in (b"", self.filter.in_context)
        return SHOWN if self.filter.more_events and not elsewhere else HIDDEN

    def _follow(self, event: CallEvent) -> Verdict:
        uniqueids = self._up(event)
        own = [
            self.filter.owns(party.name, party.context) or self._levels.get(uniqueid) is Level.OWN
            for party, uniqueid in zip(event.parties, uniqueids, strict=True)
        ]
        if event.kind in FREE_HEADERS:
            return SHOWN if any(own) or self._concerns(event.kind, uniqueids) else HIDDEN
        new: list[bytes] = []
        self._regard(event, uniqueids, own, new)
        if not any(own) and not self._concerns(event.kind, uniqueids):
            return HIDDEN
        for uniqueid in uniqueids:
            self._raise(uniqueid, Level.MENTIONED, new)
        if event.kind == b"hangup":
            self._levels.pop(uniqueids[0], None)
        if event.kind == b"newchannel":
            return SHOWN
        return tuple(frame for uniqueid in new for frame in self.calls.replay(uniqueid))

    def _up(self, event: CallEvent) -> list[bytes]:
        """The Uniqueid of each party; empty if it is not up (a Cdr comes when all is over), or not known."""
        found = [party.uniqueid or self.calls.uniqueid_of(party.name) for party in event.parties]
        begins = found[0] if event.kind in BEGINNINGS else b""
        return [
            uniqueid if uniqueid in self.calls or uniqueid in self._levels or uniqueid == begins else b""
            for uniqueid in found
        ]

    def _regard(self, event: CallEvent, uniqueids: list[bytes], own: list[bool], new: list[bytes]) -> None:
        """What this event makes of the channels in it, and of those in their bridge."""
        for uniqueid, mine in zip(uniqueids, own, strict=True):
            if mine:
                self._raise(uniqueid, Level.OWN, new)
        if event.kind == b"rename":
            self._rename(event, uniqueids[0])
        elif event.kind == b"bridgeenter":
            self._join([*self.calls.members(event.bridge), *uniqueids], new)
        elif event.kind in JOINS:
            self._join(uniqueids, new, anyway=any(own))

    def _rename(self, event: CallEvent, uniqueid: bytes) -> None:
        """What is called otherwise now is a call of the user's still, but brings it no new ones."""
        new_name = event.parties[-1].name.lower()
        if self._levels.get(uniqueid) is Level.OWN and not new_name.startswith(self.filter.channel):
            self._levels[uniqueid] = Level.PARTNER

    def _join(self, uniqueids: Iterable[bytes], new: list[bytes], *, anyway: bool = False) -> None:
        """These are together: if one of them is the user's own (or ``anyway``), the others are partners."""
        uniqueids = list(uniqueids)
        if anyway or any(self._levels.get(uniqueid) is Level.OWN for uniqueid in uniqueids):
            for uniqueid in uniqueids:
                self._raise(uniqueid, Level.PARTNER, new)

    def _concerns(self, kind: bytes, uniqueids: Iterable[bytes]) -> bool:
        least = Level.MENTIONED if kind in TOLD_OF_ALL else Level.PARTNER
        return any(self._levels.get(uniqueid, 0) >= least for uniqueid in uniqueids)

    def _raise(self, uniqueid: bytes, level: Level, new: list[bytes]) -> None:
        if not uniqueid:
            return
        before = self._levels.get(uniqueid)
        if before is None:
            new.append(uniqueid)
            if len(self._levels) >= self.max_channels:
                del self._levels[next(iter(self._levels))]
                self.forgotten += 1
        if before is None or before < level:
            self._levels[uniqueid] = level

"""What a client did not get, told in so many words: ``Event: ProxyGap``."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from amp.core.ami.frame import Frame, encode
from amp.core.fanout.batch import Span

__all__ = ["Gap", "Reason", "server_lost"]

FOR_EVERYBODY: Final = "<none>"
"""The Privilege of an event of no class: whoever sees events at all sees it, whatever they may read."""


class Reason(enum.Enum):
    """Why events are missing."""

    SLOW = "slow client"
    """They were dropped, since the client did not take them in time."""
    NOT_IN_JOURNAL = "not in journal"
    """The client comes back too late: they are too old, or too many came since."""
    NEW_EPOCH = "new epoch"
    """The client's numbers are of another run of amp; what came after them until this run is not known."""
    UNKNOWN_SERVER = "unknown server"
    """There is no such server any more, or the client may not see it."""
    SERVER_LOST = "server lost"
    """amp was not connected to the server, and nobody knows what it would have told."""


class Gap(NamedTuple):
    """Numbered events of one server that one client does not get, though it would have.

    Attributes:
        server: its name.
        epoch: what the numbers count in.
        first: the number of the first one that is missing; ``None`` if that is not known.
        last: of the last one.
        reason: why.
        seq: where the client stands afterwards; ``None`` if nothing of this server follows.
    """

    server: bytes
    epoch: bytes
    first: int | None
    last: int | None
    reason: Reason
    seq: int | None

    @classmethod
    def of(cls, span: Span, reason: Reason) -> Gap:
        """Just these events are missing."""
        return cls(span.server, span.epoch, span.first, span.last, reason, span.last)

    @property
    def span(self) -> Span:
        """The numbers for who sends it; no number at all where they are not known."""
        if self.first is None or self.last is None:
            return Span(self.server, self.epoch, 1, 0)
        return Span(self.server, self.epoch, self.first, self.last)

    @property
    def frame(self) -> bytes:
        """The raw event, without ``Server`` and the closing blank line.

        Whoever takes ``ProxyEpoch`` and ``ProxySeq`` of the last event of a server for its position stands
        right behind the gap.
        """
        headers: list[tuple[str, str | bytes]] = [("Event", "ProxyGap"), ("Privilege", FOR_EVERYBODY)]
        numbers = (("From", self.first), ("To", self.last))
        headers += [(name, str(number)) for name, number in numbers if number is not None]
        headers += [("Reason", self.reason.value), ("ProxyEpoch", self.epoch)]
        if self.seq is not None:
            headers.append(("ProxySeq", str(self.seq)))
        return encode(Frame.of(*headers))[:-4]


def server_lost(epoch: bytes) -> Frame:
    """For everybody, numbered like any event: between ServerDown and here the server may have told more."""
    headers = ("Event", "ProxyGap"), ("Privilege", FOR_EVERYBODY), ("Reason", Reason.SERVER_LOST.value)
    return Frame.of(*headers, ("Epoch", epoch))

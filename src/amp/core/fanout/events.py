"""Many events of one read, and how they are found: the fast way of the hot path.

Nearly all that a busy server sends are events, each behind the terminator of the one before it. So a read
is split at the terminator together with the ``Event: `` that follows, by vector instructions and without a
copy: 400 processor cycles an event where `bytes.split` at the terminator takes 1,200. What is left of an
event then, its *rest*, is all that a client that sees everything needs: joined with ``Event: `` in between
they are its bytes again, so no event is ever an object of its own, unless somebody looks at it.

Whatever is not plain is found by one pass over the read by a machine that knows all of it (`ODD`): a blank
line too many or a frame that is no event, a header that says Server or ActionID, and the events that amp
itself has to know about. Where it finds nothing, nobody needs to look at the single events at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import re2
import stringzilla

__all__ = [
    "BETWEEN",
    "NOTABLE",
    "SECURITY",
    "START",
    "TERMINATOR",
    "Events",
    "Frames",
    "Rest",
    "find_odd",
    "is_odd",
    "split",
]

TERMINATOR: Final = b"\r\n\r\n"
START: Final = b"Event: "
BETWEEN: Final = TERMINATOR + START

SECURITY: Final = frozenset(
    b"AuthMethodNotAllowed ChallengeResponseFailed ChallengeSent FailedACL InvalidAccountID InvalidPassword "
    b"InvalidTransport LoadAverageLimit MemoryLimit RequestBadFormat RequestNotAllowed RequestNotSupported "
    b"SessionLimit SuccessfulAuth UnexpectedAddress".split()
)
"""Events of class security, which tell of every login (Asterisk ``main/security_events.c``)."""

NOTABLE: Final = SECURITY | {b"FullyBooted", b"Shutdown", b"Status"}
"""Events that may be about amp's own session. Status is a list item and yet has a Privilege (FACTS.md,
"Answers")."""

MOST_ODD: Final = 16
"""If more than one event in so many is odd, the exact way through all of them costs less."""


def _machine(pattern: bytes) -> re2._Regexp:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # a byte is a byte, whatever it may be in UTF-8
    return re2.compile(pattern, options)


OTHER: Final = b"|".join(START[:i] + b"[^%c]" % letter for i, letter in enumerate(START))
"""What does not begin as an event does."""

ODD: Final = _machine(
    rb"\n(?:\r\n(?:%s|%s(?:%s)\r)|[sS][eE][rR][vV][eE][rR]:|[aA][cC][tT][iI][oO][nN][iI][dD]:)"
    % (OTHER, START, b"|".join(sorted(NOTABLE)))
)


Rest = bytes | stringzilla.Str
"""An event without `START`. As a piece of the read that it came in it is half as dear as bytes of its own."""


def split(data: bytes) -> list[Rest]:
    """A read, split at `BETWEEN`."""
    return list(stringzilla.split(data, BETWEEN))


class Events:
    """Whole events in order. To go through them makes them; their number and the wire form do not.

    Attributes:
        rests: each event without `START` and without its closing blank line.
        odd: where the events are that may be more than a broadcast like any other, in rising order.
    """

    __slots__ = ("odd", "rests")

    def __init__(self, rests: list[Rest], odd: Sequence[int] = ()) -> None:
        self.rests = rests
        self.odd = odd

    def __len__(self) -> int:
        return len(self.rests)

    def __getitem__(self, index: int) -> bytes:
        return START + bytes(self.rests[index])

    def __iter__(self) -> Iterator[bytes]:
        return map(START.__add__, map(bytes, self.rests))

    def written(self, ending: bytes) -> bytes:
        """All of them as one piece, each with this behind it."""
        pieces = self.rests.copy()
        pieces[0] = START + bytes(pieces[0])
        pieces[-1] = bytes(pieces[-1]) + ending
        return (ending + START).join(pieces)


Frames = list[bytes] | Events
"""What a read gave: any frames, or nothing but events."""


def is_odd(event: bytes) -> bool:
    """Whether a whole event is no plain broadcast."""
    return ODD.search(b"%s%s\r" % (TERMINATOR, event)) is not None


def find_odd(data: bytes, pieces: list[Rest]) -> list[int] | None:
    """Where in a read something is odd.

    Args:
        data: the read.
        pieces: what it is split into at `BETWEEN`, three or more.
    Returns:
        The indices of the pieces that are not plain, in rising order, the first and the last one apart, of
        which a part is elsewhere; ``None`` if they are too many.
    """
    at, stop = len(pieces[0]), len(data) - len(pieces[-1])
    odd = [0]
    while found := ODD.search(data, at, stop):
        start = data.rfind(BETWEEN, 0, found.start() + len(BETWEEN) - 1) + len(BETWEEN)
        at = data.find(BETWEEN, start)
        odd.append(pieces.index(data[start:at], odd[-1] + 1))
        if len(odd) * MOST_ODD > len(pieces):
            return None
    return odd[1:]

"""Which channels an event is about, in the words of every Asterisk from 1.2 to today.

Today a channel is a set of headers with a common beginning: ``Channel``, ``Uniqueid``, ``Context``;
``DestChannel``, ``DestUniqueid``; ``TransfererChannel`` and so on. Before Asterisk 12 it was ``Channel1``
with ``Uniqueid1``, ``Source`` with ``SrcUniqueID``, ``Destination`` with ``DestUniqueID``, ``Oldname`` and
``Newname``, ``Clone`` and ``Original``. Sources: recordings stream-20calls and call-control; for the old
names Asterisk 1.4's and 1.8's ``main/channel.c`` and ``apps/app_dial.c``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["CallEvent", "Party", "is_name", "kind_of", "read_event"]

MAX_HEADERS_READ: Final = 400
"""The rest of a frame is raw output; no event of Asterisk has a quarter of it."""

MAX_ID_BYTES: Final = 256
"""Asterisk's own names have 80, its Uniqueids 150 at most; what is longer is nobody's."""

HEADERS_REMEMBERED: Final = 2048

NO_ID: Final = frozenset((b"", b"none", b"<null>", b"<unknown>"))
"""A global variable's VarSet has ``Uniqueid: none`` (recording event-odd-values), an Originate that failed
``<null>``."""

NAME, UNIQUEID, CONTEXT, BRIDGE, STATE = b"name", b"uniqueid", b"context", b"bridgeuniqueid", b"bridgestate"
OLD_NAMES: Final = {
    b"channelcalling": b"",
    b"oldname": b"",
    b"newname": b"new",
    b"source": b"src",
    b"destination": b"dest",
    b"original": b"original",
    b"clone": b"clone",
    b"channel1": b"1",
    b"channel2": b"2",
}
OLD_IDS: Final = {b"uniqueid1": b"1", b"uniqueid2": b"2"}
SAME: Final = {b"source": b"src", b"destination": b"dest"}
"""Beginnings that mean the same side of a call."""

Role = tuple[bytes, bytes]
"""What a header tells, and of which side of the call."""
UNKNOWN: Final[Role] = (b"", b"")
ROLES: Final[dict[bytes, Role | None]] = {}
"""By the header as it is spelt; ``None`` for those that matter not. An event has two dozen headers."""


class Party(NamedTuple):
    """One channel as an event names it; what the event does not say is empty."""

    name: bytes
    uniqueid: bytes
    context: bytes


class CallEvent(NamedTuple):
    """What of an event matters to calls.

    Attributes:
        kind: the event's name in small letters.
        parties: the channels that it names.
        bridge: the ``BridgeUniqueid``, or empty.
        context: the ``Context``, whether it is a channel's or not.
        state: the ``Bridgestate`` of Asterisk 1.6 to 11 in small letters.
    """

    kind: bytes
    parties: tuple[Party, ...]
    bridge: bytes = b""
    context: bytes = b""
    state: bytes = b""


def is_name(value: bytes) -> bool:
    """Whether this is a channel's name: ``SIP/100-1``, and not ``none``, ``12`` or ``n/a``."""
    return b"/" in value and value not in (b"n/a", b"N/A")


def kind_of(frame: bytes) -> bytes:
    """The name of a raw event in small letters."""
    end = frame.find(b"\r\n")
    return frame[7 : end if end > 0 else None].lower()


def read_event(frame: bytes) -> CallEvent:
    """Read one raw event; of repeated headers the first counts, since what is forged can only follow."""
    found: dict[bytes, dict[bytes, bytes]] = {NAME: {}, UNIQUEID: {}, CONTEXT: {}, BRIDGE: {}, STATE: {}}
    first, *lines = frame.split(b"\r\n", MAX_HEADERS_READ)
    kind = first[7:].lower()
    for line in lines:
        header, _, value = line.partition(b": ")
        role = ROLES.get(header, UNKNOWN)
        if role is UNKNOWN:
            role = _learn(header)
        if role is None or len(value) > MAX_ID_BYTES:
            continue
        part, side = role
        if (part is NAME and not is_name(value)) or (part is UNIQUEID and value in NO_ID):
            continue
        found[part].setdefault(side, value)
    names, ids, contexts = found[NAME], found[UNIQUEID], found[CONTEXT]
    bridge, state = found[BRIDGE].get(b"", b""), found[STATE].get(b"", b"").lower()
    if kind == b"cdr":
        # The call's context, whichever side of it the user is.
        contexts = dict.fromkeys((b"", b"dest"), contexts.get(b"dest", b""))
    elif b"new" in names:
        ids[b"new"] = ids.get(b"", b"")
    sides = names | ids
    parties = [Party(names.get(side, b""), ids.get(side, b""), contexts.get(side, b"")) for side in sides]
    return CallEvent(kind, tuple(parties), bridge, contexts.get(b"", b""), state)


def _learn(header: bytes) -> Role | None:
    """What a header tells, looked up the long way; servers can make up names, so not all are kept."""
    role = _role(header.lower())
    if len(ROLES) < HEADERS_REMEMBERED and len(header) <= MAX_ID_BYTES:
        ROLES[header] = role
    return role


def _role(header: bytes) -> Role | None:
    if header in OLD_NAMES:
        return NAME, OLD_NAMES[header]
    if header in OLD_IDS:
        return UNIQUEID, OLD_IDS[header]
    if header in (BRIDGE, STATE):
        return (BRIDGE if header == BRIDGE else STATE), b""
    if header.endswith(BRIDGE):
        return None
    for part, ending in ((NAME, b"channel"), (UNIQUEID, b"uniqueid"), (CONTEXT, b"context")):
        if header.endswith(ending):
            side = header[: -len(ending)]
            return part, SAME.get(side, side)
    return None

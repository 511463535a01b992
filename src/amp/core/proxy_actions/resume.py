"""SetSequence and Resume: numbers for events, and what a client missed while it was away.

A position is written ``SERVER EPOCH SEQ``, as in ``Position: pbx1 4f2c81d05e7a 1234``: the client has all
events of the server up to this number. The name comes first, since it may have blanks in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from amp.core.ami.frame import Frame, Header
from amp.core.ami.mask import ALL, EventMask
from amp.core.fanout.catchup import Missed, Position

__all__ = ["Resumption", "position_headers", "read_resumption", "resumed_headers"]

EXPECTED: Final = b"Expected Position: SERVER EPOCH SEQ, as in the answer to SetSequence"
MAX_DIGITS: Final = 18
MOST_EPOCH_BYTES: Final = 64


@attrs.frozen
class Resumption:
    """What a client wants that comes back.

    Attributes:
        positions: by server, where it stands.
        wanted: the events that it wants to see, those that it missed and those that come.
    """

    positions: Mapping[bytes, Position]
    wanted: EventMask


def read_resumption(frame: Frame, now: Mapping[bytes, Position]) -> Resumption | bytes:
    """What a Resume asks for, or what is wrong with it.

    Args:
        now: where the journals of all servers end that the client may see.
    """
    positions: dict[bytes, Position] = {}
    for name, value in frame.headers:
        if name.strip().lower() != b"position":
            continue
        server, position = _read_position(value)
        if position is None or server in positions:
            return EXPECTED if position is None else b"Position: a server is given twice"
        at = now.get(server)
        if at is not None and at.epoch == position.epoch and position.seq > at.seq:
            return b"Position: %s has not come further than %d" % (server, at.seq)
        positions[server] = position
    if not positions:
        return EXPECTED
    text = frame.get(b"EventMask")
    wanted = ALL if text is None else EventMask.parse(text)
    return Resumption(positions, wanted) if wanted else b"Invalid event mask"


def _read_position(value: bytes) -> tuple[bytes, Position | None]:
    server, *rest = value.strip().rsplit(b" ", 2)
    if len(rest) != 2 or not rest[1].isdigit() or len(rest[1]) > MAX_DIGITS:
        return server, None
    epoch = rest[0]
    named = server and epoch.isalnum() and len(epoch) <= MOST_EPOCH_BYTES
    return server, Position(epoch, int(rest[1])) if named else None


def position_headers(now: Mapping[bytes, Position]) -> tuple[Header, ...]:
    """Where a client stands that has everything until now."""
    return tuple((b"Position", b"%s %s %d" % (server, *at)) for server, at in sorted(now.items()))


def resumed_headers(missed: tuple[Missed, ...], others: Mapping[bytes, Position]) -> tuple[Header, ...]:
    """What will come: for each position ``Gap: SERVER REASON``, ``Replay: SERVER EPOCH FROM TO``, or both.

    Args:
        others: where the client begins with servers that it gave no position of.
    """
    headers: list[Header] = []
    for server, epoch, first, last, gap in missed:
        if gap is not None:
            headers.append((b"Gap", b"%s %s" % (server, gap.reason.value.encode())))
        if first <= last:
            headers.append((b"Replay", b"%s %s %d %d" % (server, epoch, first, last)))
    return (*headers, *position_headers(others))

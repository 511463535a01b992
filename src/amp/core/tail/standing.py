"""Where a subscriber stands with each server, so that it can come back and miss nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import attrs
import orjson

from amp.core.tail.messages import TailEvent, TailGap
from amp.errors import RemoteProtocolError

__all__ = ["Place", "Standing", "read_places"]


class Place(NamedTuple):
    """It has everything of a server up to this number."""

    epoch: str
    seq: int


@attrs.define(eq=False)
class Standing:
    """Follows what a subscriber has.

    Attributes:
        places: by server.
    """

    places: dict[str, Place] = attrs.field(factory=dict)
    _live: dict[str, Place] = attrs.field(factory=dict, init=False)

    def since(self) -> dict[str, dict[str, object]]:
        """The places as a ``subscribe`` takes them in ``since``."""
        return {server: {"epoch": epoch, "seq": seq} for server, (epoch, seq) in self.places.items()}

    def text(self) -> bytes:
        """The places for a file; `read_places` reads it."""
        return orjson.dumps(self.since()) + b"\n"

    def subscribed(self, positions: object) -> None:
        """A subscription was answered: live events come behind these positions.

        Raises:
            RemoteProtocolError: they are none.
        """
        try:
            self._live = _places(positions)
        except ValueError as error:
            raise RemoteProtocolError(str(error)) from None
        for server, place in self._live.items():
            self.places.setdefault(server, place)

    def stands(self, positions: object) -> None:
        """It has everything up to these positions, whether or not there was something to see.

        Raises:
            RemoteProtocolError: they are none.
        """
        try:
            self.places.update(_places(positions))
        except ValueError as error:
            raise RemoteProtocolError(str(error)) from None

    def has(self, one: TailEvent | TailGap) -> None:
        """It has this event, or was told of this gap."""
        if one.seq is None:
            self.places.pop(one.server, None)
        else:
            self.places[one.server] = Place(one.epoch, one.seq)

    def is_late(self, one: TailEvent) -> bool:
        """Whether this event came before it was subscribed to: it is told again."""
        live = self._live.get(one.server)
        return live is not None and live.epoch == one.epoch and one.seq <= live.seq


def read_places(text: bytes | str) -> dict[str, Place]:
    """Places as `Standing.text` writes them.

    Raises:
        ValueError: they are none; says what was expected.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    return _places(found)


def _places(found: Any) -> dict[str, Place]:
    if not isinstance(found, Mapping):
        raise ValueError('expected positions such as {"pbx1":{"epoch":"4f2c9d","seq":1200}}')
    return {server: _place(server, value) for server, value in found.items()}


def _place(server: str, value: object) -> Place:
    match value:
        case {"epoch": str(epoch), "seq": int(seq)} if type(seq) is int and seq >= 0:
            return Place(epoch, seq)
    raise ValueError(f"expected epoch and seq for {server[:40]!r}")

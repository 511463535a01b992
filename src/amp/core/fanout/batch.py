"""Some consecutive events of one server, numbered: what is journalled, rendered and sent as one piece."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Final, NamedTuple

import attrs

from amp.core.fanout.events import Events, Frames
from amp.core.fanout.numbered import Numbered

__all__ = ["ALL_BARE", "NOBODYS", "NO_CLASS", "Asker", "Batch", "Span", "classes_of"]

ALL_BARE: Final[Mapping[int, bytes]] = MappingProxyType({})
"""No frame had an ActionID but the asker's, which is nearly always so."""
NO_CLASS: Final[frozenset[bytes]] = frozenset()
NOBODYS: Final = frozenset((b",",))
"""The classes of an event with impossibly many: one that no mask can have, so only who sees all sees it."""
MAX_CLASSES: Final = 32
"""Asterisk's classes are the bits of an ``int``, and there is ``all``."""
MAX_CLASSES_BYTES: Final = 256
"""Asterisk's classes together take 137."""
HEADS_REMEMBERED: Final = 2048
head_of: Final[Callable[[bytes], bytes]] = itemgetter(slice(48))
PRIVILEGE: Final = b"\r\nPrivilege: "
SECOND_HEADER: Final = re.compile(rb"Event: [^\r\n]*\r\nPrivilege: ([^\r\n]*)\r\n")


class Span(NamedTuple):
    """Which numbered events some bytes are: ``first`` to ``last``, both included."""

    server: bytes
    epoch: bytes
    first: int
    last: int


class Asker(NamedTuple):
    """Who shall see the ActionID of a broadcast, and where it stands.

    Attributes:
        client: the number of the client whose action caused the event.
        original: the ActionID that client chose, never empty.
        at: the offset in the stored frame of the line end that came before the ActionID's line.
    """

    client: int
    original: bytes
    at: int


@attrs.define(eq=False)
class Batch:
    """Broadcast events of one server in the order they came; never changed once made.

    Attributes:
        server: the server's configured name.
        epoch: what the numbers count in; drawn per amp process and server.
        first_seq: the number of the first event; the others follow without a gap.
        frames: raw frames without closing blank line and without any ActionID that amp knows of. A value
            with raw line ends leaves broken pieces, which are frames like any other. Of `Events` nobody has
            to see each by itself before a view decides about single ones.
        asker: for a batch of one frame that carried the ActionID of a client's action.
        lead: if the first frame is a broken piece, the last event before this batch: what it belongs to.
        shown: by its index, a frame as Asterisk shows it, where that is more than the stored one (and than
            the asker's ActionID put back): it had somebody else's ActionID.
    """

    server: bytes
    epoch: bytes
    first_seq: int
    _frames: Frames
    asker: Asker | None = None
    lead: bytes = b""
    shown: Mapping[int, bytes] = ALL_BARE
    _privileges: list[frozenset[bytes]] | None = attrs.field(default=None, init=False)
    _names: list[bytes] | None = attrs.field(default=None, init=False)
    _text: bytes | None = attrs.field(default=None, init=False)
    _numbered: Numbered | None = attrs.field(default=None, init=False)

    @property
    def text(self) -> bytes:
        """The frames as who sees all of them gets them, each with ``Server:`` and its blank line.

        One and the same piece of memory for the journal and for the clients: to join the frames for each
        took 2 % of the processor time of a fan-out to one client.
        """
        if self._text is None:
            frames, behind = self._frames, ending(self.server)
            if isinstance(frames, Events):
                self._text = frames.written(behind)
            else:
                # The empty piece at the end saves copying the text once more for the last frame's ending.
                self._text = behind.join([*frames, b""])
        return self._text

    @property
    def frames(self) -> list[bytes]:
        """Each event by itself; always the very same list."""
        if isinstance(self._frames, Events):
            self._frames = list(self._frames)
        return self._frames

    @property
    def count(self) -> int:
        """How many events it is."""
        return len(self._frames)

    @property
    def numbered(self) -> Numbered:
        """The events with their epoch and numbers; always the very same object."""
        if self._numbered is None:
            self._numbered = self.with_numbers(self.frames)
        return self._numbered

    def with_numbers(self, frames: list[bytes]) -> Numbered:
        """As many frames as there are events in here, with their epoch and numbers."""
        return Numbered(frames, self.epoch, self.first_seq)

    def is_numbered(self, frames: Sequence[bytes]) -> bool:
        """Whether this is what `numbered` gave."""
        return frames is self._numbered

    @property
    def last_seq(self) -> int:
        """The number of the last event."""
        return self.first_seq + len(self._frames) - 1

    @property
    def span(self) -> Span:
        """The numbers of all events in here."""
        return Span(self.server, self.epoch, self.first_seq, self.last_seq)

    @property
    def privileges(self) -> list[frozenset[bytes]]:
        """The classes of each frame (``call,all`` without the commas), read once when first asked for.

        A frame without Privilege has the classes of the frame before it: it is the rest of a value with
        raw line ends (recording event-odd-values), and who may not see the value may not see its rest.
        More classes than Asterisk can have are `NOBODYS`: sets are far larger than the bytes they are read
        from, and they live as long as the batch, and longer where views remember them.
        """
        if self._privileges is None:
            self._privileges = self._read_privileges()
        return self._privileges

    @property
    def as_asterisk(self) -> list[bytes]:
        """The frames as Asterisk shows them, with everybody's ActionIDs and without ours.

        Event filters judge these, and who has turned autofilter off sees them.
        """
        if self.shown:
            return [self.shown.get(index, frame) for index, frame in enumerate(self.frames)]
        return self.for_asker().frames

    @property
    def tail(self) -> bytes:
        """What broken pieces in the next batch belong to: the last event here, as Asterisk shows it."""
        if self.asker is not None:
            return last_event(self.as_asterisk) or self.lead
        for index in range(len(self._frames) - 1, -1, -1):
            frame = self._frames[index]
            if frame.startswith(b"Event: "):
                return self.shown.get(index, frame)
        return self.lead

    @property
    def names(self) -> list[bytes]:
        """Each frame's event name, ``b""`` for a broken piece; read once when first asked for."""
        if self._names is None:
            self._names = [
                frame[7:].split(b"\r\n", 1)[0] if frame.startswith(b"Event: ") else b""
                for frame in self.frames
            ]
        return self._names

    def after(self, seq: int) -> Batch:
        """The part of this batch whose numbers are greater than ``seq``; the batch itself if that is all."""
        skip = seq + 1 - self.first_seq
        if skip <= 0:
            return self
        lead = last_event(self.as_asterisk[:skip]) or self.lead
        shown = {index - skip: frame for index, frame in self.shown.items() if index >= skip}
        frames = self.frames[skip:]
        return Batch(self.server, self.epoch, self.first_seq + skip, frames, self.asker, lead, shown)

    def until(self, seq: int) -> Batch:
        """The part of this batch whose numbers are not greater than ``seq``; itself if that is all."""
        count = seq + 1 - self.first_seq
        if count >= len(self._frames):
            return self
        shown = {index: frame for index, frame in self.shown.items() if index < count}
        frames = self.frames[:count]
        return Batch(self.server, self.epoch, self.first_seq, frames, self.asker, self.lead, shown)

    def for_asker(self) -> Batch:
        """The batch as its asker sees it: the ActionID that it chose stands where Asterisk put it."""
        if self.asker is None:
            return self
        frame, (_, original, at) = self.frames[0], self.asker
        shown = b"%s\r\nActionID: %s%s" % (frame[:at], original, frame[at:])
        return Batch(self.server, self.epoch, self.first_seq, [shown], None, self.lead)

    def _read_privileges(self) -> list[frozenset[bytes]]:
        by_head = list(map(_classes_by_head, map(head_of, self.frames)))
        current = _classes_in(self.lead) or NO_CLASS
        found: list[frozenset[bytes]] = []
        for frame, classes in zip(self.frames, by_head, strict=True):
            current = classes or _classes_in(frame) or current
            found.append(current)
        return found


def classes_of(event: bytes) -> frozenset[bytes]:
    """The classes of one event, see `Batch.privileges`."""
    return _classes_by_head(head_of(event)) or _classes_in(event) or NO_CLASS


def ending(server: bytes) -> bytes:
    """What every frame of a server has behind it on its way to a client."""
    return b"\r\nServer: %s\r\n\r\n" % server


def last_event(frames: list[bytes]) -> bytes:
    """The last frame that is an event and not a broken piece; ``b""`` if there is none."""
    return next((frame for frame in reversed(frames) if frame.startswith(b"Event: ")), b"")


@lru_cache(maxsize=HEADS_REMEMBERED)
def _classes_by_head(head: bytes) -> frozenset[bytes] | None:
    # Nearly every event has its classes within the first few bytes, and there are only some dozens of
    # such beginnings: a look-up costs a third of taking the line out of the frame.
    found = SECOND_HEADER.match(head)
    return frozenset(found[1].split(b",")) if found else None


def _classes_in(frame: bytes) -> frozenset[bytes] | None:
    if not frame.startswith(b"Event: "):
        return None
    start = frame.find(PRIVILEGE)
    if start < 0:
        return None
    start += len(PRIVILEGE)
    value = frame[start : start + MAX_CLASSES_BYTES + 2].split(b"\r\n", 1)[0]
    if len(value) > MAX_CLASSES_BYTES or value.count(b",") >= MAX_CLASSES:
        return NOBODYS
    return frozenset(value.split(b","))

"""Which event classes a client wants to see: the ``Events`` header of Login, ``EventMask`` of Events.

Read as Asterisk reads it: ``on`` or ``off`` (and their synonyms), a number as bits, otherwise a list of
classes with commas, of which unknown ones count as nothing. An empty value is no mask at all
(recording events-mask). Asterisk shows an event only if *every* class in its ``Privilege`` is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Self

import attrs

__all__ = ["ALL", "CLASSES", "NONE", "EventMask"]

CLASSES: Final = (
    b"system",
    b"call",
    b"log",
    b"verbose",
    b"command",
    b"agent",
    b"user",
    b"config",
    b"dtmf",
    b"reporting",
    b"cdr",
    b"dialplan",
    b"originate",
    b"agi",
    b"hookresponse",
    b"cc",
    b"aoc",
    b"test",
    b"security",
)
"""The classes in the order of their bits in a numeric mask; class ``message`` has bit 30."""

BITS: Final = {1 << bit: name for bit, name in enumerate(CLASSES)} | {1 << 30: b"message"}
EVERY_BIT: Final = sum(BITS)
KNOWN: Final = frozenset(BITS.values())
TRUE: Final = frozenset((b"yes", b"true", b"y", b"t", b"on"))
FALSE: Final = frozenset((b"no", b"false", b"n", b"f", b"off"))
MAX_DIGITS: Final = 10
"""Longer numbers overflow in Asterisk; here they mean every bit."""


@attrs.frozen
class EventMask:
    """A set of event classes; equal masks are equal keys.

    Attributes:
        classes: the wanted classes in small letters, or ``None`` for every event there is, also those
            of a class that we do not know.
    """

    classes: frozenset[bytes] | None = None

    @classmethod
    def parse(cls, value: bytes | None) -> Self | None:
        """Read the value of an ``Events`` or ``EventMask`` header.

        Returns:
            The mask, or ``None`` where Asterisk says "Invalid event mask": no header or an empty value.
        """
        if not value:
            return None
        if value.isdigit():
            return cls._of_bits(int(value) if len(value) <= MAX_DIGITS else EVERY_BIT)
        names = {name.strip(b" \t") for name in value.lower().split(b",")}
        if names & FALSE and len(names) == 1:
            return cls(frozenset())
        if b"all" in names or (names & TRUE and len(names) == 1):
            return cls(None)
        return cls(KNOWN & names)

    @classmethod
    def _of_bits(cls, bits: int) -> Self:
        if bits & EVERY_BIT == EVERY_BIT:
            return cls(None)
        return cls(frozenset(name for bit, name in BITS.items() if bits & bit))

    def __bool__(self) -> bool:
        """Whether anything at all is wanted: Asterisk answers ``Events: On`` or ``Events: Off``."""
        return self.classes is None or bool(self.classes)

    def wants(self, privileges: frozenset[bytes]) -> bool:
        """Whether an event passes.

        Args:
            privileges: the classes in the event's ``Privilege`` header (``b"call,all"`` without the
                commas); ``all`` stands in every event and says nothing. An event of no class is for
                everybody who wants events.
        """
        if self.classes is None:
            return True
        return bool(self.classes) and privileges - {b"all", b"<none>"} <= self.classes

    def within(self, read: Iterable[str | bytes]) -> EventMask:
        """What is left of this mask for a user who may read these classes; ``all`` is no limit."""
        allowed = frozenset(name.encode() if isinstance(name, str) else name for name in read)
        if b"all" in allowed:
            return self
        return EventMask(allowed if self.classes is None else self.classes & allowed)


ALL: Final = EventMask(None)
NONE: Final = EventMask(frozenset())

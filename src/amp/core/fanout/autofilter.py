"""astmanproxy's autofilter: which ActionIDs, and with ``on`` which events, a client sees."""

from __future__ import annotations

import enum

__all__ = ["Autofilter"]


class Autofilter(enum.IntEnum):
    """How events that carry an ActionID are shown; the numbers are those astmanproxy prints.

    Only OriginateResponse and UserEvent carry one; answers and list items always reach who asked, and
    nobody else.
    """

    OFF = 0
    """Every event as Asterisk shows it, amp's rewriting undone: everybody sees the asker's ActionID."""
    ON = 1
    """Only events of the client's own with the ActionID that it set last."""
    UNIQUE = 2
    """Every event, but an ActionID only in the client's own."""

    @classmethod
    def of(cls, word: str) -> Autofilter | None:
        """The mode of a word in any case; ``None`` if there is none of that name."""
        return cls.__members__.get(word.strip().upper())

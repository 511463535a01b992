"""The next moment at which time alone changes something."""

from __future__ import annotations

import math

__all__ = ["Alarm"]


class Alarm:
    """A lower bound of all deadlines: never late, now and then early.

    An early ring costs one look at everything; a heap would hold a stale entry for every action answered in
    time, which is nearly all of them.
    """

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = math.inf

    def by(self, deadline: float) -> None:
        """Ring at ``deadline`` (monotonic seconds) or earlier."""
        if deadline < self.at:
            self.at = deadline

    def clear(self) -> None:
        """Forget; whoever looks at everything sets it again."""
        self.at = math.inf

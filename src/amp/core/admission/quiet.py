"""Saying the same thing once, and later how often it would have been said."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

__all__ = ["Quiet"]

MOST_KEYS: Final = 1000


class Quiet:
    """Keeps a flood of equal events from becoming a flood of log lines.

    Args:
        period_s: for each key, one line in so many seconds.
    """

    def __init__(self, period_s: float = 60.0) -> None:
        self._period_s = period_s
        self._said: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def speak(self, key: Hashable, now: float) -> int | None:
        """May it be said?

        Returns:
            How often it was not said since the last time, if it may; ``None`` if not. The latest 1000 keys
            are remembered; one that was forgotten may speak at once.
        """
        last, unsaid = self._said.get(key, (now - self._period_s, 0))
        may = now - last >= self._period_s
        self._said[key] = (now, 0) if may else (last, unsaid + 1)
        self._said.move_to_end(key)
        if len(self._said) > MOST_KEYS:
            self._said.popitem(last=False)
        return unsaid if may else None

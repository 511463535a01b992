"""Growing delays between attempts."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Backoff"]

MOST_DOUBLINGS = 32
"""Beyond any sensible cap, and far below where a float overflows."""


class Backoff:
    """Exponential, capped, jittered delays in seconds.

    Args:
        first_s: the first delay, before jitter.
        cap_s: the longest delay, before jitter.
        jitter: gives numbers from 0 to 1; a delay is scaled to between half of it (0) and all of it (1), so
            that a fleet's links do not come back in step.
    """

    def __init__(self, first_s: float, cap_s: float, jitter: Callable[[], float]) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._jitter = jitter
        self._failures = 0

    def next_delay(self) -> float:
        """The delay after one more failure."""
        base = min(self._cap_s, self._first_s * 2**self._failures)
        self._failures = min(self._failures + 1, MOST_DOUBLINGS)
        return self._jittered(base)

    def longest_delay(self) -> float:
        """The delay after a failure that will not pass by itself soon (a refused login)."""
        return self._jittered(self._cap_s)

    def reset(self) -> None:
        """It worked: begin again with the first delay."""
        self._failures = 0

    def _jittered(self, delay_s: float) -> float:
        return delay_s * (0.5 + self._jitter() / 2)

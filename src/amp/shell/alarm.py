"""A call at a moment that may change before it comes."""

from __future__ import annotations

import math
from collections.abc import Callable

import trio

__all__ = ["Alarm"]


class Alarm:
    """Rings once at the moment that was set last.

    Args:
        ring: what is to be called; it may set the alarm again.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._waiting: trio.CancelScope | None = None

    def set(self, at: float, nursery: trio.Nursery) -> None:
        """Ring then, on trio's clock, and at no moment that was set before; infinity is never.

        Args:
            nursery: ends the wait with itself.
        """
        if self._waiting is not None:
            self._waiting.deadline = at
        elif at < math.inf:
            self._waiting = trio.CancelScope(deadline=at)
            nursery.start_soon(self._wait, self._waiting)

    async def _wait(self, waiting: trio.CancelScope) -> None:
        with waiting:
            await trio.sleep_forever()
        self._waiting = None
        self._ring()

"""How long somebody may let bytes wait: a least rate, averaged over a window."""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["Slowness"]

NEVER: Final = float("-inf")


@attrs.define
class Slowness:
    """Time that a reader has left, in seconds.

    It has a window of it. Waiting for the reader uses it up. Each byte that it takes gives back what that
    byte may take at the least rate, and so does time in which nothing waits for it: of a stream that has
    nothing to deliver nobody is a slow reader. There is never more than the window. So one slower than the
    least rate is found soon, however fast it was before (at half of the rate within two windows and a piece),
    and one that keeps the rate never is.

    Attributes:
        per_second: the least rate, in bytes.
        window_s: how long a reader may take nothing at all.
    """

    per_second: float
    window_s: float
    _left_s: float = attrs.field(default=0.0, init=False)
    _at: float = attrs.field(default=NEVER, init=False)

    def wait(self, taken: int, pending: int, now: float) -> float:
        """Bytes begin to wait.

        Args:
            taken: bytes that were taken since the last wait, without any.
            pending: bytes that wait.

        Returns:
            When all that waits has to be taken.
        """
        left_s = min(self._left_s + (now - self._at) + taken / self.per_second, self.window_s)
        self._left_s, self._at = left_s + pending / self.per_second, now
        return now + self._left_s

    def taken(self, now: float) -> None:
        """All that waited was taken."""
        self._left_s, self._at = self._left_s - (now - self._at), now

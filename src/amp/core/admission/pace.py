"""How fast somebody may go: a token bucket that asks for patience instead of refusing."""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["Pace"]

LEAST_WAIT_S: Final = 1e-6
"""Less is a rounding error."""


@attrs.define
class Pace:
    """A token bucket, as its one number: when it would be full again if nothing more were taken.

    `take` always grants and says how long to wait before the next time. So nothing is ever lost, and several
    who share a bucket need not know of each other. (The generic cell rate algorithm, as virtual scheduling.)
    """

    _full_at: float = 0.0

    def take(self, cost: float, now: float, per_second: float, burst: float) -> float:
        """Take ``cost`` tokens of a bucket that holds ``burst`` and gains ``per_second``.

        Returns:
            Seconds to wait before the next `take`; 0 while the bucket is not empty.
        """
        taken_s = cost / per_second
        if self._full_at > now:
            taken_s += self._full_at - now
        self._full_at = now + taken_s
        wait_s = taken_s - burst / per_second
        return wait_s if wait_s > LEAST_WAIT_S else 0.0

"""Somebody's clock beside this machine's, judged."""

from __future__ import annotations

from typing import Final, NamedTuple

from amp.core.doctor.finding import Finding, ok, warn

__all__ = ["Skew", "judge_clock", "judge_newest"]

SKEW_S: Final = 2.0
"""Below this nobody is confused by a log."""
ADVICE: Final = "run a time service (chrony, systemd-timesyncd) on both machines"


class Skew(NamedTuple):
    """How far a clock is from ours.

    Attributes:
        ahead_s: by how much it is ahead; negative if it is behind.
        doubt_s: by how much that may be wrong: half of the time that the answer took, and of the unit that it
            is told in.
    """

    ahead_s: float
    doubt_s: float

    @classmethod
    def of(cls, told: float, asked: float, came: float, unit_s: float = 0.0) -> Skew:
        """Of what somebody told between two looks at our clock.

        Args:
            told: Unix seconds.
            asked: when it was asked, by our clock.
            came: when its answer was there.
            unit_s: what is told was rounded down to a multiple of this.
        """
        return cls(told + unit_s / 2 - (asked + came) / 2, (came - asked + unit_s) / 2)


def judge_clock(subject: str, skew: Skew) -> Finding:
    """Only what is surely wrong is told."""
    if abs(skew.ahead_s) - skew.doubt_s <= SKEW_S:
        return ok("clock", subject, f"within {SKEW_S:g} s of this machine's")
    side = "ahead of" if skew.ahead_s > 0 else "behind"
    return warn("clock", subject, f"{abs(skew.ahead_s):.1f} s {side} this machine's", ADVICE)


def judge_newest(subject: str, newest: float, now: float) -> Finding:
    """A clock of which only something is known that is over: it may be behind, but not ahead of that.

    Args:
        newest: when it happened by that clock, in Unix seconds.
        now: by our clock, later.
    """
    if newest - now <= SKEW_S:
        return ok("clock", subject, "not ahead of this machine's; whether it is behind cannot be seen")
    return warn("clock", subject, f"at least {newest - now:.1f} s ahead of this machine's", ADVICE)

"""Points in time as people and programs write them."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

__all__ = ["utc_text"]

DAY_S: Final = 86400
LAST_S: Final = 253_402_300_799
"""The end of the year 9999."""
ERA_DAYS: Final = 146_097
"""400 years, after which the calendar repeats itself."""
EPOCH_DAYS: Final = 719_468
"""From March 1st of the year 0, where counting leap days is easiest, to 1970."""


def utc_text(epoch_s: float) -> str:
    """Unix seconds as ``2026-04-01T12:00:00Z``; fractions are dropped.

    Returns:
        ``""`` for what lies before 1970 or behind the year 9999, and so is no time that somebody meant.
    """
    if not 0 <= epoch_s <= LAST_S:
        return ""
    days, second = divmod(int(epoch_s), DAY_S)
    return f"{_date(days)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"


@lru_cache(maxsize=64)
def _date(days: int) -> str:
    """The day so many days after the first of 1970."""
    era, day = divmod(days + EPOCH_DAYS, ERA_DAYS)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153  # counted from March
    day -= (153 * month + 2) // 5
    year += 400 * era + (month > 9)
    month += 3 if month < 10 else -9
    return f"{year:04}-{month:02}-{day + 1:02}"

"""Durations as people write them: one number and one unit, such as ``250ms`` or ``1.5h``."""

from __future__ import annotations

import re

__all__ = ["format_duration", "parse_duration"]

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
# Digits are bounded so that no text, however long, costs time or overflows a float.
DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")


def parse_duration(text: str) -> float:
    """Seconds of a duration.

    Args:
        text: digits, an optional fraction, and one of ``ms s m h d``, with nothing between or around.

    Raises:
        ValueError: anything else. The text is not repeated: it may have been meant for another key.
    """
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError('expected a duration: a number and one of ms, s, m, h, d, such as "250ms" or "30s"')
    return round(float(match[1]) * UNITS[match[2]], 6)


def format_duration(seconds: float) -> str:
    """A short text that `parse_duration` reads back as the same number."""
    for unit in ("d", "h", "m", "s"):
        count = seconds / UNITS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    millis = f"{seconds * 1000:.3f}".rstrip("0").rstrip(".")
    return f"{millis}ms"

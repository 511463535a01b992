"""SIGHUP before amp is ready to reload: kept for later instead of ending the process."""

from __future__ import annotations

import signal
from types import FrameType

__all__ = ["hold", "was_held"]

_seen: list[int] = []


def hold() -> None:
    """From now on SIGHUP is remembered. Call it before anything slow, imports included."""
    signal.signal(signal.SIGHUP, _note)


def was_held() -> bool:
    """Whether one has come since `hold`, or since this was asked last."""
    seen = bool(_seen)
    _seen.clear()
    return seen


def _note(number: int, _frame: FrameType | None) -> None:
    if not _seen:
        _seen.append(number)

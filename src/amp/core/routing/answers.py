"""What a frame means for the action that it answers.

A list begins with ``EventList: start`` in the response and ends with ``EventList: Complete`` (or
``Cancelled``) in an event whose name follows no rule. Older Asterisks mark nothing; there the table of
completions tells. All the rest is one response. Source: recordings core-show-channels-60, queue-status,
database; FACTS "Answers".
"""

from __future__ import annotations

from typing import Final

from amp.core.routing.pending import Pending

__all__ = ["is_broken_off", "is_end", "line_at"]

EVENT_LIST: Final = b"\r\nEventList:"
ENDS: Final = frozenset((b"complete", b"cancelled"))
WHOLE_FRAME: Final = (b"Response:", b"Event:")


def line_at(raw: bytes, start: int) -> bytes:
    """The value that begins at ``start``, up to its line's end."""
    end = raw.find(b"\r\n", start)
    return raw[start:] if end < 0 else raw[start:end]


def is_end(pending: Pending, raw: bytes) -> bool:
    """Does this frame, which has the action's ActionID, end it? Counts items, notes a list's beginning.

    Args:
        pending: the action; changed.
        raw: the frame, without its closing blank line.
    """
    if pending.list_open:
        return _ends_list(pending, raw)
    if not raw.startswith(b"Response:"):
        pending.items += 1  # an older DBGet could tell its result before its response
        return False
    if EVENT_LIST in raw:
        pending.list_open = _mark(raw) == b"start"
        pending.completion = b""  # marked lists end at their mark: DBGet's begins like an older one's end
    elif pending.completion:
        pending.list_open = not raw.startswith(b"Response: Error")
    return not pending.list_open


def is_broken_off(raw: bytes) -> bool:
    """Is this the rest of a frame whose value held line ends, and no frame of its own?"""
    return not raw.startswith(WHOLE_FRAME)


def _ends_list(pending: Pending, raw: bytes) -> bool:
    if not raw.startswith(b"Event:"):
        return False  # the rest of an item whose value looked like a response
    if EVENT_LIST in raw and _mark(raw) in ENDS:
        return True
    if pending.completion and line_at(raw, len(b"Event:")).strip() == pending.completion:
        return True
    pending.items += 1
    return False


def _mark(raw: bytes) -> bytes:
    return line_at(raw, raw.find(EVENT_LIST) + len(EVENT_LIST)).strip().lower()

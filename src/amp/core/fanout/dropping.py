"""Which of the bytes that wait for a slow client may go, and what is told in their place."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from amp.core.fanout.batch import Span

__all__ = ["DropSpan", "Entry", "GapText", "drop_oldest"]


class DropSpan(Span):
    """The span of a text that tells of a gap, as long as nothing of it is written."""


Entry = tuple[bytes | memoryview, Span | None]
"""Bytes still to write, and which numbered events they are. ``None``: they must be written, since they are an
answer, or the rest of what is written in part."""

GapText = Callable[[Span, int], bytes]
"""Makes the text that tells of dropped events: which (in one of these spans, numbers that the client does
not see may be among them), and how many numbers more than at the last call for the same gap."""


def drop_oldest(queue: deque[Entry], size: int, most: int, tell: GapText) -> int:
    """Drop the oldest events until no more than so many bytes wait, and put the gaps in their place.

    For each server there is one gap, where its first dropped event stood. An earlier gap that is not written
    yet becomes part of it: all between the two is dropped, since what is dropped is always the oldest.

    Args:
        queue: what waits, the oldest first; it is changed.
        size: how many bytes that is.
        most: how many there shall be at most, without the gaps.
    Returns:
        How many bytes wait now. More than ``most`` and the gaps if there are too many that must be written.
    """
    kept: list[Entry] = []
    dropped: dict[tuple[bytes, bytes], tuple[DropSpan, int]] = {}
    while queue and size > most:
        data, span = entry = queue.popleft()
        if span is None or span.first > span.last:
            kept.append(entry)
            continue
        size -= len(data)
        place = span.server, span.epoch
        if place not in dropped:
            kept.append((b"", DropSpan(*span)))
        first = dropped[place][0].first if place in dropped else span.first
        new = dropped[place][1] if place in dropped else 0
        if not isinstance(span, DropSpan):
            new += span.last - span.first + 1
        dropped[place] = DropSpan(*place, first, span.last), new
    for data, span in reversed(kept):
        if isinstance(span, DropSpan):
            span, new = dropped[span.server, span.epoch]
            data = tell(span, new)
            size += len(data)
        queue.appendleft((data, span))
    return size

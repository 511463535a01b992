"""The last events of one server, for clients that come back and ask what they missed."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from operator import attrgetter
from typing import Final, NamedTuple

from amp.core.fanout.batch import Asker, Batch, ending
from amp.errors import LocalProtocolError

__all__ = ["BATCH_BYTES", "Journal"]

BATCH_BYTES: Final = 300
"""What a batch costs besides its bytes, about: a quiet server's batches hold one small event each."""


class _Entry(NamedTuple):
    """A batch as it is kept: one piece of bytes instead of many frames.

    Frames kept for minutes would make the cutter write every new frame into cold memory, which costs more
    than the split itself (measured: 190 us a read instead of 130); this way they die young.
    """

    first: int
    last: int
    text: bytes
    size: int
    batch: tuple[bytes, Asker | None, bytes, Mapping[int, bytes]]
    """Server, asker, lead and the frames that were shown with more ActionIDs."""


class Journal:
    """Numbered batches of one server, bounded by the memory they take.

    The oldest batches go first, and with `expire` those of a certain age. A batch that is greater than the
    whole bound is not kept at all; its numbers count nevertheless.

    Args:
        max_bytes: the bound; 0 keeps nothing.
        epoch: what the numbers count in.
    """

    def __init__(self, max_bytes: int, epoch: bytes = b"") -> None:
        self.epoch = epoch
        self.size_bytes = 0
        self._max_bytes = max_bytes
        self._head = 0
        self._entries: deque[_Entry] = deque()
        self._marks: deque[tuple[float, int]] = deque()
        """When the head was where."""

    @property
    def head(self) -> int:
        """The number of the newest event; 0 before the first."""
        return self._head

    @property
    def floor(self) -> int:
        """The number of the oldest event that is still here; ``head + 1`` if none is."""
        return self._entries[0].first if self._entries else self._head + 1

    def append(self, batch: Batch) -> None:
        """Keep a batch, and drop the oldest ones that no longer fit.

        Raises:
            LocalProtocolError: the batch is empty, does not continue at ``head + 1``, or counts in
                another epoch; nothing has changed.
        """
        if not batch.count or batch.first_seq != self._head + 1 or batch.epoch != self.epoch:
            raise LocalProtocolError(
                f"expected events from number {self._head + 1} on in epoch {self.epoch!r}, "
                f"got {batch.count} from {batch.first_seq} on in {batch.epoch!r}"
            )
        first, self._head = batch.first_seq, batch.last_seq
        text = batch.text
        size = len(text) + BATCH_BYTES + self._bytes_beside(batch)
        rest = batch.server, batch.asker, batch.lead, batch.shown
        self._entries.append(_Entry(first, self._head, text, size, rest))
        self.size_bytes += size
        while self.size_bytes > self._max_bytes:
            self.size_bytes -= self._entries.popleft().size

    def _bytes_beside(self, batch: Batch) -> int:
        """What a batch keeps alive besides its text.

        A lead is as long as an event may be, and the event itself may be too long to be kept or have gone
        already. Batches of broken pieces share it, so it counts with the first of them.
        """
        size = sum(map(len, batch.shown.values()))
        if batch.asker is not None:
            size += len(batch.asker.original)
        if batch.lead and not (self._entries and self._entries[-1].batch[2] is batch.lead):
            size += len(batch.lead)
        return size

    def expire(self, now: float, age_s: float) -> None:
        """Let go of what is older than so many seconds.

        There is no time in what comes by `append`, so it counts from the first call after that: batches
        are kept for ``age_s`` and the time between two calls at most.

        Args:
            now: monotonic seconds.
        """
        marks = self._marks
        if not marks or marks[-1][1] != self._head:
            marks.append((now, self._head))
        while marks and marks[0][0] <= now - age_s:
            _, old = marks.popleft()
            while self._entries and self._entries[0].last <= old:
                self.size_bytes -= self._entries.popleft().size

    def slice(self, since: int, max_bytes: int | None = None) -> list[Batch]:
        """The events that came after a number, in order.

        Args:
            since: the last number the caller has; events from ``since + 1`` on are given. If that is
                below `floor`, what is missing is the caller's to announce.
            max_bytes: stop after the batch that reaches it; at least one batch is given if there is one.
        Returns:
            Batches, the first one cut so that it begins behind ``since``; none if ``since`` is the head
            or beyond it.
        """
        found: list[Batch] = []
        size = 0
        index = bisect_left(self._entries, since + 1, key=_last)
        while index < len(self._entries) and (max_bytes is None or size < max_bytes):
            first, _, text, _, (server, asker, lead, shown) = self._entries[index]
            frames = text.split(ending(server))  # in no other place: intake renames the server's own Server
            batch = Batch(server, self.epoch, first, frames[:-1], asker, lead, shown)
            found.append(batch.after(since))
            size += len(text)
            index += 1
        return found


_last = attrgetter("last")

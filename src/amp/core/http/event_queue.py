"""The events of a session that come while nobody asks for them: bounded, and what is dropped is told."""

from __future__ import annotations

from collections import deque

import attrs

from amp.core.ami.frame import Frame, encode
from amp.core.fanout.batch import Span

__all__ = ["EventQueue"]


@attrs.define(eq=False)
class EventQueue:
    """Events until they are fetched.

    Attributes:
        most_bytes: beyond it the oldest are dropped, whole batches at a time.
        size: bytes that wait.
        dropped: how many batches were dropped in all.
    """

    most_bytes: int
    size: int = 0
    dropped: int = 0
    _waiting: deque[tuple[bytes, Span]] = attrs.field(factory=deque)
    _gaps: list[Span] = attrs.field(factory=list)

    def __bool__(self) -> bool:
        return bool(self._waiting or self._gaps)

    def offer(self, data: bytes, span: Span) -> None:
        """Take events, whole frames with their blank lines."""
        self._waiting.append((data, span))
        self.size += len(data)
        while self.size > self.most_bytes:
            old, lost = self._waiting.popleft()
            self.size -= len(old)
            self.dropped += 1
            self._lose(lost)

    def take(self) -> list[bytes]:
        """Everything that waits, as raw frames; first a ``ProxyGap`` for each server that events are lost of.

        ``From`` and ``To`` are sequence numbers of that server's events; some of them may not have been for
        this session anyway.
        """
        frames = [_gap(span) for span in self._gaps]
        for data, _ in self._waiting:
            frames += [raw for raw in data.split(b"\r\n\r\n") if raw]
        self._waiting.clear()
        self._gaps.clear()
        self.size = 0
        return frames

    def _lose(self, lost: Span) -> None:
        for place, gap in enumerate(self._gaps):
            if (gap.server, gap.epoch) == (lost.server, lost.epoch):
                self._gaps[place] = gap._replace(last=lost.last)
                return
        self._gaps.append(lost)


def _gap(span: Span) -> bytes:
    frame = Frame.of(
        ("Event", "ProxyGap"),
        ("Privilege", "system,all"),
        ("Epoch", span.epoch),
        ("From", span.first),
        ("To", span.last),
        ("Reason", "session queue full"),
        ("Server", span.server),
    )
    return encode(frame).removesuffix(b"\r\n\r\n")

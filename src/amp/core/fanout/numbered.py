"""Events with their places: the epoch and the number that amp gives them, as headers behind their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

__all__ = ["Numbered"]


class Numbered(Sequence[bytes]):
    """Consecutive events of one server, each with ``ProxyEpoch`` and ``ProxySeq`` as its last headers.

    The headers are written when somebody looks at the events, once for all who do: a format that tells the
    numbers in another way never needs them.

    Attributes:
        frames: the events without these headers, and without closing blank line.
        epoch: what the numbers count in.
        first_seq: the number of the first event; the others follow without a gap.
    """

    __slots__ = ("_written", "epoch", "first_seq", "frames")

    def __init__(self, frames: list[bytes], epoch: bytes, first_seq: int) -> None:
        self.frames = frames
        self.epoch = epoch
        self.first_seq = first_seq
        self._written: list[bytes] | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        return self._all()[index]

    def _all(self) -> list[bytes]:
        if self._written is None:
            line = b"%%s\r\nProxyEpoch: %s\r\nProxySeq: %%d" % self.epoch.replace(b"%", b"%%")
            self._written = [line % (frame, seq) for seq, frame in enumerate(self.frames, self.first_seq)]
        return self._written

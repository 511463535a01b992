"""Long answers are written bit by bit, so that whoever asks for a list of thousands holds nobody up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import trio

__all__ = ["rendered"]

MOST_AT_ONCE_BYTES: Final = 16_384
"""Of frames; as XML about 5 ms, a list of 5000 channels would be more than a second (MEASURED)."""


async def rendered(
    frames: Iterable[bytes], piece: Callable[[bytes], bytes], document: Callable[[Sequence[bytes]], bytes]
) -> bytes:
    """A body of raw frames. Others get their turn in between.

    Args:
        frames: without their blank lines.
        piece: makes a part of it of one frame.
        document: makes it of its parts.

    Raises:
        Exception: the format is a plug-in's and failed.
    """
    pieces: list[bytes] = []
    size = 0
    for frame in frames:
        pieces.append(piece(frame))
        size += len(frame)
        if size >= MOST_AT_ONCE_BYTES:
            size = 0
            await trio.lowlevel.checkpoint()
    return document(pieces)

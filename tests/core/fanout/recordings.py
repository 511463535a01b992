"""The recordings of a real Asterisk 22 that the fan-out tests replay, and ways to cut them up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

CAPTURES = Path(__file__).parents[2] / "captures" / "asterisk-22"

BUSY = (
    "event-odd-values",
    "getvar-newline",
    "queue-status",
    "fully-booted",
    "second-server",
    "userevent-odd",
)
"""One of each trouble: raw line ends, stray blank lines, a booting server, long frames, odd headers."""


@cache
def stream(name: str) -> bytes:
    """What the server sent in one recording, without the greeting line."""
    return (CAPTURES / f"{name}.s2c.bin").read_bytes().partition(b"\r\n")[2]


@cache
def frames(name: str) -> tuple[bytes, ...]:
    """The frames of a recording, cut in the plainest way there is."""
    whole = stream(name).split(b"\r\n\r\n")[:-1]
    return tuple(frame for frame in (piece.removeprefix(b"\r\n") for piece in whole) if frame)


def chunks(data: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    """The data cut at these places, taken modulo its length."""
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return (data[start:end] for start, end in pairwise(edges))

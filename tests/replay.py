"""Recorded conversations, step by step, for any test that replays them.

``tests/captures/asterisk-22/README.md`` says what each recording shows and how the files are laid out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import attrs

ASTERISK_22 = Path(__file__).parent / "captures" / "asterisk-22"

AMI_NAMES = tuple(
    sorted(
        name
        for name in (path.name.removesuffix(".tim") for path in ASTERISK_22.glob("*.tim"))
        if not name.startswith("http-")
    )
)
"""Every recording of a conversation over TCP or TLS (the others are HTTP)."""


@attrs.frozen
class Step:
    """One thing that happened.

    Attributes:
        at_s: seconds since the client had read the greeting.
        what: ``c2s`` or ``s2c`` with data, or an end: ``s2c-eof``, ``s2c-reset``, ``c2s-eof``.
    """

    at_s: float
    what: str
    data: bytes = b""


@attrs.frozen
class Recording:
    """One conversation: what the client sent, what the server sent, and the steps in time."""

    name: str
    sent: bytes
    received: bytes
    steps: tuple[Step, ...]

    @property
    def frames(self) -> list[bytes]:
        """What the server sent behind its greeting, cut in the plainest way; no blank frames."""
        pieces = self.received.partition(b"\r\n")[2].split(b"\r\n\r\n")[:-1]
        return [frame for frame in (piece.removeprefix(b"\r\n") for piece in pieces) if frame]


@cache
def recording(name: str) -> Recording:
    """Read a recording of `ASTERISK_22`."""
    sent = (ASTERISK_22 / f"{name}.c2s.bin").read_bytes()
    received = (ASTERISK_22 / f"{name}.s2c.bin").read_bytes()
    left = {"c2s": sent, "s2c": received}
    steps = []
    for line in (ASTERISK_22 / f"{name}.tim").read_text().splitlines():
        ms, what, size = line.split("\t")
        data = left.get(what, b"")[: int(size)]
        if data:
            left[what] = left[what][int(size) :]
        steps.append(Step(int(ms) / 1000, what, data))
    return Recording(name, sent, received, tuple(steps))


def chunks(data: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    """The data cut at these places, taken modulo its length."""
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return (data[start:end] for start, end in pairwise(edges))


def slices(data: bytes, size: int) -> Iterator[bytes]:
    """The data in pieces of one size."""
    return (data[start : start + size] for start in range(0, len(data), size))


def without_clock(data: bytes) -> bytes:
    """The same bytes with the values that differ from run to run replaced."""
    data = re.sub(rb"(?m)^Timestamp: \d+\.\d{6}\r$", b"Timestamp: T\r", data)
    return re.sub(rb"(?m)^(Uptime|LastReload): \d+\r$", rb"\1: N\r", data)

"""What a real Asterisk 22 was asked in the recordings, and what it answered."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from amp.core.ami.frame import Frame

CAPTURES = Path(__file__).parents[2] / "captures" / "asterisk-22"


@cache
def sent(name: str) -> tuple[Frame, ...]:
    """The client's actions, in order."""
    whole = (CAPTURES / f"{name}.c2s.bin").read_bytes()
    return tuple(Frame.parse(block) for block in whole.split(b"\r\n\r\n") if b"Action" in block)


@cache
def received(name: str) -> tuple[bytes, ...]:
    """The server's frames, in order, without the greeting line."""
    whole = (CAPTURES / f"{name}.s2c.bin").read_bytes().partition(b"\r\n")[2]
    return tuple(frame for piece in whole.split(b"\r\n\r\n")[:-1] if (frame := piece.removeprefix(b"\r\n")))


def broadcasts(name: str) -> Iterator[bytes]:
    """The events to everybody; not those that are items of a list."""
    return (frame for frame in received(name) if frame.startswith(b"Event: ") and b"\r\nPrivilege: " in frame)


def message(name: str, action_id: bytes) -> bytes:
    """The text of the answer to one action; empty if it has none."""
    answers = (Frame.parse(frame) for frame in received(name) if frame.startswith(b"Response: "))
    return next(frame.get(b"Message") or b"" for frame in answers if frame.get(b"ActionID") == action_id)


def listed(name: str) -> dict[bytes, frozenset[str]]:
    """The answer to ListCommands: each action's classes without ``all``."""
    answer = next(frame for frame in received(name) if b"(Priv: " in frame)
    rows = {}
    for header, value in Frame.parse(answer).headers:
        _, mark, classes = value.partition(b"(Priv: ")
        if mark:
            rows[header] = frozenset(classes.rstrip(b")").decode().split(",")) - {"all", "<none>"}
    return rows

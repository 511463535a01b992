"""What is replayed: the events of a recording, and what each proxy has to make of them.

The recording is ``tests/captures/asterisk-22/stream-20calls.s2c.bin``, twenty calls on a real Asterisk 22.
Nothing is mended in it: its stray blank lines and the ActionIDs in its OriginateResponses are part of the
load. A running number is put behind each event as its last header when it is sent (``Bench: 0000000042``).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path

__all__ = ["RECORDING", "as_amp_delivers", "as_json", "recorded_events", "write_stream"]

RECORDING = Path(__file__).parents[1] / "tests" / "captures" / "asterisk-22" / "stream-20calls.s2c.bin"

ABOUT_THE_LOGIN = (b"Event: FullyBooted", b"Event: SuccessfulAuth")


def recorded_events(recording: bytes) -> list[bytes]:
    """The events without their closing blank line, in order; what is about the recorder's login is left out.

    A stray blank line stays in front of the event that it was recorded before.
    """
    frames = recording.split(b"\r\n\r\n")
    return [frame for frame in frames if _is_event(frame.lstrip(b"\r\n"))]


def as_amp_delivers(events: Iterable[bytes]) -> list[bytes]:
    """The same events as amp must hand them on, but for ``Server:`` and the number.

    Stray blank lines are dropped, and so is an ActionID that no client of this amp has set
    (``autofilter = "unique"``).
    """
    return [_without_action_id(event.lstrip(b"\r\n")) for event in events]


def as_json(events: Iterable[bytes]) -> list[bytes]:
    """Of each event its headers as a WebSocket client gets them, up to the running number (the last)."""
    found = []
    for event in events:
        headers: dict[str, str | list[str]] = {}
        for line in event.decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(":")
            value = value.lstrip(" ")
            present = headers.get(name, [])
            several = present if isinstance(present, list) else [present]
            headers[name] = [*several, value] if several else value
        text = json.dumps(headers, ensure_ascii=False, separators=(",", ":"))
        found.append(f'{text[:-1]},"Bench":"'.encode())
    return found


def write_stream(path: Path, events: Iterable[bytes]) -> None:
    """Write what the bench's programs read: per event its length (32 bits, little end first), its bytes."""
    path.write_bytes(b"".join(struct.pack("<I", len(event)) + event for event in events))


def read_stream(path: Path) -> list[bytes]:
    """The events of a file that `write_stream` wrote."""
    data, at, events = path.read_bytes(), 0, []
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        events.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return events


def _is_event(frame: bytes) -> bool:
    return frame.startswith(b"Event: ") and not frame.startswith(ABOUT_THE_LOGIN)


def _without_action_id(event: bytes) -> bytes:
    lines = event.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(b"ActionID:"))

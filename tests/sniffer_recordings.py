"""Recorded exchanges with a real VoIPmonitor sniffer, for any test that replays them.

``tests/captures/voipmonitor-2026.04/README.md`` says what each recording shows.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from amp.core.voipmonitor.cipher import SnifferKey

VOIPMONITOR = Path(__file__).parent / "captures" / "voipmonitor-2026.04"

INDEX: dict[str, dict[str, Any]] = json.loads((VOIPMONITOR / "index.json").read_text())
NAMES = tuple(sorted(INDEX))

_TEXTS = json.loads((VOIPMONITOR / "keys.json").read_text())
KEYS = {
    name: SnifferKey(base64.b64decode(key["key"]), base64.b64decode(key["iv"]))
    for name, key in _TEXTS.items()
}


@attrs.frozen
class Recording:
    """One exchange.

    Attributes:
        about: its entry in ``index.json``.
        sent: what the client sent.
        received: what the sniffer sent.
    """

    name: str
    about: dict[str, Any]
    sent: bytes
    received: bytes

    @property
    def key(self) -> SnifferKey | None:
        """What the request was made with."""
        name = self.about.get("request_keys")
        return KEYS[name] if name else None

    def segments(self) -> Iterator[tuple[float, bytes]]:
        """What was sent, piece by piece, each with the seconds of pause in front of it."""
        left, pause = self.sent, 0.0
        for size in self.about["segments"]:
            if isinstance(size, float):
                pause = size
            elif size:
                yield pause, left[:size]
                left, pause = left[size:], 0.0


@cache
def recording(name: str) -> Recording:
    """Read a recording of `VOIPMONITOR`."""
    sent = (VOIPMONITOR / f"{name}.c2s.bin").read_bytes()
    received = (VOIPMONITOR / f"{name}.s2c.bin").read_bytes()
    return Recording(name, INDEX[name], sent, received)

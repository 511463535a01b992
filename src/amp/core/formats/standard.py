"""The manager protocol itself: ``Name: Value`` lines, closed by a blank one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from amp.core.ami.framing import ActionReader
from amp.core.ami.rewrite import with_server
from amp.core.formats.format import Format

__all__ = ["STANDARD", "render"]


def render(frames: Sequence[bytes], server: bytes) -> bytes:
    """The frames as they are, byte for byte, each with ``Server: NAME`` and its closing blank line."""
    if not server:
        return b"".join([b"%s\r\n\r\n" % frame for frame in frames])
    return b"".join([with_server(frame, server) for frame in frames])


STANDARD: Final = Format(name="standard", render=render, reader=ActionReader, greets=True)

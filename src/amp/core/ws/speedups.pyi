"""Compiled from ``speedups.c``, if there was a compiler when amp was installed."""

def event_messages(frames: list[bytes], front: bytes, first: int, /) -> list[bytes]:
    """See `amp.core.ws.event_writer.EventWriter.write`."""

def event_frames(frames: list[bytes], front: bytes, first: int, /) -> bytes:
    """See `amp.core.ws.event_writer.EventWriter.frame`."""

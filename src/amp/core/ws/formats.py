"""How events are written to WebSockets: whole frames, the same for every client of a view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Final

from amp.core.fanout.numbered import Numbered
from amp.core.formats.format import Format
from amp.core.ws.event_json import (
    GAP,
    event_fragment,
    event_fragments,
    event_frames,
    event_json,
    events_json,
    json_text,
    place,
)
from amp.core.ws.framing import deflated_frame, text_frame

__all__ = ["WEBSOCKET_FORMATS", "format_name"]

TYPE: Final = "application/json"

Framer = Callable[[bytes], bytes]


def _single(frame_of: Framer) -> Callable[[bytes, bytes], bytes]:
    """One message for each event."""
    return lambda frame, server: frame_of(event_json(frame, server))


def _deflated(frames: Sequence[bytes], server: bytes) -> bytes:
    """One message for each event, each compressed."""
    return b"".join(map(deflated_frame, events_json(frames, server)))


def _batched(frame_of: Framer) -> Callable[[Sequence[bytes], bytes], bytes]:
    """One message for all events that are written together; a gap has one of its own."""

    def render(frames: Sequence[bytes], server: bytes) -> bytes:
        if isinstance(frames, Numbered) and (fragments := event_fragments(frames)):
            return frame_of(_events(fragments, server, frames.epoch))
        messages = []
        for is_gap, some in groupby(frames, lambda frame: frame.startswith(GAP)):
            if is_gap:
                messages += [event_json(frame, server) for frame in some]
            else:
                together = list(some)
                epoch, _ = place(together[0])
                messages.append(_events(map(event_fragment, together), server, epoch))
        return b"".join(map(frame_of, messages))

    return render


def _events(fragments: Iterable[bytes], server: bytes, epoch: bytes) -> bytes:
    head = b'{"type":"events","server":%s,"epoch":"%s","events":' % (json_text(server), epoch)
    return b"%s[%s]}" % (head, b",".join(fragments))


def _format(name: str, frame_of: Framer, *, batch: bool) -> Format:
    if batch:
        return Format(name=name, content_type=TYPE, render=_batched(frame_of))
    render = event_frames if frame_of is text_frame else _deflated
    return Format(name=name, content_type=TYPE, render=render, piece=_single(frame_of))


def format_name(*, deflate: bool, batch: bool) -> str:
    """The name of the format for a connection."""
    return f"websocket{'-deflate' if deflate else ''}{'-batch' if batch else ''}"


WEBSOCKET_FORMATS: Final = tuple(
    _format(format_name(deflate=deflate, batch=batch), frame_of, batch=batch)
    for deflate, frame_of in ((False, text_frame), (True, deflated_frame))
    for batch in (False, True)
)
"""For views of connections only; no client can choose one by name."""

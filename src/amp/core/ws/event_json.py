"""Events as JSON, one object each: what WebSockets and event streams show.

``{"type":"event","server":"pbx1","epoch":"…","seq":7,"event":"Newchannel","headers":{…}}``: names as the
server wrote them, a header that repeats is a list in order, what is not UTF-8 is U+FFFD. A line that is no
``Name: Value`` stands in ``unparsed``; a frame without ``Event`` is the rest of the event before it, a value
of which held line ends. ``{"type":"gap",…}`` tells of what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import orjson

from amp.core.fanout.numbered import Numbered
from amp.core.formats.lines import headers_of, text_of
from amp.core.ws.event_writer import event_writer
from amp.core.ws.framing import text_frames

__all__ = [
    "GAP",
    "event_fragment",
    "event_fragments",
    "event_frames",
    "event_json",
    "events_json",
    "headers_object",
    "json_text",
    "place",
]

GAP: Final = b"Event: ProxyGap\r\n"
EVENT: Final = b"Event: "
EPOCH_LINE: Final = b"\r\nProxyEpoch: "
SEQ_LINE: Final = b"\r\nProxySeq: "
SEQ: Final = b'{"seq":'
QUICK: Final = event_writer()
"""What it writes does not depend on whose event it is, only how fast: one for all servers and views."""

Headers = Mapping[str, str | list[str]]


def event_json(frame: bytes, server: bytes) -> bytes:
    """One object for one event, or for a gap.

    Args:
        frame: raw, without ``Server`` and blank line, numbered: its last lines are the ``ProxyEpoch`` and
            ``ProxySeq`` that amp added (a gap may be without ``ProxySeq``).
        server: whose it is.
    """
    if frame.startswith(GAP):
        return _gap(frame, server)
    raw, epoch, seq = _parts(frame)
    return _object(raw, _front(server, epoch), seq)


def events_json(frames: Sequence[bytes], server: bytes) -> list[bytes]:
    """The same for several frames of one server."""
    if not isinstance(frames, Numbered):
        return [event_json(frame, server) for frame in frames]
    found = QUICK.write(frames.frames, _front(server, frames.epoch), frames.first_seq)
    if all(found):
        return found
    return [text or event_json(frame, server) for text, frame in zip(found, frames, strict=True)]


def event_frames(frames: Sequence[bytes], server: bytes) -> bytes:
    """The same as WebSocket frames, one behind the other."""
    if isinstance(frames, Numbered):
        written = QUICK.frame(frames.frames, _front(server, frames.epoch), frames.first_seq)
        if written:
            return written
    return text_frames(events_json(frames, server))


def event_fragment(frame: bytes) -> bytes:
    """The object of an event among others of the same server and epoch: what differs between them."""
    raw, _, seq = _parts(frame)
    return _object(raw, SEQ, seq)


def event_fragments(frames: Numbered) -> list[bytes]:
    """The same for several events; none at all if one of them is a gap, or odd."""
    found = QUICK.write(frames.frames, SEQ, frames.first_seq)
    return found if all(found) else []


def place(frame: bytes) -> tuple[bytes, bytes]:
    """Epoch and number of an event, as text."""
    return _parts(frame)[1:]


def headers_object(lines: bytes) -> tuple[Headers, list[str]]:
    """The headers of a raw frame, and the lines that are none."""
    found: dict[str, list[str]] = {}
    for name, value in headers_of(text_of(lines)):
        found.setdefault(name, []).append(value)
    unparsed = found.pop("", [])
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}, unparsed


def _front(server: bytes, epoch: bytes) -> bytes:
    """What stands before the numbers of a server's events."""
    return b'{"type":"event","server":%s,"epoch":"%s","seq":' % (json_text(server), epoch)


def _object(raw: bytes, front: bytes, seq: bytes) -> bytes:
    """One event, whatever it is."""
    (written,) = QUICK.write([raw], front, int(seq))
    if written:
        return written
    QUICK.learn(raw)
    headers, unparsed = headers_object(raw)
    name = headers.get("Event") if raw.startswith(EVENT) else None
    event = orjson.dumps(name[0] if isinstance(name, list) else name)
    rest = b',"unparsed":' + orjson.dumps(unparsed) if unparsed else b""
    return b'%s%s,"event":%s,"headers":%s%s}' % (front, seq, event, orjson.dumps(headers), rest)


def _gap(frame: bytes, server: bytes) -> bytes:
    headers, _ = headers_object(frame)
    numbers = [_number(headers.get(name)) for name in ("From", "To", "ProxySeq")]
    epoch = headers.get("ProxyEpoch")
    facts = {
        "type": "gap",
        "server": server.decode("utf-8", "replace"),
        "epoch": epoch,
        "from": numbers[0],
        "to": numbers[1],
        "reason": headers.get("Reason"),
        "seq": numbers[2],
    }
    return orjson.dumps(facts)


def _number(value: str | Sequence[str] | None) -> int | None:
    return int(value) if isinstance(value, str) and value.isdigit() else None


def _parts(frame: bytes) -> tuple[bytes, bytes, bytes]:
    """The event itself, its epoch and its number. They are the very last lines, so nobody else's."""
    head, _, seq = frame.rpartition(SEQ_LINE)
    raw, _, epoch = head.rpartition(EPOCH_LINE)
    return raw, epoch, seq


@lru_cache(maxsize=1024)
def json_text(text: bytes) -> bytes:
    """A name as a JSON string."""
    return orjson.dumps(text.decode("utf-8", "replace"))

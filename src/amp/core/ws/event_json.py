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

from amp.core.formats.lines import headers_of, text_of

__all__ = ["GAP", "event_fragment", "event_json", "headers_object", "json_text", "place"]

GAP: Final = b"Event: ProxyGap\r\n"
EVENT: Final = b"Event: "
EPOCH_LINE: Final = b"\r\nProxyEpoch: "
SEQ_LINE: Final = b"\r\nProxySeq: "
ESCAPED: Final = b'"\\'
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
    return b'{"type":"event","server":%s,"epoch":"%s",%s}' % (json_text(server), epoch, _facts(raw, seq))


def event_fragment(frame: bytes) -> bytes:
    """The object of an event among others of the same server and epoch: what differs between them."""
    raw, _, seq = _parts(frame)
    return b"{%s}" % _facts(raw, seq)


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


def _facts(raw: bytes, seq: bytes) -> bytes:
    if plain := _plain(raw):
        event, _, _ = raw[len(EVENT) :].partition(b"\r\n")
        return b'"seq":%s,"event":"%s","headers":%s' % (seq, event, plain)
    headers, unparsed = headers_object(raw)
    name = headers.get("Event") if raw.startswith(EVENT) else None
    event = orjson.dumps(name[0] if isinstance(name, list) else name)
    facts = b'"seq":%s,"event":%s,"headers":%s' % (seq, event, orjson.dumps(headers))
    return facts + b',"unparsed":' + orjson.dumps(unparsed) if unparsed else facts


def _plain(raw: bytes) -> bytes:
    """The headers of an event as JSON, made by replacing what separates them; empty if it is not so simple.

    Nearly all events are such, and it takes half the time of taking the lines apart. Without quotes and
    backslashes of its own the text is JSON only if every line is one name, one separator and one value in
    UTF-8 without control characters: the parser tells that, and whether a name repeats.
    """
    if not raw.startswith(EVENT) or b":  " in raw or len(raw.translate(None, ESCAPED)) < len(raw):
        return b""
    text = b'{"%s"}' % raw.replace(b": ", b'":"').replace(b"\r\n", b'","')
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return b""
    pairs = (len(text) - len(raw) - 3) // 2  # each replacement made it longer by one
    return text if len(found) == pairs and ":" not in "".join(found) and "" not in found else b""


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

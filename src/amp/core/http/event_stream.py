"""Server-sent events (``text/event-stream``, HTML standard §9.2): how events are written, what is asked for.

Each event is a block of lines: ``id`` is where the client stands behind it with every server that it hears
of, as the JSON object that ``since`` and ``Last-Event-ID`` take; ``data`` is the event's own object. A gap is
an event of type ``gap``. The bytes are the same for all clients of a view but for their places with the other
servers, for which `MARK` stands; `placed` puts them in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import orjson

from amp.core.fanout.catchup import Position
from amp.core.formats.format import Format
from amp.core.http.message import Request
from amp.core.ws.event_json import GAP, event_json, json_text, place
from amp.core.ws.requests import Subscribe, read_subscription
from amp.errors import LocalProtocolError

__all__ = [
    "EVENT_STREAM",
    "HEARTBEAT",
    "TYPE",
    "end_block",
    "head",
    "heartbeat_at",
    "placed",
    "read_wish",
    "unplaced",
]

TYPE: Final = b"text/event-stream"
MARK: Final = b"\x1e"
"""Stands in an ``id`` for the places with other servers: JSON never holds a raw control character."""
HEARTBEAT: Final = b":\n\n"
"""A comment: nothing but a sign of life."""
RETRY_MS: Final = 2000
"""How long a browser waits before it comes again."""
MOST_FIELDS: Final = 256
PLACE: Final = re.compile(rb"(?m)^id: [^\n]*\n")
FIELDS: Final = ("servers", "events", "where", "since")


def _piece(frame: bytes, server: bytes) -> bytes:
    """One block; a gap without a number has no ``id``, so the one before it stays."""
    data = event_json(frame, server)
    if not frame.startswith(GAP):
        epoch, seq = place(frame)
        return b"id: %s\ndata: %s\n\n" % (_open_place(server, epoch, seq), data)
    gap = orjson.loads(data)
    if gap["seq"] is None:
        return b"event: gap\ndata: %s\n\n" % data
    stands = _open_place(server, gap["epoch"].encode(), b"%d" % gap["seq"])
    return b"event: gap\nid: %s\ndata: %s\n\n" % (stands, data)


def _open_place(server: bytes, epoch: bytes, seq: bytes) -> bytes:
    return b'{%s:{"epoch":"%s","seq":%s}%s}' % (json_text(server), epoch, seq, MARK)


EVENT_STREAM: Final = Format.of_pieces(name="event-stream", content_type=TYPE.decode(), piece=_piece)
"""For views of event streams only; no client can choose it by name."""


def placed(data: bytes, others: Mapping[bytes, Position]) -> bytes:
    """Blocks of one server's events, with where their client stands with other servers."""
    return data.replace(MARK, b"".join([b"," + _place(*item) for item in others.items()]))


def unplaced(data: bytes) -> bytes:
    """Blocks without their ``id``: a client that has read them resumes from the one before."""
    return PLACE.sub(b"", data)


def heartbeat_at(positions: Mapping[bytes, Position]) -> bytes:
    """A sign of life that also says where the client stands now. It is no event for the client."""
    return b":\nid: {%s}\n\n" % b",".join([_place(*item) for item in positions.items()])


def _place(server: bytes, position: Position) -> bytes:
    return b'%s:{"epoch":"%s","seq":%d}' % (json_text(server), position.epoch, position.seq)


def head(date: bytes) -> bytes:
    """What comes before the events: the response has no length, it ends when the connection is closed.

    Args:
        date: now, as HTTP writes it.
    """
    return (
        b"HTTP/1.1 200 OK\r\nDate: %s\r\nServer: amp\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
        b"X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\nretry: %d\n\n"
    ) % (date, TYPE, RETRY_MS)


def end_block(reason: str) -> bytes:
    """The last event: why amp ends the stream."""
    return b"event: end\ndata: %s\n\n" % orjson.dumps({"type": "end", "reason": reason})


def read_wish(request: Request) -> Subscribe:
    """What a client asks for by its query, and where it stands: ``Last-Event-ID``, or else ``since``.

    ``servers`` and ``events`` are globs, also several with commas between them, ``where`` is ``Header:glob``;
    each may repeat.

    Raises:
        LocalProtocolError: what is wrong, for the client.
    """
    wish: dict[str, object] = {}
    where: dict[str, list[str]] = {}
    lists: dict[str, list[str]] = {}
    for name, value in _fields(request):
        if name == "where":
            header, colon, glob = value.partition(":")
            if not colon:
                raise LocalProtocolError("where: expected Header:glob")
            where.setdefault(header.strip(), []).append(glob.strip())
        elif name == "since":
            wish["since"] = _positions(value, "since")
        elif name in FIELDS:
            lists.setdefault(name, []).extend(value.split(","))
        else:
            raise LocalProtocolError(f"{name[:40]}: unknown field; expected {', '.join(FIELDS)}")
    if last := request.header(b"last-event-id"):
        wish["since"] = _positions(last.decode("utf-8", "replace"), "Last-Event-ID")
    return read_subscription({**wish, **lists, "where": where})


def _fields(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            request.query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(request.query),
            errors="strict", max_num_fields=MOST_FIELDS,
        )  # fmt: skip
    except ValueError:
        raise LocalProtocolError(f"expected a query of at most {MOST_FIELDS} fields in UTF-8") from None


def _positions(text: str, name: str) -> object:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise LocalProtocolError(f"{name}: expected a JSON object of servers with epoch and seq")
    return found

"""Event streams as bytes: blocks, places, and what is asked for."""

from __future__ import annotations

from urllib.parse import quote

import orjson
import pytest

from amp.core.fanout.catchup import Position
from amp.core.http.event_stream import (
    EVENT_STREAM,
    end_block,
    head,
    heartbeat_at,
    placed,
    read_wish,
    unplaced,
)
from amp.core.http.message import Request
from amp.core.ws.selection import Subscription
from amp.errors import LocalProtocolError

EVENT = b'Event: Hangup\r\nChannel: "x\x1ey"\r\nProxyEpoch: e1\r\nProxySeq: 7'
GAP = b"Event: ProxyGap\r\nReason: slow client\r\nFrom: 3\r\nTo: 5\r\nProxyEpoch: e1\r\nProxySeq: 5"
LOST = b"Event: ProxyGap\r\nReason: unknown server\r\nFrom: 3\r\nProxyEpoch: e1"
OTHERS = {b"b": Position(b"e2", 9), b"c\xff": Position(b"e3", 0)}


def fields(block: bytes) -> dict[str, str]:
    lines = block.decode().removesuffix("\n\n").split("\n")
    return dict(line.split(": ", 1) for line in lines if line)


def test_an_event_says_where_its_client_stands_with_all_servers() -> None:
    data = EVENT_STREAM.write([EVENT, EVENT], b"a")
    first, second = placed(data, OTHERS).split(b"\n\n")[:2]
    assert first == second
    said = fields(first)
    assert orjson.loads(said["data"])["headers"]["Channel"] == '"x\x1ey"'
    assert orjson.loads(said["id"]) == {
        "a": {"epoch": "e1", "seq": 7},
        "b": {"epoch": "e2", "seq": 9},
        "c\ufffd": {"epoch": "e3", "seq": 0},
    }
    assert orjson.loads(fields(placed(EVENT_STREAM.write([EVENT], b"a"), {}))["id"]).keys() == {"a"}
    assert fields(unplaced(EVENT_STREAM.write([EVENT], b"a"))).keys() == {"data"}


def test_a_gap_is_an_event_of_its_own_type() -> None:
    said = fields(placed(EVENT_STREAM.write([GAP], b"a"), {}))
    assert said["event"] == "gap"
    assert orjson.loads(said["id"]) == {"a": {"epoch": "e1", "seq": 5}}
    assert orjson.loads(said["data"])["from"] == 3
    without = fields(EVENT_STREAM.write([LOST], b"a"))
    assert without.keys() == {"event", "data"}  # nobody can stand behind what there is not


def test_signs_of_life_say_where_one_stands() -> None:
    assert orjson.loads(fields(heartbeat_at(OTHERS).removeprefix(b":\n"))["id"]).keys() == {"b", "c\ufffd"}
    assert heartbeat_at({}) == b":\nid: {}\n\n"


def test_head_and_end() -> None:
    assert b"\r\nDate: now\r\n" in head(b"now")
    assert b"\r\nContent-Type: text/event-stream\r\n" in head(b"now")
    assert orjson.loads(fields(end_block("a\nb"))["data"]) == {"type": "end", "reason": "a\nb"}


def asked(query: str, *headers: tuple[bytes, bytes]) -> Request:
    return Request(method="GET", path="/api/v1/events", query=query.encode(), headers=headers)


def test_a_wish() -> None:
    everything = read_wish(asked(""))
    assert (everything.what, everything.since) == (Subscription(), None)
    since = quote('{"a":{"epoch":"e","seq":3}}')
    query = (
        f"servers=a*&servers=b,c&events=Hangup,New*&where=Channel:PJSIP/*&where=Channel:%20x&since={since}"
    )
    wish = read_wish(asked(query))
    assert wish.what == Subscription(
        frozenset((b"a*", b"b", b"c")),
        frozenset((b"hangup", b"new*")),
        frozenset(((b"channel", frozenset((b"PJSIP/*", b"x"))),)),
    )
    assert wish.since == {b"a": Position(b"e", 3)}
    again = read_wish(asked(query, (b"last-event-id", b'{"a":{"epoch":"e","seq":4}}')))
    assert again.since == {b"a": Position(b"e", 4)}  # a browser that comes again knows better


@pytest.mark.parametrize(
    ("query", "last_id", "words"),
    [
        ("server=a", b"", "server: unknown field; expected servers, events, where, since"),
        ("servers=", b"", "servers: expected a glob, got an empty string"),
        ("events=" + "*" * 9, b"", "events: expected a glob with at most 8 stars, got 9"),
        ("where=Channel", b"", "where: expected Header:glob"),
        ("where=:x", b"", "where: expected names of headers"),
        ("since=7", b"", "since: expected a JSON object of servers with epoch and seq"),
        ("since={", b"", "since: expected a JSON object of servers with epoch and seq"),
        ("since=%7B%22a%22:1%7D", b"", "since.a: expected an object with epoch and seq"),
        ("", b"7", "Last-Event-ID: expected a JSON object of servers with epoch and seq"),
        ("", b'{"a":{"epoch":"e","seq":-1}}', "since.a.seq: expected a whole number, 0 or more"),
        ("servers=%ff", b"", "expected a query of at most 256 fields in UTF-8"),
        ("&".join(["servers=a"] * 300), b"", "expected a query of at most 256 fields in UTF-8"),
        ("servers", b"", "expected a query of at most 256 fields in UTF-8"),
    ],
)
def test_what_is_wrong_with_a_wish_is_said(query: str, last_id: bytes, words: str) -> None:
    headers = [(b"last-event-id", last_id)] if last_id else []
    with pytest.raises(LocalProtocolError) as caught:
        read_wish(asked(query, *headers))
    assert str(caught.value) == words

"""What amp says, read."""

from __future__ import annotations

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.tail.messages import Answer, TailEvent, TailGap, read_message
from amp.core.ws.event_json import event_json
from amp.core.ws.formats import WEBSOCKET_FORMATS
from amp.core.ws.replies import done, failed
from amp.errors import RemoteProtocolError

EVENT = b"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/a-1\r\nVariable: a\r\nVariable: b"
PLACE = b"\r\nProxyEpoch: e1\r\nProxySeq: 7"
READ = TailEvent(
    "pbx1",
    "e1",
    7,
    "Newchannel",
    {"Event": "Newchannel", "Privilege": "call,all", "Channel": "PJSIP/a-1", "Variable": ["a", "b"]},
    (),
)


def test_an_event_as_amp_writes_it_and_back() -> None:
    text = event_json(EVENT + PLACE, b"pbx1").decode()
    assert read_message(text) == [READ]
    assert READ.as_object() == orjson.loads(text)


def test_lines_that_are_no_headers_and_the_rest_of_an_event() -> None:
    text = event_json(b"nothing\r\nX: y" + PLACE, b"pbx1").decode()
    assert read_message(text) == [TailEvent("pbx1", "e1", 7, None, {"X": "y"}, ("nothing",))]
    found = read_message(text)
    assert isinstance(found, list)
    (event,) = found
    assert orjson.loads(orjson.dumps(event.as_object())) == orjson.loads(text)


def test_events_that_share_a_message() -> None:
    (batched,) = (one for one in WEBSOCKET_FORMATS if one.name == "websocket-batch")
    message = batched.write([EVENT + PLACE, EVENT + PLACE[:-1] + b"8"], b"pbx1")[4:].decode()
    assert read_message(message) == [READ, READ._replace(seq=8)]


@pytest.mark.parametrize(
    ("lines", "gap"),
    [
        (
            b"From: 3\r\nTo: 9\r\nReason: slow client\r\nProxyEpoch: e\r\nProxySeq: 9",
            (3, 9, "slow client", 9),
        ),
        (b"Reason: unknown server\r\nProxyEpoch: e", (None, None, "unknown server", None)),
    ],
)
def test_gaps(lines: bytes, gap: tuple[int | None, int | None, str, int | None]) -> None:
    text = event_json(b"Event: ProxyGap\r\nPrivilege: <none>\r\n" + lines, b"s").decode()
    read = TailGap("s", "e", *gap)
    assert read_message(text) == [read]
    assert read.as_object() == orjson.loads(text)


def test_answers() -> None:
    read = read_message(done(4, positions={"a": 1}).decode())
    assert isinstance(read, Answer)
    assert (read.id, read.code, read.facts["positions"]) == (4, "", {"a": 1})
    read = read_message(failed("x", "not_permitted", "No").decode())
    assert isinstance(read, Answer)
    assert (read.id, read.code, read.message) == ("x", "not_permitted", "No")


def test_what_is_not_known_yet_is_passed_over() -> None:
    assert read_message('{"type":"snapshot"}') == []
    assert read_message("{}") == []


GOOD: dict[str, object] = {"server": "s", "epoch": "e", "seq": 1, "event": "E", "headers": {"A": ["b"]}}


@pytest.mark.parametrize(
    "found",
    [
        {"type": "event"},
        {"type": "event", **GOOD, "server": 1},
        {"type": "event", **GOOD, "seq": -1},
        {"type": "event", **GOOD, "seq": True},
        {"type": "event", **GOOD, "event": 1},
        {"type": "event", **GOOD, "headers": {"A": 1}},
        {"type": "event", **GOOD, "headers": {"A": [1]}},
        {"type": "event", **GOOD, "headers": []},
        {"type": "event", **GOOD, "unparsed": [1]},
        {"type": "event", **GOOD, "unparsed": 1},
        {"type": "events", "server": "s", "epoch": "e", "events": 1},
        {"type": "events", "server": "s", "epoch": "e", "events": [1]},
        {"type": "gap", "server": "s"},
        {"type": "response", "id": 1, "ok": False},
        {"type": "response", "id": 1, "ok": False, "error": 1},
        [],
    ],
)
def test_what_is_not_the_protocol_is_refused(found: object) -> None:
    with pytest.raises(RemoteProtocolError):
        read_message(orjson.dumps(found).decode())


@given(st.text())
def test_of_a_text_that_is_not_the_protocol_little_is_repeated(text: str) -> None:
    with suppress(RemoteProtocolError):
        assert read_message(text) == []
    with pytest.raises(RemoteProtocolError) as caught:
        read_message("x" + text)
    assert len(str(caught.value)) < 400

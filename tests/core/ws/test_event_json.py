"""Events as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.core.fanout.batch import Batch
from amp.core.fanout.gap import Gap, Reason
from amp.core.fanout.numbered import Numbered
from amp.core.ws.event_json import event_fragment, event_json, headers_object
from amp.core.ws.formats import WEBSOCKET_FORMATS, format_name
from amp.core.ws.framing import deflated_frame, text_frame


def numbered(*frames: bytes) -> Numbered:
    return Batch(b"pbx1", b"e0%c", 7, list(frames)).numbered


def shown(frame: bytes) -> dict[str, Any]:
    """The object of event number 7."""
    found = orjson.loads(event_json(numbered(frame)[0], b"pbx1"))
    assert isinstance(found, dict)
    return found


def test_an_event() -> None:
    assert shown(b"Event: Hangup\r\nChannel: PJSIP/a-1\r\nAccountCode: \r\nX: a: b") == {
        "type": "event", "server": "pbx1", "epoch": "e0%c", "seq": 7, "event": "Hangup",
        "headers": {"Event": "Hangup", "Channel": "PJSIP/a-1", "AccountCode": "", "X": "a: b"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "headers", "unparsed"),
    [
        (b"A: 1\r\nA: 2\r\na: 3", {"A": ["1", "2"], "a": "3"}, []),
        (b"A:1: 2\r\nB: 3", {"A": "1: 2", "B": "3"}, []),
        (b"A:\t1\r\nB:   2\r\nC: \t3", {"A": "1", "B": "2", "C": "3"}, []),
        (b"no header\r\nA: 1", {"A": "1"}, ["no header"]),
        (b": nameless", {}, [": nameless"]),
        (b"A: 1\nB: 2\r\nC: 3", {"A": "1", "B": "2", "C": "3"}, []),
        (b"A: \xff\xc3\xa9", {"A": "�é"}, []),
        (b'A: "\\\x01', {"A": '"\\\x01'}, []),
    ],
)
def test_odd_lines(lines: bytes, headers: dict[str, object], unparsed: list[str]) -> None:
    assert headers_object(lines) == (headers, unparsed)
    event = shown(b"Event: X\r\n" + lines)
    assert event["headers"] == {"Event": "X", **headers}
    assert event.get("unparsed", []) == unparsed


def test_recorded_events_are_what_a_parser_finds() -> None:
    """Most are written by replacing separators, the others by taking them apart: nobody can tell which."""
    recording = Path(__file__).parents[2] / "captures" / "asterisk-22" / "stream-20calls.s2c.bin"
    frames = [one for one in recording.read_bytes().split(b"\r\n\r\n") if one.startswith(b"Event: ")]
    assert len(frames) > 6000
    for frame in frames:
        assert shown(frame)["headers"] == headers_object(frame)[0]


@given(st.lists(st.text(alphabet='aB:, \t"\\\r\né\x01{}', max_size=12), min_size=1, max_size=5))
def test_no_line_can_pose_as_something_else(lines: list[str]) -> None:
    frame = "\r\n".join(["Event: X", *lines]).encode()
    headers, unparsed = headers_object(frame)
    event = shown(frame)
    assert (event["headers"], event.get("unparsed", [])) == (headers, unparsed)


def test_an_event_named_twice_and_the_rest_of_one() -> None:
    assert shown(b"Event: X\r\nEvent: Y")["event"] == "X"
    rest = shown(b"the rest\r\nof: a value")
    assert (rest["event"], rest["headers"], rest["unparsed"]) == (None, {"of": "a value"}, ["the rest"])


def test_numbers_of_their_own_are_no_numbers() -> None:
    """What a server says of epochs and numbers is a header like any other; ours come last."""
    event = shown(b"Event: UserEvent\r\nProxyEpoch: evil\r\nProxySeq: 99")
    assert (event["epoch"], event["seq"]) == ("e0%c", 7)
    assert event["headers"]["ProxySeq"] == "99"


@given(st.binary(max_size=200).map(lambda data: b"Event: X\r\n" + data.replace(b"\r\n\r\n", b"")))
def test_anything_is_json_and_says_what_a_parser_finds(frame: bytes) -> None:
    event = shown(frame)
    names = {name.decode("utf-8", "replace") for name, _ in Frame.parse(frame).headers if name}
    assert event["seq"] == 7
    assert {name.strip("\r\n") for name in event["headers"]} >= {name for name in names if name.isalnum()}


def test_gaps() -> None:
    gap = Gap(b"pbx1", b"e0", 3, 9, Reason.SLOW, 9)
    assert orjson.loads(event_json(gap.frame, b"pbx1")) == {
        "type": "gap", "server": "pbx1", "epoch": "e0", "from": 3, "to": 9, "reason": "slow client", "seq": 9,
    }  # fmt: skip
    unknown = Gap(b"pbx1", b"e0", 3, None, Reason.UNKNOWN_SERVER, None)
    found = orjson.loads(event_json(unknown.frame, b"pbx1"))
    assert (found["from"], found["to"], found["seq"]) == (3, None, None)
    (lost,) = numbered(b"Event: ProxyGap\r\nPrivilege: <none>\r\nReason: server lost\r\nEpoch: e0")
    found = orjson.loads(event_json(lost, b"pbx1"))
    assert (found["reason"], found["epoch"], found["seq"]) == ("server lost", "e0%c", 7)


def test_the_four_formats() -> None:
    frames = numbered(
        b"Event: A\r\nX: 1", b"Event: ProxyGap\r\nReason: server lost", b"Event: B", b"Event: C"
    )
    formats = {one.name: one for one in WEBSOCKET_FORMATS}
    one, gap, two, three = (event_json(frame, b"pbx1") for frame in frames)
    together = [together_of(frames[:1]), together_of(frames[2:])]
    for deflate, framed in ((False, text_frame), (True, deflated_frame)):
        single = formats[format_name(deflate=deflate, batch=False)]
        assert single.write(frames, b"pbx1") == b"".join(map(framed, (one, gap, two, three)))
        batched = formats[format_name(deflate=deflate, batch=True)]
        expected = (together[0], gap, together[1])
        assert batched.write(frames, b"pbx1") == b"".join(map(framed, expected))
        alone = batched.write(numbered(b"Event: D"), b"pbx1"), single.write(list(frames[2:]), b"pbx1")
        assert alone == (framed(together_of(numbered(b"Event: D"))), b"".join(map(framed, (two, three))))
    assert orjson.loads(together[1])["events"][1]["seq"] == 10


def together_of(frames: Sequence[bytes]) -> bytes:
    events = b",".join(map(event_fragment, frames))
    return b'{"type":"events","server":"pbx1","epoch":"e0%%c","events":[%s]}' % events

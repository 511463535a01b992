"""Answers of amp.v1."""

from __future__ import annotations

import json
from typing import Any

import pytest

from amp.core.fanout.catchup import Position
from amp.core.voipmonitor.action import sniffer_error, sniffer_reply
from amp.core.ws.close_codes import code_for
from amp.core.ws.replies import action_done, command_done, done, failed, item, positions_object

LIST = (
    b"Response: Success\r\nEventList: start\r\nServer: pbx1",
    b"Event: Item\r\nVariable: a=1\r\nVariable: b=2\r\nServer: pbx1",
    b"Event: ItemsComplete\r\nEventList: Complete\r\nServer: pbx1",
)


def load(data: bytes) -> dict[str, Any]:
    found = json.loads(data)
    assert isinstance(found, dict)
    return found


def test_plain_ones() -> None:
    assert load(done("x", user="u")) == {"type": "response", "id": "x", "ok": True, "user": "u"}
    assert load(failed(1.5, "timeout", "why")) == {
        "type": "response", "id": 1.5, "ok": False, "error": {"code": "timeout", "message": "why"},
    }  # fmt: skip
    assert load(item(1, b"Event: A\r\nX: 1")) == {
        "type": "item", "id": 1, "headers": {"Event": "A", "X": "1"},
    }  # fmt: skip
    positions = {b"pbx1": Position(b"e", 4)}
    assert positions_object(positions) == {"pbx1": {"epoch": "e", "seq": 4}}


def test_a_list_gathered_and_streamed() -> None:
    whole = load(action_done(1, LIST, streamed=False))
    assert (whole["ok"], whole["server"], whole["complete"]) == (True, "pbx1", True)
    assert whole["response"] == {"Response": "Success", "EventList": "start", "Server": "pbx1"}
    assert [event["Event"] for event in whole["events"]] == ["Item", "ItemsComplete"]
    assert whole["events"][0]["Variable"] == ["a=1", "b=2"]
    assert "events" not in load(action_done(1, LIST[:1], streamed=True))


def test_what_the_server_says_is_an_answer() -> None:
    found = load(
        action_done(1, [b"Response: Error\r\nMessage: No such channel\r\nServer: a"], streamed=False)
    )
    assert (found["ok"], found["response"]["Response"]) == (True, "Error")


def test_lines_that_are_no_headers_stand_beside_them() -> None:
    frames = [b"Response: Success\r\nunparsed: 1\r\nodd", b"Event: X\r\nodder"]
    whole = load(action_done(1, frames, streamed=False))
    assert (whole["response"]["unparsed"], whole["unparsed"]) == ("1", ["odd", "odder"])
    assert load(action_done(1, frames, streamed=True))["unparsed"] == ["odd"]
    assert load(item(1, frames[1])) == {
        "type": "item", "id": 1, "headers": {"Event": "X"}, "unparsed": ["odder"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("message", "server", "code"),
    [
        ("Permission denied", "", "not_permitted"),
        ("Not sent: no server named x", "", "unknown_server"),
        ("Not sent: server a is down (refused)", "a", "server_down"),
        ("Not sent: 1000 actions are waiting", "a", "not_sent"),
        ("Outcome unknown: server a was lost", "a", "outcome_unknown"),
        ("Invalid/unknown command: X", "", "bad_request"),
        ("Missing action in request", "", "bad_request"),
        ("Authentication failed", "", "login_failed"),
    ],
)
def test_what_amp_says_is_an_error(message: str, server: str, code: str) -> None:
    frame = f"Response: Error\r\nMessage: {message}" + (f"\r\nServer: {server}" if server else "")
    found = load(action_done(1, [frame.encode()], streamed=False))
    assert found["error"] == {"code": code, "message": message}
    assert found.get("server", "") == server
    assert found["response"]["Message"] == message


def test_a_list_that_was_cut() -> None:
    end = b"Event: ProxyListError\r\nEventList: Cancelled\r\nMessage: Outcome unknown: lost\r\nServer: pbx1"
    found = load(action_done(1, [*LIST[:2], end], streamed=False))
    assert found["error"] == {"code": "outcome_unknown", "message": "Outcome unknown: lost"}


def test_a_sniffers_output() -> None:
    text = sniffer_reply(b"", b"one\ntwo", "s1").removesuffix(b"\r\n\r\n")
    assert load(command_done(1, [text])) == {
        "type": "response", "id": 1, "ok": True, "server": "s1", "output": "one\ntwo",
    }  # fmt: skip
    data = sniffer_reply(b"", bytes(range(256)), "s1").removesuffix(b"\r\n\r\n")
    assert load(command_done(1, [data]))["output_base64"].startswith("AAECAwQ")
    refused = sniffer_error(b"", "Not sent: no sniffer named x", "").removesuffix(b"\r\n\r\n")
    told = load(command_done(1, [refused]))
    assert told["error"]["code"] == "unknown_server"
    assert "server" not in told
    odd = sniffer_error(b"", "Something else", "s1").removesuffix(b"\r\n\r\n")
    told = load(command_done(1, [odd]))
    assert told["error"] == {"code": "not_sent", "message": "Something else"}
    assert told["server"] == "s1"


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("proxy shutting down", 1001), ("logged off: user removed", 1001), ("login timeout", 1008),
        ("authentication failed", 1008), ("server a lost", 4001), ("internal error", 1011),
        ("logoff", 1000), ("too slow: more than 1 bytes waiting", 4000),
    ],
)  # fmt: skip
def test_close_codes(reason: str, code: int) -> None:
    assert code_for(reason) == code

"""Actions of the API as values."""

from __future__ import annotations

import pytest

from amp.core.ami.frame import Frame
from amp.core.api.actions import answers, read_action
from amp.errors import LocalProtocolError


def test_numbers_and_lists_become_headers_in_order() -> None:
    action = read_action({"Variable": ["a=1", "b=2"], "action": "Originate", "Priority": 1})
    assert action == Frame.of(
        ("Action", "Originate"), ("Variable", "a=1"), ("Variable", "b=2"), ("Priority", "1")
    )


def test_a_proxy_action_needs_no_action_as_on_tcp() -> None:
    assert read_action({"Key": "x", "proxyaction": "ListServers"}) == Frame.of(
        ("ProxyAction", "ListServers"), ("Key", "x")
    )
    assert read_action({"ProxyAction": "x", "Action": "Ping"}) == Frame.of(
        ("Action", "Ping"), ("ProxyAction", "x")
    )


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ({}, "Action among them"),
        ({"Action": " "}, "Action among them"),
        ({"Action": " ", "ProxyAction": "ListServers"}, "Action among them"),
        ({"Action": 7}, "Action among them"),
        ({"Action": "LOGIN"}, "signs in by itself"),
        ({"Action": "Ping", "X": True}, r"action\.X: expected a string"),
        ({"Action": "Ping", "X": ["a", None]}, r"action\.X: expected a string"),
        ({"Action": "Ping", "X": "a\r\nAction: Logoff"}, "CR"),
    ],
)
def test_what_is_no_action_is_refused(found: dict[str, object], problem: str) -> None:
    with pytest.raises(LocalProtocolError, match=problem):
        read_action(found)


def test_headers_that_repeat_are_lists_and_lines_that_are_none_are_kept_beside_them() -> None:
    """A header that is called as the list of such lines is nothing special."""
    (answer,) = answers(
        (b"Response: Success\r\nunparsed: 1\r\nServer: a", b"Event: X\r\nA: 1\r\nA: 2\r\nodd\r\nServer: a")
    )
    assert answer["response"] == {"Response": "Success", "unparsed": "1"}
    assert answer["events"] == [{"Event": "X", "A": ["1", "2"]}]
    assert answer["unparsed"] == ["odd"]


def test_a_server_of_several_that_was_not_asked_has_an_error() -> None:
    frames = (
        b"Response: Success\r\nServer: a",
        b"Response: Error\r\nMessage: Not sent: server b is down\r\nServer: b",
        b"Event: ProxyFanoutComplete\r\nEventList: Complete\r\nAnswers: 1\r\nErrors: 0\r\nMissing: 1",
    )
    up, down = answers(frames)
    assert up == {
        "server": "a", "response": {"Response": "Success"}, "events": [], "complete": True, "error": None
    }  # fmt: skip
    assert down["error"] == {"code": "server_down", "message": "Not sent: server b is down"}
    assert not down["complete"]

"""Requests of amp.v1: what is understood, and what is said of everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.core.fanout.catchup import Position
from amp.core.ws.requests import (
    Act,
    BadRequest,
    Login,
    Ping,
    Request,
    Subscribe,
    Unsubscribe,
    read_request,
)
from amp.core.ws.selection import Subscription

NOTHING = Subscription()


def read(**fields: object) -> Request | BadRequest:
    return read_request(json.dumps({"id": 7, **fields}))


@pytest.mark.parametrize(
    ("fields", "request_"),
    [
        ({"type": "ping", "id": "x"}, Ping("x")),
        ({"type": "login", "username": "u", "secret": "s"}, Login(7, "u", "s")),
        ({"type": "subscribe"}, Subscribe(7, "", NOTHING, None, batch=False)),
        ({"type": "unsubscribe", "sub": "a"}, Unsubscribe(7, "a")),
        (
            {
                "type": "subscribe", "sub": "a", "servers": ["pbx*", "s1"], "events": "New*", "batch": True,
                "where": {"Channel": ["PJSIP/*"], "Context": "x"},
                "since": {"pbx1": {"epoch": "e", "seq": 3}},
            },
            Subscribe(
                7, "a",
                Subscription(
                    frozenset((b"pbx*", b"s1")), frozenset((b"new*",)),
                    frozenset(
                        ((b"channel", frozenset((b"PJSIP/*",))), (b"context", frozenset((b"x",))))
                    ),
                ),
                {b"pbx1": Position(b"e", 3)}, batch=True,
            ),
        ),
        (
            {"type": "action", "action": {"Server": "a", "aCTION": "Ping", "Variable": ["a=1", 2]}},
            Act(
                7, Frame.of(("Action", "Ping"), ("Server", "a"), ("Variable", "a=1"), ("Variable", "2")),
                "action", stream=False,
            ),
        ),
        (
            {"type": "command", "server": "s1", "command": "listcalls"},
            Act(
                7, Frame.of(("Action", "SnifferCommand"), ("Server", "s1"), ("Command", "listcalls")),
                "command", stream=False,
            ),
        ),
    ],
)  # fmt: skip
def test_what_is_understood(fields: dict[str, Any], request_: Request) -> None:
    assert read(**fields) == request_


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("", "expected one JSON object"),
        ("[1]", "expected one JSON object"),
        ('{"id": 1} {}', "expected one JSON object"),
        ('{"type": "ping"}', "id: expected a number, or a string of at most 256 characters"),
        ('{"id": true, "type": "ping"}', "id: expected a number, or a string of at most 256 characters"),
        ('{"id": "%s"}' % ("x" * 257), "id: expected a number, or a string of at most 256 characters"),
    ],
)
def test_what_has_no_usable_id(message: str, why: str) -> None:
    assert read_request(message) == BadRequest(None, why)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "type: expected one of login, subscribe, unsubscribe, action, command, ping"),
        ({"type": ["ping"]}, "type: expected one of login, subscribe, unsubscribe, action, command, ping"),
        ({"type": "ping", "pong": 1}, "pong: unknown field"),
        ({"type": "login", "username": "u"}, "secret: expected a string"),
        ({"type": "login", "username": "u" * 513, "secret": ""},
         "username: expected at most 512 characters, got 513"),
        ({"type": "subscribe", "evnts": "x"}, "evnts: unknown field"),
        ({"type": "subscribe", "events": 1}, "events: expected a glob or a list of globs"),
        ({"type": "subscribe", "events": [""]}, "events: expected a glob, got an empty string"),
        ({"type": "subscribe", "servers": ["x"] * 65}, "servers: expected at most 64 globs, got 65"),
        ({"type": "subscribe", "batch": 1}, "batch: expected true or false"),
        ({"type": "subscribe", "where": []}, "where: expected an object"),
        ({"type": "subscribe", "where": {"a:b": "x"}}, "where: expected names of headers"),
        ({"type": "subscribe", "where": {"Channel": None}},
         "where.Channel: expected a glob or a list of globs"),
        ({"type": "subscribe", "where": {str(n): "x" for n in range(9)}},
         "where: expected at most 8 headers, got 9"),
        ({"type": "subscribe", "since": {"a": 1}}, "since.a: expected an object with epoch and seq"),
        ({"type": "subscribe", "where": {"Channel": ["?" * 100, "a"]}},
         "expected globs of at most 100 parts in all, got 102"),
        *(({"type": "subscribe", "since": {"a": {"epoch": epoch, "seq": 1}}},
           "since.a.epoch: expected letters and digits") for epoch in ("", 'e"', "e\n\ndata: x", "\xe9")),
        ({"type": "subscribe", "since": {"a": {"epoch": "e"}}},
         "since.a.seq: expected a whole number, 0 or more"),
        ({"type": "subscribe", "since": {"a": {"epoch": "e", "seq": -1}}},
         "since.a.seq: expected a whole number, 0 or more"),
        ({"type": "subscribe", "since": {"a": {"epoch": "e", "seq": 1, "x": 1}}}, "since.a.x: unknown field"),
        ({"type": "action"}, "action: expected an object with the headers of an action, Action among them"),
        ({"type": "action", "action": {"Action": ""}},
         "action: expected an object with the headers of an action, Action among them"),
        ({"type": "action", "action": {"Action": " Login "}},
         "action.Action: to sign in, send a request of type login"),
        ({"type": "action", "action": {"Action": "Ping", "X": {}}},
         "action.X: expected a string, a whole number, or a list of such"),
        ({"type": "action", "action": {"Action": "Ping", "X": True}},
         "action.X: expected a string, a whole number, or a list of such"),
        ({"type": "command", "server": "s1"}, "command: expected a string"),
    ],
)  # fmt: skip
def test_what_is_said_of_everything_else(fields: dict[str, Any], why: str) -> None:
    assert read(**fields) == BadRequest(7, why)


@pytest.mark.parametrize("bad", ["a\r\nAction: Originate", "a\nb", "a\0b"])
def test_lines_cannot_be_smuggled_in(bad: str) -> None:
    for fields in (
        {"type": "action", "action": {"Action": bad}},
        {"type": "action", "action": {"Action": "Ping", bad: "x"}},
        {"type": "action", "action": {"Action": "Ping", "X": [bad]}},
        {"type": "command", "server": bad, "command": "x"},
        {"type": "command", "server": "s1", "command": bad},
    ):
        found = read(**fields)
        assert isinstance(found, BadRequest)
        assert found.message.startswith(f"{fields['type']}: expected no CR, LF or NUL in ")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(("id", "type", "action", "Action", "since", "where")), inner)
        ),
        max_leaves=12,
    ),
    st.sampled_from(("login", "subscribe", "unsubscribe", "action", "command", "ping")),
)
def test_no_message_does_harm(value: object, kind: str) -> None:
    read_request(json.dumps(value))
    read_request(json.dumps({"id": 1, "type": kind, "action": value, "since": value, "where": value}))

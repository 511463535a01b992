"""What the control socket understands, and what it says to everything else."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.console.replies import CLOSING, OPENING, done, failed, is_done, rows
from amp.core.console.requests import Kill, Pause, Reconnect, Reload, Request, Resume, Show, read_request
from amp.errors import RemoteProtocolError


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (b'{"command":"show","what":"servers"}', Show("servers")),
        (b'{"command":"show","what":"stats"}\n', Show("stats")),
        (b'{"command":"pause","server":"pbx1"}', Pause("pbx1")),
        (b'{"server":"pbx1","command":"resume"}', Resume("pbx1")),
        (b' {"command":"reconnect","server":"a b"}\r\n', Reconnect("a b")),
        (b'{"command":"kill","client":7}', Kill(7)),
        (b'{"command":"reload"}', Reload()),
    ],
)
def test_requests(line: bytes, request_: Request) -> None:
    assert read_request(line) == request_


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (b"", "expected {\"command\": ...} in one line, got b''"),
        (b"show servers" + b"x" * 99, "in one line, got b'show servers" + "x" * 28 + "'"),
        (b"[]", "expected an object with command"),
        (b"{}", "command: expected one of show, pause, resume, reconnect, kill, reload, got nothing"),
        (b'{"command":["show"]}', "got ['show']"),
        (b'{"command":"shutdown"}', "got 'shutdown'"),
        (b'{"command":"show"}', "what: expected one of servers, clients, sessions, stats, got nothing"),
        (b'{"command":"show","what":["servers"]}', "got ['servers']"),
        (b'{"command":"pause","server":""}', "server: expected its name, got ''"),
        (b'{"command":"pause","server":3}', "server: expected its name, got 3"),
        (b'{"command":"kill","client":true}', "client: expected its number, got True"),
        (b'{"command":"kill","client":0}', "client: expected its number, got 0"),
        (b'{"command":"kill","client":"7"}', "client: expected its number, got '7'"),
        (b'{"command":"show","what":' + b"[" * 1000 + b"]" * 1000 + b"}", "got [[[[[["),
        (b'{"command":"reload","now":1}', "reload: no such argument: 'now'"),
        (b'{"command":"reload"}{"command":"reload"}', "in one line"),
        (b"\xff\xfe", "in one line"),
    ],
)
def test_everything_else_is_told_what_was_expected(line: bytes, hint: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_request(line)
    assert hint in caught.value.reply_hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda of: st.lists(of) | st.dictionaries(st.text(), of),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_garbage_is_a_request_or_a_protocol_error(line: bytes) -> None:
    told = ""
    try:
        read_request(line)
    except RemoteProtocolError as error:
        told = error.reply_hint
    assert len(told) < 200


def test_replies_are_one_line_each() -> None:
    """Whatever a name holds."""
    assert orjson.loads(done(pending=3)) == {"ok": True, "pending": 3}
    assert orjson.loads(failed("unknown_server", "no\nx")) == {
        "ok": False,
        "error": {"code": "unknown_server", "message": "no\nx"},
    }
    assert orjson.loads(failed("refused", "no", ["a", "b"]))["error"]["problems"] == ["a", "b"]
    some: list[list[dict[str, object]]] = [[{"n": 1}, {"n": 2}], [{"n": "\n"}]]
    whole = OPENING + b",".join(map(rows, some)) + CLOSING
    assert orjson.loads(whole) == {"ok": True, "rows": [{"n": 1}, {"n": 2}, {"n": "\n"}]}
    assert all(
        line.count(b"\n") == 1 and line.endswith(b"\n")
        for line in (whole, done(a="\n"), failed("failed", "\n"))
    )
    assert is_done(whole)
    assert is_done(done())
    assert not is_done(failed("failed", "no"))

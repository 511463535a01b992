"""What a wire trace shows: headers, and never a secret, however the stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from amp.core.wire_trace import HIDDEN, LONGEST_LINE, LineTrace
from replay import chunks

CANARY = b"tr0ub4dor-9f"


def shown(data: bytes, *, brief: bool = False) -> list[str]:
    return LineTrace(brief).take(data)


def test_headers_are_shown_as_they_are() -> None:
    data = b"Action: Originate\r\nActionID: 7\r\nChannel: SIP/1\r\nX-Odd_Name:no blank\r\n\r\n"
    assert shown(data) == ["Action: Originate", "ActionID: 7", "Channel: SIP/1", "X-Odd_Name: no blank"]


@pytest.mark.parametrize(
    "line",
    [
        b"Secret: %s", b"SECRET:%s", b"Key: %s", b"ProxyKey: %s", b"Authorization: Basic %s", b"Cookie: a=%s",
        b"Set-Cookie: mansession_id=%s", b"Password: %s", b"Variable: PIN=%s", b"X-Api-Token: %s",
        b"Line-000001-000003: secret=%s", b"Value-000000: remotesecret>%s", b"Referer: /?Secret=%s",
        b"Sec-WebSocket-Protocol: %s",
    ],
)  # fmt: skip
def test_secrets_are_hidden_by_name_and_by_value(line: bytes) -> None:
    (text,) = shown(line % CANARY + b"\r\n")
    assert text.endswith(f": {HIDDEN}")
    assert CANARY.decode() not in text


@pytest.mark.parametrize(
    "line",
    [
        b"GET /?Action=Login&Secret=%s HTTP/1.1", b"GET /%s?secret=x HTTP/2", b"Action=Login&Secret=%s",
        b'<Secret Value="%s"/>', b'{"secret": "%s"}', b'"secret": "%s"', b" Secret: %s", b"Secret : %s",
        b"Se\0cret: %s", b"\x81\x85%s", b"--END %s", b"Basic %s",
    ],
)  # fmt: skip
def test_what_is_no_header_is_not_shown_at_all(line: bytes) -> None:
    (text,) = shown(line % CANARY + b"\n")
    assert CANARY.decode() not in text


def test_a_request_is_shown_without_what_it_asks() -> None:
    assert shown(b"GET http://steve:s3@cret@amp/rawman HTTP/1.1\r\n") == ["GET http://amp/rawman"]
    assert shown(b"GET /rawman?action=login&secret=x HTTP/1.1\r\nHost: amp\r\n") == [
        "GET /rawman",
        "Host: amp",
    ]


def test_the_greeting_and_lengths() -> None:
    data = b"Asterisk Call Manager/11.0.0\r\n\r\nraw output\r\n"
    assert shown(data) == ["Asterisk Call Manager/11.0.0", "<10 bytes>"]


def test_a_long_line_is_cut_and_never_kept() -> None:
    trace = LineTrace()
    assert trace.take(b"A: " + b"x" * 100_000) == []
    assert trace.take(b"x" * 50_000) == []
    (text,) = trace.take(b"\r\n")
    assert text == "A: " + "x" * (LONGEST_LINE - 3) + f"... ({150_003 - LONGEST_LINE} bytes more)"
    assert trace.take(b"Asterisk Call Manager" + b"-" * 3000 + b"\n") == ["<3021 bytes>"]


def test_what_steers_a_terminal_is_written_out() -> None:
    assert shown(b"A: \x1b[2J\xff\r\n") == ["A: \\x1b[2J\\xff"]


def test_in_brief_who_asked_what_and_the_answer() -> None:
    data = b"Action: Login\r\nUsername: u\r\nSecret: s\r\n\r\nEvent: Hangup\r\nChannel: x\r\n\r\nraw\r\n"
    assert shown(data + b"Response: Error\r\nMessage: no secret\r\n", brief=True) == [
        "Action: Login",
        "Response: Error",
        f"Message: {HIDDEN}",
    ]


def test_in_brief_nothing_of_events() -> None:
    event = b"Event: Hangup\r\nMessage: m\r\nServer: pbx1\r\n\r\n"
    assert shown(event + event + b"Response: Success\r\nServer: pbx1\r\n\r\n" + event, brief=True) == [
        "Response: Success",
        "Server: pbx1",
    ]
    action = b"Action: QueueLog\r\nQueue: q\r\nEvent: X\r\nActionID: 7\r\n\r\n"
    assert shown(action, brief=True) == ["Action: QueueLog", "ActionID: 7"]


@given(
    st.lists(
        strategies.garbage | st.sampled_from([b"\r\n", b"\n", b"Secret: ", b"A: ", CANARY]), max_size=12
    ),
    strategies.cuts,
    st.booleans(),
)
def test_cuts_change_nothing(pieces: list[bytes], cuts: list[int], brief: bool) -> None:
    """Whatever comes: printable lines, the same for any chunking."""
    data = b"".join(pieces) + b"\r\n"
    whole, trace = shown(data, brief=brief), LineTrace(brief)
    assert [line for piece in chunks(data, cuts) for line in trace.take(piece)] == whole
    assert all(line.isprintable() for line in whole)


@given(strategies.cuts)
def test_no_cut_lets_a_secret_out(cuts: list[int]) -> None:
    data = b"Action: Login\r\nSecret: " + CANARY + b"\r\nKey: " + CANARY + b"\r\n\r\n"
    trace = LineTrace()
    assert CANARY.decode() not in " ".join(line for piece in chunks(data, cuts) for line in trace.take(piece))

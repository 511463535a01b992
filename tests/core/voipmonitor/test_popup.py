"""The stream of login_screen_popup."""

from __future__ import annotations

import pytest
from hypothesis import given

import strategies
from amp.core.voipmonitor.popup import PopupLine, PopupReader
from amp.errors import RemoteProtocolError
from replay import chunks
from sniffer_recordings import recording


@given(strategies.cuts)
def test_a_recorded_stream_in_any_chunking(cuts: list[int]) -> None:
    """login_ok, pings, and a call_data for 180 and 200, each with a filler line that is dropped."""
    reader = PopupReader()
    received = recording("plain-login_screen_popup-ok-call").received
    lines = [line for piece in chunks(received, cuts) for line in reader.feed(piece)]
    assert lines[0].kind == "login_ok"
    assert lines[0].fields["args_or_url"] == "https://crm.example/?caller=%caller%"
    calls = [line.fields for line in lines if line.kind == "call_data"]
    assert [call["sipresponse"] for call in calls] == ["180", "200"]
    assert calls[0]["callername"] == "Lab User 1"
    assert calls[0]["fields"] == ""
    assert {line.kind for line in lines} == {"login_ok", "call_data", "ping"}


def test_a_refused_login() -> None:
    (line,) = PopupReader().feed(recording("plain-login_screen_popup-bad").received)
    assert line == PopupLine("login_failed", {"error": "Invalid user or password."})


def test_a_value_may_hold_brackets() -> None:
    (line,) = PopupReader().feed(b"call_data: callername:[[a]] b]] caller:[[4001]]\n")
    assert line.fields == {"callername": "a]] b", "caller": "4001"}


def test_a_line_without_end_is_refused() -> None:
    reader = PopupReader()
    with pytest.raises(RemoteProtocolError, match="over 65536 bytes"):
        reader.feed(b"x" * 65537)


@pytest.mark.parametrize(
    ("text", "count"), [(b"a", 0), (b"a:[[", 1), (b"a:[[]]x", 1), (b"b]] ", 0), (b"a:[[x]] ", 1)]
)
def test_a_line_as_long_as_can_be_is_read_in_time(text: bytes, count: int) -> None:
    """Each letter is looked at a few times; looking at the rest from each of them takes minutes."""
    line = b"call_data: " + text * (65_000 // len(text)) + b"]]"
    assert [len(found.fields) for found in PopupReader().feed(line + b"\n")] == [count]


def test_what_has_no_name_or_no_end_is_no_field() -> None:
    (line,) = PopupReader().feed(b"call_data: 1x:[[a]] caller:[[4001]] called:[[70\n")
    assert line.fields == {"caller": "4001"}

"""Forms: split first, decoded then."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.core.ami.framing import END_OF_STREAM, NEED_DATA, BadAction
from amp.core.formats.assembly import BAD_NAME, BAD_VALUE
from amp.core.formats.http_form import FormReader
from replay import chunks
from strategies import actions, cuts

TOO_LONG = b"Failed to parse message: line too long"


def read(data: bytes, at: list[int] | None = None) -> Frame | BadAction | None:
    reader = FormReader(1022, 128)
    for piece in chunks(data, at or []):
        reader.receive_data(piece)
        assert reader.next_event() is NEED_DATA
    reader.receive_data(b"")
    event = reader.next_event()
    assert reader.next_event() is END_OF_STREAM
    return event if isinstance(event, Frame | BadAction) else None


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (b"Action=Ping&ActionID=Foo", [(b"Action", b"Ping"), (b"ActionID", b"Foo")]),
        (b"ActionID=Foo&Action=Ping", [(b"Action", b"Ping"), (b"ActionID", b"Foo")]),
        (b"&&Action=Ping&", [(b"Action", b"Ping")]),
        (b"Action=a+b%2Bc", [(b"Action", b"a b+c")]),
        (b"Action=X&V=a%26Action%3DOriginate", [(b"Action", b"X"), (b"V", b"a&Action=Originate")]),
        (
            b"Action=X&Variable=A%3D1&Variable=B=2",
            [(b"Action", b"X"), (b"Variable", b"A=1"), (b"Variable", b"B=2")],
        ),
        (b"Action=X&V=%&W=%zz&Y=%4", [(b"Action", b"X"), (b"V", b"%"), (b"W", b"%zz"), (b"Y", b"%4")]),
        (b"Action=X&V=%2541", [(b"Action", b"X"), (b"V", b"%41")]),
        (b"Action=X&V=%ff%C3%a9", [(b"Action", b"X"), (b"V", b"\xff\xc3\xa9")]),
        (b"Action=X&Flag", [(b"Action", b"X"), (b"Flag", b"")]),
        (b"%41ction=X", [(b"Action", b"X")]),
    ],
)
def test_fields(data: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    event = read(data)
    assert isinstance(event, Frame)
    assert list(event.headers) == headers


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"Action=X&V=a%0D%0AAction:%20Originate", BAD_VALUE),
        (b"Action=X&V=a%0a%0aAction:%20Originate", BAD_VALUE),
        (b"Action=X&V=%00", BAD_VALUE),
        (b"Action=X&V=a\r\nb", BAD_VALUE),
        (b"Action=X&V%0D%0AAction:%20Originate=1", BAD_NAME),
        (b"Action=X&V:%20=1", BAD_NAME),
        (b"Action=X&V%3A=1", BAD_NAME),
        (b"Action=X&=1", BAD_NAME),
        (b"Action=X&%C3%A9=1", BAD_NAME),
        (b"Action=X&V=" + b"x" * 1020, TOO_LONG),
        (b"Action=X&" + b"V=1&" * 128, b"Too many lines in message or allocation failure"),
        (b"V=1", b"Missing action in request"),
    ],
)
def test_what_is_refused(data: bytes, why: bytes) -> None:
    assert read(data) == BadAction(why, None)
    assert read(b"ActionID=7&" + data) == BadAction(why, b"7")


def test_an_empty_form_is_nothing() -> None:
    assert read(b"") is None
    assert read(b"&&") is None


def test_the_whole_is_bounded() -> None:
    reader = FormReader(1022, 128)
    for _ in range(10_000):
        reader.receive_data(b"x" * 1000)
        assert sum(map(len, reader._received)) < 400_000
    reader.receive_data(b"")
    assert reader.next_event() == BadAction(TOO_LONG, None)
    assert reader.next_event() is END_OF_STREAM


@given(actions(), cuts)
def test_round_trip_in_any_chunking(frame: Frame, at: list[int]) -> None:
    named = [(b"N%d" % i if name not in (b"Action", b"ActionID") else name, v) for i, (name, v) in
             enumerate(frame.headers)]  # fmt: skip
    event = read(urlencode(named).encode(), at)
    assert isinstance(event, Frame)
    assert list(event.headers) == named


@given(st.binary(max_size=200) | st.text("Action=&+%0DA:12 \r\n", max_size=80).map(str.encode), cuts)
def test_garbage(data: bytes, at: list[int]) -> None:
    event = read(data, at)
    assert event == read(data)
    if isinstance(event, Frame):
        assert not any(set(value) & set(b"\r\n\0") for _, value in event.headers)

"""Frames: ordered, immutable, never in the way of odd bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame, FrameKind, encode, join_lines
from amp.errors import LocalProtocolError


def test_parse_keeps_order_case_and_repeats() -> None:
    frame = Frame.parse(b"Event: X\r\nvariable:  a\r\nVariable: b \nno colon\r\n:nameless\r\n")
    assert frame.headers == (
        (b"Event", b"X"),
        (b"variable", b"a"),
        (b"Variable", b"b "),
        (b"", b"no colon"),
        (b"", b":nameless"),
    )
    assert frame.get(b"VARIABLE") == b"a"
    assert frame.get_all(b"Variable") == (b"a", b"b ")
    assert frame.get(b"missing") is None
    assert frame.get(b"missing", b"x") == b"x"


@pytest.mark.parametrize(
    ("raw", "kind", "name"),
    [
        (b"action: Ping", FrameKind.ACTION, b"Ping"),
        (b"Response: Success\r\nEvent: no", FrameKind.RESPONSE, b"Success"),
        (b"Event: OriginateResponse\r\nResponse: Failure", FrameKind.EVENT, b"OriginateResponse"),
        (b"rest of a value", FrameKind.OTHER, b"rest of a value"),
        (b"", FrameKind.OTHER, b""),
    ],
)
def test_the_first_header_says_what_a_frame_is(raw: bytes, kind: FrameKind, name: bytes) -> None:
    frame = Frame.parse(raw)
    assert (frame.kind, frame.name) == (kind, name)


def test_changes_return_a_new_frame() -> None:
    frame = Frame.of(("Event", "X"), ("Count", 3), (b"Raw", b"\xff"))
    assert frame.without(b"COUNT").headers == ((b"Event", b"X"), (b"Raw", b"\xff"))
    assert frame.with_header(b"Server", b"s").headers[-1] == (b"Server", b"s")
    assert len(frame.headers) == 3


def test_equality_is_about_headers() -> None:
    assert Frame.parse(b"A: b\r\n") == Frame.parse(b"A:b") == Frame.of(("A", "b"))


def test_encode() -> None:
    assert encode(Frame.of(("Event", "X"), ("Empty", ""))) == b"Event: X\r\nEmpty: \r\n\r\n"
    assert join_lines([b"A: b", b"c"]) == b"A: b\r\nc\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [(), ((b"", b"x"),), ((b"A:B", b"x"),), ((b"A", b"x\ny"),), ((b"A", b"x\ry"),), ((b"A\0", b"x"),)],
)
def test_encode_refuses_what_would_become_another_header(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(LocalProtocolError):
        encode(Frame(headers))


@given(st.binary())
def test_parse_never_fails(raw: bytes) -> None:
    frame = Frame.parse(raw)
    assert all(b"\n" not in name + value for name, value in frame.headers)
    assert isinstance(frame.kind, FrameKind)

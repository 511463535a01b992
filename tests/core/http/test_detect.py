"""Telling HTTP from AMI by the first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.http.detect import MOST_BYTES, spoken


@pytest.mark.parametrize(
    "first",
    [b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1", b"OPTIONS * HTTP/1.1", b"\r\nGET / HTTP/1.1", b"BREW /pot "],
)
def test_a_request_line_is_http(first: bytes) -> None:
    assert spoken(first) == "http"


@pytest.mark.parametrize(
    "first",
    [b"Action: Ping\r\n", b"ACTION: Ping", b"action", b"\r\n\r\nAction:", b" GET /", b"<Asterisk",
     b"\x16\x03", b"GET\r\n", b"A" * MOST_BYTES, b"\r\n" * MOST_BYTES],
)  # fmt: skip
def test_everything_else_is_ami(first: bytes) -> None:
    assert spoken(first) == "ami"


@pytest.mark.parametrize("first", [b"", b"G", b"POST", b"\r", b"\r\nGET"])
def test_too_little_to_tell(first: bytes) -> None:
    assert spoken(first) is None


@given(st.binary(max_size=80))
def test_more_bytes_never_change_what_was_told(data: bytes) -> None:
    told = [spoken(data[:end]) for end in range(len(data) + 1)]
    known = [one for one in told if one is not None]
    assert len(set(known)) <= 1
    assert told == [None] * (len(told) - len(known)) + known
    assert len(data) < MOST_BYTES or known

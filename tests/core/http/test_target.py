"""Targets of request lines."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.http.target import Target, read_target


@pytest.mark.parametrize(
    ("target", "read"),
    [
        (b"/", Target("/", b"")),
        (b"/rawman?action=ping&x=%0d%0a", Target("/rawman", b"action=ping&x=%0d%0a")),
        (b"/a%20b/%C3%A9", Target("/a b/é", b"")),
        (b"/a%3Fb?c?d", Target("/a?b", b"c?d")),
        (b"*", Target("/", b"")),
        (b"http://pbx:5038/x?y", Target("/x", b"y", b"pbx:5038")),
        (b"HTTPS://pbx?y", Target("/", b"y", b"pbx")),
    ],
)
def test_what_is_taken(target: bytes, read: Target) -> None:
    assert read_target(target) == read


@pytest.mark.parametrize(
    "target",
    [b"", b"rawman", b"/%0d%0aX: y", b"/%00", b"/%", b"/%zz", b"/..%2fetc", b"/a/../b", b"/./", b"/%ff",
     b"/a#b", b"pbx:443", b"ftp://pbx/"],
)  # fmt: skip
def test_what_is_not(target: bytes) -> None:
    assert read_target(target) is None


@given(st.text(max_size=30))
def test_a_quoted_path_comes_back(text: str) -> None:
    path = "/" + text.replace("/", "").replace(".", "")
    try:
        raw = quote(path).encode()
    except UnicodeEncodeError:
        return
    target = read_target(raw)
    if {"\r", "\n", "\0"} & set(path):
        assert target is None
    else:
        assert target == Target(path, b"")


@given(st.binary(max_size=60))
def test_garbage_is_refused_or_harmless(raw: bytes) -> None:
    target = read_target(raw)
    if target is not None:
        assert target.path.startswith("/")
        assert not {"\r", "\n", "\0"} & set(target.path)

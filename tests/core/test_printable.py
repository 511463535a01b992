"""Text of others on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.printable import columns, cut, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("PJSIP/a-1 é 日", "PJSIP/a-1 é 日"),
        ("\x1b[2J\r\n\0", r"\x1b[2J\r\n\x00"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\ud800", r"a\u202eb\ud800"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_what_is_no_sign_is_shown_by_its_number(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(("text", "count"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("é", 1), ("", 0)])
def test_columns(text: str, count: int) -> None:
    assert columns(text) == count


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 4, "日…"),
        ("日本語", 5, "日本…"),
        ("日", 1, "…"),
        ("éee\u0301", 3, "éee\u0301"),
    ],
)
def test_cutting(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown


@given(st.text(), st.integers(1, 40))
def test_a_line_is_a_line_and_fits(text: str, width: int) -> None:
    shown = cut(printable(text), width)
    assert shown.isprintable()
    assert columns(shown) <= width

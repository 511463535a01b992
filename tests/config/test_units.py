"""Durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.config.units import UNITS, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30.0),
        ("1.5m", 90.0),
        ("2h", 7200.0),
        ("7d", 604800.0),
        ("0s", 0.0),
        ("0.5ms", 0.0005),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30",
        "s",
        "30 s",
        " 30s",
        "30s\n",
        "-1s",
        "+1s",
        "1e3s",
        "1,5s",
        ".5s",
        "5.s",
        "30S",
        "30sec",
        "nans",
        "infs",
        "٣s",
        "1_000s",
        "1h30m",
        "9" * 10 + "s",
        "9" * 100_000,
        "0x1s",
    ],
)
def test_anything_else_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^expected a duration: a number and one of ms, s, m, h, d"
    ) as caught:
        parse_duration(text)
    assert "9999" not in str(caught.value)


@given(st.integers(0, 10**6), st.sampled_from(sorted(UNITS)))
def test_what_is_written_reads_back(number: int, unit: str) -> None:
    seconds = parse_duration(f"{number}{unit}")
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "250ms"), (60.0, "1m"), (90.0, "90s"), (0.0, "0ms"), (1.5, "1500ms")]
)
def test_durations_are_written_with_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text

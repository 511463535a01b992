"""Points in time as text."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.iso8601 import LAST_S, utc_text


@given(st.integers(0, LAST_S))
def test_any_second_reads_as_the_calendar_has_it(epoch_s: int) -> None:
    moment = datetime.datetime.fromtimestamp(epoch_s, datetime.UTC)
    assert utc_text(epoch_s) == moment.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("epoch_s", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_795_290_467.9, "2026-11-21T19:47:47Z"),
        (-1, ""),
        (LAST_S + 1, ""),
        (float("nan"), ""),
    ],
)
def test_some_seconds(epoch_s: float, text: str) -> None:
    assert utc_text(epoch_s) == text

"""The token bucket: a burst at once, then one by one; whoever waits as told keeps exactly the rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.admission.pace import Pace


def test_a_burst_goes_at_once_and_then_the_rate_holds() -> None:
    """Ten a second, twenty at once."""
    pace = Pace()
    waits = [pace.take(1.0, 100.0, 10.0, 20.0) for _ in range(23)]
    assert waits == pytest.approx([0.0] * 20 + [0.1, 0.2, 0.3])


def test_a_rest_fills_the_bucket_and_no_more_than_that() -> None:
    """An hour of silence gives one burst."""
    pace = Pace()
    for _ in range(50):
        pace.take(1.0, 0.0, 10.0, 20.0)
    assert [pace.take(1.0, 3600.0, 10.0, 20.0) for _ in range(21)] == pytest.approx([0.0] * 20 + [0.1])


@given(
    st.lists(st.floats(0.1, 1.0), min_size=1, max_size=200), st.integers(1, 5), st.sampled_from((1, 7, 500))
)
def test_who_waits_as_told_keeps_the_rate(costs: list[float], sharing: int, rate: int) -> None:
    """However many share the bucket, none of them takes more than burst and rate allow."""
    pace, free_at, taken = Pace(), [0.0] * sharing, 0.0
    for number, cost in enumerate(costs):
        who = number % sharing
        now = max(free_at)  # time does not go back
        assert taken <= rate + now * rate + sharing + 1e-6
        free_at[who] = now + pace.take(cost, now, rate, rate)
        taken += cost

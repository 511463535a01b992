"""A least rate over a window: who is slower is found in time, who is not never is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.admission.slowness import Slowness


def cut_at(reader: float, piece: int, pieces: int, *, rate: float = 1000.0, pause_s: float = 0.0) -> float:
    """When somebody who takes so many bytes a second of these pieces is found too slow; 0 if never.

    Args:
        pause_s: how long the next piece takes to come, with nothing waiting.
    """
    slowness, now = Slowness(rate, 30.0), 500.0
    for _ in range(pieces):
        deadline, now = slowness.wait(0, piece, now), now + piece / reader
        if now > deadline:
            return deadline - 500.0
        slowness.taken(now)
        now += pause_s
    return 0.0


@given(st.floats(1001.0, 1e6), st.integers(1, 100_000))
def test_who_keeps_the_rate_is_never_cut(reader: float, piece: int) -> None:
    assert cut_at(reader, piece, 500) == 0.0


@given(st.floats(1.0, 500.0), st.integers(1, 60_000))
def test_half_of_the_rate_is_found_within_two_windows_and_a_piece(reader: float, piece: int) -> None:
    assert 0.0 < cut_at(reader, piece, 1_000_000) <= 60.0 + 2 * piece / 1000.0


def test_one_who_was_fast_has_no_more_than_a_window_to_lose() -> None:
    slowness = Slowness(1000.0, 30.0)
    assert slowness.wait(10_000_000, 1000, 100.0) == 131.0
    slowness.taken(100.1)
    assert slowness.wait(10_000_000, 2000, 100.1) == pytest.approx(132.1)


def test_bytes_taken_between_two_waits_count() -> None:
    slowness = Slowness(1000.0, 30.0)
    slowness.wait(0, 0, 100.0)
    slowness.taken(120.0)
    assert slowness.wait(5000, 1000, 120.0) == 120.0 + 10.0 + 5.0 + 1.0


def test_a_stream_with_nothing_to_deliver_makes_nobody_slow() -> None:
    """Ten bytes that take 10 s, ten times, is too slow where more waits at once, and not once in a minute."""
    assert 0.0 < cut_at(1.0, 10, 10) < 31.0
    assert cut_at(1.0, 10, 1000, pause_s=50.0) == 0.0

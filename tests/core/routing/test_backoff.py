"""Delays between attempts."""

from __future__ import annotations

from amp.core.routing.backoff import Backoff


def test_delays_double_up_to_the_cap() -> None:
    """A server that stays away is asked ever more rarely, but never more rarely than the cap."""
    backoff = Backoff(1.0, 10.0, lambda: 1.0)
    assert [backoff.next_delay() for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_a_success_begins_anew() -> None:
    """After a reset the first delay comes first."""
    backoff = Backoff(1.0, 10.0, lambda: 1.0)
    backoff.next_delay()
    backoff.next_delay()
    backoff.reset()
    assert backoff.next_delay() == 1


def test_jitter_scatters_between_half_and_all() -> None:
    """A fleet's links do not come back in step."""
    assert Backoff(8.0, 60.0, lambda: 0.0).next_delay() == 4
    assert Backoff(8.0, 60.0, lambda: 0.5).next_delay() == 6


def test_the_longest_delay_counts_no_failure() -> None:
    """A refused login waits the cap, and says nothing of how reachable the server is."""
    backoff = Backoff(1.0, 60.0, lambda: 1.0)
    assert backoff.longest_delay() == 60
    assert backoff.next_delay() == 1


def test_years_of_failures_do_not_overflow() -> None:
    """Doubling stops somewhere."""
    backoff = Backoff(1.0, 60.0, lambda: 1.0)
    for _ in range(5000):
        assert backoff.next_delay() <= 60

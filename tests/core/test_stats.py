"""Counters that do more than count."""

from __future__ import annotations

from amp.core.stats import BOUNDS_S, ClientTotals, Histogram


def test_a_histogram_puts_each_time_where_it_belongs() -> None:
    one = Histogram()
    for seconds in (0.0, 0.001, 0.0011, 60.0, 61.0):
        one.observe(seconds)
    assert one.counts[0] == 2
    assert one.counts[1] == 1
    assert one.counts[len(BOUNDS_S) - 1] == 1
    assert one.counts[-1] == 1
    assert one.sum_s == 121.0021


def test_totals_add_up_and_keep_the_highest_peak() -> None:
    total = ClientTotals(clients=1, bytes_in=5, peak_bytes=70)
    total.add(ClientTotals(clients=1, bytes_in=6, peak_bytes=60, slow_cuts=1))
    assert total == ClientTotals(clients=2, bytes_in=11, peak_bytes=70, slow_cuts=1)

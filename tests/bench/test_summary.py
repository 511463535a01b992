"""Rounds into figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.fanout import FEWEST, MOST, MOST_DELIVERIES, events_for
from bench.scenario import interleave
from bench.summary import spread, table, write_json


def test_a_spread_is_median_least_and_most() -> None:
    """One slow round moves the spread, not the figure."""
    found = spread([5.0, 1.0, 4.0])

    assert (found.median, found.low, found.high) == (4.0, 1.0, 5.0)
    assert found.text(digits=1) == "4.0 (1.0-5.0)"


def test_a_table_is_markdown() -> None:
    """Title, heads, a rule, rows; columns are as wide as their longest cell."""
    lines = table("T", ("a", "bb"), [("1", "2"), ("100", "x")]).splitlines()

    assert lines == ["", "T", "", "|   a | bb |", "| --: | -: |", "|   1 |  2 |", "| 100 |  x |"]


def test_the_outcome_is_written_with_the_machine(tmp_path: Path) -> None:
    """A figure without its machine means nothing."""
    path = write_json("x", {"figure": 7}, tmp_path / "out")

    found = json.loads(path.read_text())
    assert found["figure"] == 7
    assert {"when", "processor", "processors", "load", "kernel", "python", "commit"} == set(found["machine"])


@pytest.mark.parametrize(
    ("rate", "clients", "seconds", "events"),
    [
        (1_000_000, 10, 2.0, 200_000),
        (100, 10, 1.0, FEWEST),
        (1e9, 1, 9.0, MOST),
        (1e9, 100, 9.0, MOST_DELIVERIES // 100),
    ],
)
def test_a_round_is_bounded(rate: float, clients: int, seconds: float, events: int) -> None:
    """As long as asked for, but never endless, and never too short to time."""
    assert events == events_for(rate, clients, seconds)


def test_contestants_run_in_turn() -> None:
    """Each round has one run of each; nobody has all his runs in one stretch."""
    order: list[str] = []

    def run(name: str) -> int:
        order.append(name)
        return len(order)

    found = interleave({"a": lambda: run("a"), "b": lambda: run("b")}, 3)

    assert [{"a", "b"}] * 3 == [set(order[i : i + 2]) for i in (0, 2, 4)]
    assert sorted(found["a"] + found["b"]) == [1, 2, 3, 4, 5, 6]

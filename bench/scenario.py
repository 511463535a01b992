"""What a scenario is. A new one: a module that makes a `Scenario`, and its name in ``__main__.SCENARIOS``."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs

from bench.programs import Programs

__all__ = ["Outcome", "Scenario", "Settings", "interleave"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Settings:
    """What the command line says.

    Attributes:
        programs: the helper programs.
        folder: temporary, for configurations and streams.
        recording: where the recorded events are.
        rounds: how often each contestant runs, one after the other in turn.
        seconds: how long a round of the floor should take, about.
        clients: numbers of clients to measure with; empty for the scenario's own.
        small: a smoke run: few clients, few servers.
    """

    programs: Programs
    folder: Path
    recording: Path
    rounds: int = 5
    seconds: float = 1.0
    clients: Sequence[int] = ()
    small: bool = False


@attrs.frozen(kw_only=True)
class Outcome:
    """What a scenario found.

    Attributes:
        tables: Markdown, for people.
        data: everything measured, for ``bench/out/NAME.json``.
        faults: one sentence for each promise that was broken; with any, the run counts as failed.
    """

    tables: Sequence[str]
    data: Mapping[str, Any]
    faults: Sequence[str] = ()


@attrs.frozen
class Scenario:
    """Something to measure.

    Attributes:
        name: the word on the command line.
        help: one line.
        run: does it; it must end by itself within a minute or two.
        smoke: part of a smoke run.
    """

    name: str
    help: str
    run: Callable[[Settings], Outcome]
    smoke: bool = True


def interleave(contestants: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run each contestant ``rounds`` times in turn, so that a noisy minute hits all of them alike.

    Who begins is drawn per round: what the first one leaves behind (warm caches, a clocked-up processor)
    must not always help the same one.
    """
    found: dict[str, list[T]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name in random.sample(sorted(contestants), len(contestants)):
            found[name].append(contestants[name]())
    return found

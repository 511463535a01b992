"""Scenarios ``fanout`` and ``firehose``: one server's events to N AMI clients, beside the floor.

In ``fanout`` the source writes each event by itself, as Asterisk does, as fast as it can. In ``firehose`` it
writes blocks as large as the socket takes: no Asterisk does, but it keeps the source out of the way, so
that the proxy's own limit shows.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from functools import partial

import attrs

from bench.rigs import AmpRig, FanoutRound, FloorRig, Rig, Streams
from bench.scenario import Outcome, Scenario, Settings, interleave
from bench.summary import spread, table

__all__ = ["FANOUT", "FIREHOSE", "compare", "events_for", "ratio", "rows_of"]

CLIENTS = (1, 10, 50, 200)
SMALL_FIREHOSE = (2,)
"""Where a backlog that is not worked off shows first: one of two clients is no majority to wait for."""

FEWEST, MOST = 500, 3_000_000
WARM_UP_DELIVERIES = 400_000
MOST_DELIVERIES = 12_000_000
"""Some 5 GB over loopback in one round, on the fastest machine."""


def run(settings: Settings, *, blocks: bool = False) -> Outcome:
    """Measure each number of clients in turn; every event is checked at every client."""
    streams = Streams(settings)
    found: dict[int, dict[str, list[FanoutRound]]] = {}
    faults: list[str] = []
    with FloorRig(settings, streams, blocks=blocks) as floor, AmpRig(settings, streams, blocks=blocks) as amp:
        for clients in settings.clients or (SMALL_FIREHOSE if settings.small and blocks else CLIENTS):
            warm_up, found[clients] = compare({"floor": floor, "amp": amp}, clients, settings)
            for name, rounds in found[clients].items():
                where = f"{'firehose' if blocks else 'fanout'}, {clients} clients, {name}"
                faults += [f"{where}: {fault}" for one in (warm_up[name], *rounds) for fault in one.faults]
    rounds_of = {
        clients: {name: [attrs.asdict(one) for one in rounds] for name, rounds in by.items()}
        for clients, by in found.items()
    }
    ratios = {clients: ratio(by) for clients, by in found.items()}
    return Outcome(
        tables=[_table(found, settings, "blocks" if blocks else "one write an event")],
        data={"programs": settings.programs.kind, "rounds": rounds_of, "ratio": ratios},
        faults=faults,
    )


def compare(
    rigs: Mapping[str, Rig], clients: int, settings: Settings
) -> tuple[dict[str, FanoutRound], dict[str, list[FanoutRound]]]:
    """The warm-up, which is only checked, and the rounds that count."""
    first = max(FEWEST, WARM_UP_DELIVERIES // clients)
    warm_up = {name: rig.round(clients, first) for name, rig in rigs.items()}
    events = events_for(warm_up["floor"].rate, clients, settings.seconds)
    runs = {name: partial(rig.round, clients, events) for name, rig in rigs.items()}
    return warm_up, interleave(runs, settings.rounds)


def events_for(rate: float, clients: int, seconds: float) -> int:
    """How many events keep a proxy of this rate (deliveries per second) busy for so long, within bounds."""
    events = int(min(rate * seconds, MOST_DELIVERIES) / clients)
    return min(max(events, FEWEST), MOST)


def ratio(by: Mapping[str, Sequence[FanoutRound]]) -> float:
    """amp's rate beside the floor's."""
    floor, amp = (statistics.median(one.rate for one in by[who]) for who in ("floor", "amp"))
    return amp / floor


def rows_of(
    found: Mapping[int, Mapping[str, Sequence[FanoutRound]]],
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The heads of a table, and a row for each number of clients."""
    heads = (
        "clients",
        "floor, k/s",
        "amp, k/s",
        "ratio",
        "floor CPU, µs",
        "amp CPU, µs",
        "amp MB",
        "complete",
    )
    rows: list[tuple[str, ...]] = []
    for clients, by in found.items():
        rates = {who: spread(one.rate for one in runs).text(1000) for who, runs in by.items()}
        cpu = {who: f"{statistics.median(one.cpu_us for one in runs):.3f}" for who, runs in by.items()}
        peak = max(one.peak_bytes for one in by["amp"])
        whole = not any(one.faults for runs in by.values() for one in runs)
        row = (str(clients), rates["floor"], rates["amp"], f"{ratio(by):.2f}", cpu["floor"], cpu["amp"])
        rows.append((*row, f"{peak / 1e6:.0f}", "yes" if whole else "NO"))
    return heads, rows


def _table(found: Mapping[int, Mapping[str, Sequence[FanoutRound]]], settings: Settings, writes: str) -> str:
    title = (
        f"Fan-out, {writes}: thousand deliveries/s, median (least-most) of {settings.rounds} rounds in turn; "
        f"CPU of the proxy per delivery; floor in {settings.programs.kind}"
    )
    return table(title, *rows_of(found))


FANOUT = Scenario("fanout", "one server's events to N clients, beside the floor", run)
FIREHOSE = Scenario("firehose", "the same with a source that writes large blocks", partial(run, blocks=True))

"""Scenario ``websocket``: one server's events to N WebSocket clients as JSON, beside the floor.

The floor hands on the events as they are, so the ratio tells what parsing each and writing it as JSON costs,
and how that is shared: it is done once, however many clients there are.
"""

from __future__ import annotations

from importlib.util import find_spec

import attrs

from amp.core.ws.event_writer import COMPILED
from bench.fanout import compare, ratio, rows_of
from bench.rigs import FanoutRound, FloorRig, Streams, WebSocketRig
from bench.scenario import Outcome, Scenario, Settings
from bench.summary import table

__all__ = ["WEBSOCKET"]

CLIENTS = (1, 10, 50)
SMALL = (10,)
LEAST = {1: 0.08, 10: 0.18, 50: 0.60}
"""Of the floor's rate: what amp has to reach on a machine of its own."""

SHARE = 0.3
"""Rounds are measured in the floor's time; amp takes several times as long."""

LISTEN = '[[listen]]\naddress = "127.0.0.1"\nport = 0\nprotocols = ["websocket"]\n'


def run(settings: Settings) -> Outcome:
    """Measure each number of clients in turn; every event is checked at every client."""
    if settings.programs.kind != "C":
        return Outcome(tables=["WebSocket: not measured, it takes a C compiler"], data={}, faults=[])
    settings = attrs.evolve(settings, seconds=settings.seconds * SHARE)
    streams = Streams(settings)
    found: dict[int, dict[str, list[FanoutRound]]] = {}
    faults: list[str] = []
    with FloorRig(settings, streams) as floor, WebSocketRig(settings, streams, LISTEN) as amp:
        for clients in settings.clients or (SMALL if settings.small else CLIENTS):
            warm_up, found[clients] = compare({"floor": floor, "amp": amp}, clients, settings)
            for name, rounds in found[clients].items():
                where = f"websocket, {clients} clients, {name}"
                faults += [f"{where}: {fault}" for one in (warm_up[name], *rounds) for fault in one.faults]
    heads, rows = rows_of(found)
    wanted = [f"{LEAST[clients]:.2f}" if clients in LEAST else "" for clients in found]
    language = "C" if find_spec(COMPILED) else "Python (amp was installed without a C compiler)"
    title = (
        f"WebSocket fan-out, JSON written in {language}, one write an event: thousand deliveries/s, "
        f"median (least-most) of {settings.rounds} rounds in turn; CPU of the proxy per delivery"
    )
    both = [(*row[:4], least, *row[4:]) for row, least in zip(rows, wanted, strict=True)]
    rounds_of = {
        clients: {name: [attrs.asdict(one) for one in rounds] for name, rounds in by.items()}
        for clients, by in found.items()
    }
    return Outcome(
        tables=[table(title, (*heads[:4], "at least", *heads[4:]), both)],
        data={"rounds": rounds_of, "ratio": {clients: ratio(by) for clients, by in found.items()}},
        faults=faults,
    )


WEBSOCKET = Scenario("websocket", "one server's events to N WebSocket clients as JSON, beside the floor", run)

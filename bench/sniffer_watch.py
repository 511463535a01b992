"""Scenario ``sniffers-watch``: a hundred sniffers with 200 calls each, watched every second.

By one client, and by two hundred: what the sniffers are asked must be the same. Two calls begin and two end
at each of them in a second, and the quality of all of them changes, which is told every ten seconds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import attrs

from bench.ampproc import USER, AmpProcess
from bench.child import Child
from bench.procfs import cpu_s, resident_bytes, waited_s
from bench.scenario import Outcome, Scenario, Settings, interleave
from bench.sniffer_rig import amp_before, asked_so_far, simulated
from bench.summary import spread, table

__all__ = ["WATCH"]

SNIFFERS, CALLS, CLIENTS = 100, 200, (1, 200)
SMALL_SNIFFERS, SMALL_CALLS, SMALL_CLIENTS = 5, 20, (1, 10)
EVERY = 'watch = { calls = "1s", stat = "10s" }\n'
SETTLE_S = 3.0
"""From the first client till all sniffers have been asked at least twice."""
WINDOW_S = 5.0
LATE = 0.1
"""Share of the exchanges that may be missing, since answers take time, too."""
STARVED = 0.2
"""Share of its time that amp waited for a processor; with more, fewer exchanges are the machine's fault."""


@attrs.frozen(kw_only=True)
class WatchRound:
    """One look at the sniffers.

    Attributes:
        exchanges: listcalls at all sniffers together, per second.
        events: at each client, per second.
        megabytes: to all clients, per second.
        share: CPU of amp per second; 1.0 is one processor.
        waited: what amp waited for a processor, per second.
        faults: clients that were closed.
    """

    exchanges: float
    events: float
    megabytes: float
    share: float
    waited: float
    faults: tuple[str, ...]


def run(settings: Settings) -> Outcome:
    """Watch with few and with many clients in turn."""
    sniffers, calls = (SMALL_SNIFFERS, SMALL_CALLS) if settings.small else (SNIFFERS, CALLS)
    clients = tuple(settings.clients) or (SMALL_CLIENTS if settings.small else CLIENTS)
    with ExitStack() as stack:
        process, ports = simulated(stack, settings, count=sniffers, calls=calls)
        amp = amp_before(stack, settings, ports, keyed=False, server=EVERY)
        rounds = 1 if settings.small else min(settings.rounds, 3)
        watch = {str(number): partial(_watch, settings, process, amp, number) for number in clients}
        found = interleave(watch, rounds)
        peak = resident_bytes(amp.pid, "VmHWM")
    found = {str(number): found[str(number)] for number in clients}
    title = (
        f"{sniffers} sniffers with {calls} calls each, watched every second: median (least-most) of {rounds} "
        f"rounds in turn; amp had {peak / 1e6:.0f} MB at most"
    )
    return Outcome(
        tables=[_table(title, found)],
        data={
            "sniffers": sniffers,
            "calls": calls,
            "peak_bytes": peak,
            "rounds": {who: [attrs.asdict(one) for one in runs] for who, runs in found.items()},
        },
        faults=_faults(found, sniffers, _window_s(settings)),
    )


def _watch(settings: Settings, sniffers: Child, amp: AmpProcess, clients: int) -> WatchRound:
    words = ["--port", str(amp.port), "--clients", str(clients), "--user", USER]
    command = [*settings.programs.leash, sys.executable, "-m", "bench.watchers", *words]
    with Child(command) as watchers:
        watchers.expect("ready", timeout_s=60)
        time.sleep(SETTLE_S)
        begun, asked = time.monotonic(), asked_so_far(sniffers)
        used_s, waited = cpu_s(amp.pid), waited_s(amp.pid)
        before = _seen(watchers)
        time.sleep(_window_s(settings))
        took_s, share = time.monotonic() - begun, cpu_s(amp.pid) - used_s
        waited = waited_s(amp.pid) - waited
        exchanges = asked_so_far(sniffers)["listcalls"] - asked.get("listcalls", 0)
        after = _seen(watchers)
    return WatchRound(
        exchanges=exchanges / took_s,
        events=(after["events"] - before["events"]) / took_s,
        megabytes=(after["bytes"] - before["bytes"]) / took_s / 1e6,
        share=share / took_s,
        waited=waited / took_s,
        faults=(f"{after['closed']} clients closed",) if after["closed"] or not after["least"] else (),
    )


def _window_s(settings: Settings) -> float:
    return WINDOW_S / 2 if settings.small else WINDOW_S


def _seen(watchers: Child) -> dict[str, int]:
    watchers.say("count")
    return watchers.expect("events", timeout_s=60)


def _faults(found: Mapping[str, Sequence[WatchRound]], sniffers: int, window_s: float) -> list[str]:
    faults = [
        f"sniffers-watch, {who} clients: {fault}"
        for who, runs in found.items()
        for one in runs
        for fault in one.faults
    ]
    for who, runs in found.items():
        rate = statistics.median(one.exchanges for one in runs)
        starved = statistics.median(one.waited for one in runs) > STARVED
        edge = sniffers / window_s  # a window may begin or end anywhere in a second
        if rate > sniffers + edge or (rate < (1 - LATE) * sniffers - edge and not starved):
            faults.append(f"sniffers-watch, {who} clients: {rate:.1f} exchanges a second, not {sniffers}")
        if not min(one.events for one in runs):
            faults.append(f"sniffers-watch, {who} clients: no events")
    return faults


def _table(title: str, found: Mapping[str, Sequence[WatchRound]]) -> str:
    heads = (
        "clients",
        "exchanges/s",
        "events/s at each",
        "MB/s to all",
        "CPU of amp",
        "waited for CPU",
    )
    rows = [
        (
            who,
            spread(one.exchanges for one in runs).text(digits=1),
            spread(one.events for one in runs).text(),
            spread(one.megabytes for one in runs).text(digits=1),
            spread(one.share for one in runs).text(digits=2),
            spread(one.waited for one in runs).text(digits=2),
        )
        for who, runs in found.items()
    ]
    return table(title, heads, rows)


WATCH = Scenario("sniffers-watch", "a hundred sniffers watched by one client, and by 200", run)

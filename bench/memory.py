"""Scenario ``memory``: resident memory at rest and with many connections, and the time until amp is ready."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack

import attrs

from bench.ampproc import USER, AmpProcess
from bench.child import BenchError, Child
from bench.procfs import resident_bytes
from bench.rigs import Streams, source_of, wait_for_links
from bench.scenario import Outcome, Scenario, Settings, interleave
from bench.summary import Spread, spread, table

__all__ = ["MEMORY"]

SERVERS, CLIENTS, EVENTS = 50, 500, 20
SMALL_SERVERS, SMALL_CLIENTS = 5, 20


@attrs.frozen(kw_only=True)
class Crowd:
    """Resident bytes of one amp as its house fills.

    Attributes:
        servers, clients: how many.
        idle: ready, with one server connected and no client.
        with_servers: all servers connected, no client.
        with_clients: and all clients logged in.
        after_events: and a few events of each server delivered to each client.
        peak: the most it ever was.
    """

    servers: int
    clients: int
    idle: int
    with_servers: int
    with_clients: int
    after_events: int
    peak: int


def run(settings: Settings) -> Outcome:
    """Measure start-up and memory."""
    starts = interleave(
        {
            "amp": lambda: _time_to_ready(settings),
            "python": lambda: _time_to_run("pass"),
            "python, trio": lambda: _time_to_run("import trio"),
        },
        settings.rounds,
    )
    times = {name: spread(values) for name, values in starts.items()}
    crowd = _fill(settings)
    return Outcome(
        tables=[_start_table(times), _crowd_table(crowd)],
        data={"start_s": starts, "memory_bytes": attrs.asdict(crowd)},
    )


def _time_to_ready(settings: Settings) -> float:
    with ExitStack() as stack:
        _, ports = source_of(stack, settings, Streams(settings).sent)
        return stack.enter_context(AmpProcess(settings, ports)).ready_s


def _time_to_run(program: str) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    return time.monotonic() - began


def _fill(settings: Settings) -> Crowd:
    servers, clients = (SMALL_SERVERS, SMALL_CLIENTS) if settings.small else (SERVERS, CLIENTS)
    streams = Streams(settings)
    with ExitStack() as stack:
        source, ports = source_of(stack, settings, streams.sent)
        amp = stack.enter_context(AmpProcess(settings, ports))
        wait_for_links(source, 1)
        idle = resident_bytes(amp.pid)
    with ExitStack() as stack:
        source, ports = source_of(stack, settings, streams.sent, servers)
        amp = stack.enter_context(AmpProcess(settings, ports))
        wait_for_links(source, servers)
        with_servers = resident_bytes(amp.pid)
        argv = settings.programs.argv(
            "sink", port=amp.port, clients=clients, events=EVENTS * servers, user=USER, hold="yes"
        )
        sink = stack.enter_context(Child(argv))
        sink.expect("ready", timeout_s=60)
        with_clients = resident_bytes(amp.pid)
        source.say(f"go {EVENTS}")
        seen = sink.expect("delivered", timeout_s=60)
        if seen["delivered"] != seen["wanted"]:
            raise BenchError(f"{seen['delivered']} of {seen['wanted']} events came to {clients} clients")
        return Crowd(
            servers=servers,
            clients=clients,
            idle=idle,
            with_servers=with_servers,
            with_clients=with_clients,
            after_events=resident_bytes(amp.pid),
            peak=resident_bytes(amp.pid, "VmHWM"),
        )


def _start_table(times: dict[str, Spread]) -> str:
    rows = [(name, found.text(1e-3)) for name, found in times.items()]
    return table("Start: process start until ready (a bare interpreter beside it), ms", ("", "ms"), rows)


def _crowd_table(crowd: Crowd) -> str:
    rows = [
        ("one server, no client", _mb(crowd.idle)),
        (f"{crowd.servers} servers, no client", _mb(crowd.with_servers)),
        (f"{crowd.servers} servers, {crowd.clients} clients", _mb(crowd.with_clients)),
        (f"the same after {EVENTS} events of each server", _mb(crowd.after_events)),
        ("peak", _mb(crowd.peak)),
    ]
    return table("Memory: resident", ("", "MB"), rows)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}"


MEMORY = Scenario("memory", "memory at rest and with many connections, time to ready", run)

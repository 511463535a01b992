"""Scenario ``abuse``: what a well-behaved client feels while others misbehave.

The client sends a Ping that goes to a server and back, then to a simulated Asterisk a UserEvent that another
client of its kind waits for, and so on, with a short rest between. Each round measures it alone, then under
an abuse; what counts is the ratio within a round. The abusers run on the same machine, so part of what they
cost is the processor that they take.
"""

from __future__ import annotations

import resource
import socket
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

import attrs

from bench.abusers import KINDS
from bench.ampproc import USER, AmpProcess
from bench.child import BenchError, Child
from bench.procfs import open_files
from bench.rigs import Streams, source_of
from bench.scenario import Outcome, Scenario, Settings
from bench.summary import spread, table

__all__ = ["ABUSE", "WellBehaved"]

REST_S = 0.002
"""Between two questions: the client is not in a hurry."""

SETTLE_S = 0.5
"""Until amp has cleared up behind the abuse before."""

PATIENCE_S = 20.0
"""An answer that takes longer is a broken promise."""

LIMITS = 'exempt = ["127.0.0.1"]\n'
"""The abusers' addresses are loopback ones, too; these are to be limited."""

END = b"\r\n\r\n"


@attrs.frozen
class Felt:
    """Latencies of one measurement, in microseconds."""

    pings: Sequence[float]
    events: Sequence[float]

    def figures(self) -> dict[str, float]:
        """p50, p99 and longest of both."""
        return {
            f"{name}_{figure}": value
            for name, values in (("ping", sorted(self.pings)), ("event", sorted(self.events)))
            for figure, value in (
                ("p50", values[len(values) // 2]),
                ("p99", values[int((len(values) - 1) * 0.99)]),
                ("longest", values[-1]),
            )
        }


class WellBehaved:
    """Two signed-in clients of amp: one acts, one sees the events.

    Args:
        port: of amp.
    """

    def __init__(self, port: int) -> None:
        self._asker, self._watcher = _Line(port, "off"), _Line(port, "user")
        self._count = 0

    def close(self) -> None:
        """Go."""
        self._asker.close()
        self._watcher.close()

    def feel(self, seconds: float) -> Felt:
        """Ask for so long."""
        pings: list[float] = []
        events: list[float] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end or not pings:
            pings.append(self._ping())
            events.append(self._event())
            time.sleep(REST_S)
        return Felt(pings, events)

    def _ping(self) -> float:
        return self._measure(b"Action: Ping\r\nServer: pbx1", self._asker, b"\r\nActionID: ")

    def _event(self) -> float:
        found = self._measure(
            b"Action: UserEvent\r\nUserEvent: Bench\r\nServer: pbx2", self._watcher, b"\r\nNumber: "
        )
        self._asker.until(b"\r\nActionID: %d\r\n" % self._count)
        return found

    def _measure(self, action: bytes, line: _Line, mark: bytes) -> float:
        self._count += 1
        began = time.perf_counter()
        self._asker.send(action + b"\r\nActionID: %d\r\nNumber: %d" % (self._count, self._count))
        line.until(mark + b"%d\r\n" % self._count)
        return (time.perf_counter() - began) * 1e6


class _Line:
    def __init__(self, port: int, events: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._data = b""
        login = f"Action: Login\r\nUsername: {USER}\r\nSecret: {USER}\r\nEvents: {events}"
        self.send(login.encode())
        self.until(b"Message: Authentication accepted\r\n")

    def send(self, action: bytes) -> None:
        self._socket.sendall(action + END)

    def until(self, mark: bytes) -> bytes:
        """Read until a frame with this in it is complete, and give it."""
        while True:
            *frames, self._data = self._data.split(END)
            found = next((frame for frame in frames if mark in frame + b"\r\n"), None)
            if found is not None:
                return found
            try:
                more = self._socket.recv(65536)
            except TimeoutError:
                raise BenchError(f"no {mark!r} within {PATIENCE_S:g} s") from None
            if not more:
                raise BenchError(f"closed while waiting for {mark!r}")
            self._data += more

    def close(self) -> None:
        self._socket.close()


def run(settings: Settings) -> Outcome:
    """Each abuse beside a quiet time."""
    found: dict[str, list[dict[str, dict[str, float]]]] = {}
    with ExitStack() as stack:
        _, ports = source_of(stack, settings, Streams(settings).sent)
        sim = stack.enter_context(Child([sys.executable, "-m", "amp", "sim", "--secret", "amp"]))
        ports.append(sim.expect("port")["port"])
        amp = stack.enter_context(AmpProcess(settings, ports, limits=LIMITS))
        client = _when_up(amp.port)
        stack.callback(client.close)
        client.feel(settings.seconds)
        rounds = 1 if settings.small else settings.rounds
        for kind in KINDS:
            found[kind] = [_round(kind, amp, client, settings.seconds) for _ in range(rounds)]
    return Outcome(tables=[_table(found, settings)], data={"rounds": found})


def _when_up(port: int) -> WellBehaved:
    """A client once both servers answer."""
    line = _Line(port, "off")
    for server in (b"pbx1", b"pbx2"):
        answer = b""
        while not answer.startswith(b"Response: Success"):
            time.sleep(0.05)
            line.send(b"Action: Ping\r\nServer: %b\r\nActionID: up" % server)
            answer = line.until(b"\r\nActionID: up\r\n")
    line.close()
    return WellBehaved(port)


def _round(kind: str, amp: AmpProcess, client: WellBehaved, seconds: float) -> dict[str, dict[str, float]]:
    time.sleep(SETTLE_S)
    alone = client.feel(seconds)
    before = resource.prlimit(amp.pid, resource.RLIMIT_NOFILE)
    if kind == "descriptors":
        resource.prlimit(amp.pid, resource.RLIMIT_NOFILE, (open_files(amp.pid) + 10, before[1]))
    with Child([sys.executable, "-m", "bench.abusers", kind, str(amp.port)]) as abusers:
        abusers.expect("attacking")
        under = client.feel(seconds)
        abusers.say("enough")
        report = abusers.expect("connections")
    resource.prlimit(amp.pid, resource.RLIMIT_NOFILE, before)
    return {"alone": alone.figures(), "under": under.figures(), "abusers": report}


def _table(found: dict[str, list[dict[str, dict[str, float]]]], settings: Settings) -> str:
    heads = ("abuse", "", "p50, ms", "p99, ms", "longest, ms", "p50, x", "p99, x", "connections", "MB sent")
    rows = []
    for kind, rounds in found.items():
        connections = f"{statistics.median(one['abusers']['connections'] for one in rounds):,.0f}"
        sent = f"{statistics.median(one['abusers']['bytes_sent'] for one in rounds) / 1e6:,.1f}"
        for what in ("ping", "event"):
            times = [
                spread(one["under"][f"{what}_{figure}"] for one in rounds).text(1000, 2)
                for figure in ("p50", "p99", "longest")
            ]
            ratios = [f"{_ratio(rounds, f'{what}_{figure}'):.1f}" for figure in ("p50", "p99")]
            rows.append((kind, what, *times, *ratios, connections, sent))
            kind = connections = sent = ""
    title = (
        f"A well-behaved client under abuse: median (least-most) of {settings.rounds} rounds; "
        "x: times the same alone, just before"
    )
    return table(title, heads, rows)


def _ratio(rounds: list[dict[str, dict[str, float]]], figure: str) -> float:
    return statistics.median(one["under"][figure] / one["alone"][figure] for one in rounds)


ABUSE = Scenario("abuse", "latency of a well-behaved client while others misbehave", run)

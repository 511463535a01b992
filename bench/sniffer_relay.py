"""Scenario ``sniffers-relay``: an encrypted file of 50 MB, through amp and directly.

The client decrypts as the file comes and checks it byte for byte; through amp it is decrypted and encrypted
once more on the way, with the listener's key.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

import attrs

from bench.child import Child
from bench.procfs import cpu_s, resident_bytes
from bench.scenario import Outcome, Scenario, Settings, interleave
from bench.sniffer_rig import amp_before, simulated
from bench.summary import spread, table

__all__ = ["RELAY"]

FILE_BYTES, SMALL_BYTES = 50 << 20, 8 << 20
MOST_GROWTH = 16 << 20
"""Of amp's memory by a file, in bytes; more is a fault."""


@attrs.frozen(kw_only=True)
class FetchRound:
    """One file.

    Attributes:
        rate: bytes per second.
        cpu_s: CPU of amp; 0 where there is no amp.
        right: it was the file.
    """

    rate: float
    cpu_s: float
    right: bool


def run(settings: Settings) -> Outcome:
    """Fetch in turn."""
    size = SMALL_BYTES if settings.small else FILE_BYTES
    with ExitStack() as stack:
        _, ports = simulated(stack, settings, keyed="yes", bytes=size)
        amp = amp_before(stack, settings, ports, keyed=True)
        clients = {"direct": (ports[0], 0), "amp": (amp.ports[1], amp.pid)}
        before = resident_bytes(amp.pid)
        fetchers = {who: _fetcher(stack, settings, port, size) for who, (port, _) in clients.items()}
        contestants = {who: lambda who=who: _fetch(fetchers[who], clients[who][1]) for who in clients}
        interleave(contestants, 1)
        found = interleave(contestants, settings.rounds)
        growth = resident_bytes(amp.pid, "VmHWM") - before
    rates = {who: spread(one.rate for one in runs) for who, runs in found.items()}
    ratio = rates["amp"].median / rates["direct"].median
    cpu_s = spread(one.cpu_s for one in found["amp"])
    rows = [(who, rate.text(1e6)) for who, rate in rates.items()]
    rows += [
        ("amp / direct", f"{ratio:.2f}"),
        ("CPU of amp, ms", cpu_s.text(1e-3)),
        ("memory of amp, more at most, MB", f"{growth / 1e6:.1f}"),
    ]
    title = f"A file of {size >> 20} MB, encrypted: median (least-most) of {settings.rounds} rounds in turn"
    return Outcome(
        tables=[table(title, ("", "MB/s"), rows)],
        data={
            "bytes": size,
            "rounds": {who: [attrs.asdict(one) for one in runs] for who, runs in found.items()},
            "ratio": ratio,
            "growth_bytes": growth,
        },
        faults=_faults(found, growth),
    )


def _fetcher(stack: ExitStack, settings: Settings, port: int, size: int) -> Child:
    words = ["--port", str(port), "--bytes", str(size)]
    return stack.enter_context(
        Child([*settings.programs.leash, sys.executable, "-m", "bench.fetcher", *words])
    )


def _fetch(fetcher: Child, amp_pid: int) -> FetchRound:
    before_s = cpu_s(amp_pid) if amp_pid else 0.0
    fetcher.say("go")
    seen = fetcher.expect("right", timeout_s=60)
    used_s = cpu_s(amp_pid) - before_s if amp_pid else 0.0
    return FetchRound(rate=seen["bytes"] / seen["seconds"], cpu_s=used_s, right=seen["right"])


def _faults(found: dict[str, list[FetchRound]], growth: int) -> list[str]:
    faults = [
        f"sniffers-relay, {who}: another file than the sniffer's"
        for who, runs in found.items()
        if not all(one.right for one in runs)
    ]
    if growth > MOST_GROWTH:
        faults.append(f"sniffers-relay: amp grew by {growth} bytes, at most {MOST_GROWTH} are promised")
    return faults


RELAY = Scenario("sniffers-relay", "an encrypted file of a sniffer, through amp and directly", run)

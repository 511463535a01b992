"""Scenario ``sniffers-commands``: commands per second at a simulated sniffer, through amp and directly.

Each command is a connection of its own, to the sniffer or to amp's listener in its place. What is asked for
is ``file_exists``, which amp never shares between clients, so that each command through amp is one at the
sniffer. Then a hundred clients ask ``listcalls`` at once, within its freshness: that is one exchange.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import attrs

from bench.fetcher import opened, sealed, talk
from bench.scenario import Outcome, Scenario, Settings, interleave
from bench.sniffer_rig import AskRound, amp_before, ask, asked_so_far, simulated
from bench.summary import spread, table

__all__ = ["COMMANDS"]

CLIENTS = (1, 8)
CROWD = 100
COMMAND = b"file_exists big"
FRESH = 'freshness = { listcalls = "30s" }\n'

Found = dict[tuple[bool, int], dict[str, list[AskRound]]]
"""Rounds by encrypted or not, number of clients, and contestant."""


def run(settings: Settings) -> Outcome:
    """Measure commands in clear and encrypted, and the crowd."""
    found: Found = {}
    for keyed in (False, True):
        found.update(_measure(settings, keyed=keyed))
    exchanges, crowd = _crowd(settings)
    faults = [
        f"sniffers-commands, {clients} clients, {who}: {fault}"
        for (_, clients), by in found.items()
        for who, runs in by.items()
        for one in runs
        for fault in one.faults
    ]
    if exchanges != 1 or crowd.answers != CROWD:
        faults.append(
            f"sniffers-commands: {crowd.answers} of {CROWD} answers by {exchanges} exchanges, not 1"
        )
    return Outcome(
        tables=[
            _table(found, settings),
            f"\n{CROWD} clients, the same `listcalls` at once: {exchanges} exchange",
        ],
        data={
            "programs": settings.programs.kind,
            "rounds": {
                f"{'encrypted' if keyed else 'plain'}, {clients}": {
                    who: [attrs.asdict(one) for one in runs] for who, runs in by.items()
                }
                for (keyed, clients), by in found.items()
            },
            "crowd": {"exchanges": exchanges, **attrs.asdict(crowd)},
        },
        faults=faults,
    )


def _measure(settings: Settings, *, keyed: bool) -> Found:
    found: Found = {}
    with ExitStack() as stack:
        _, ports = simulated(stack, settings, keyed="yes" if keyed else "no", bytes=1 << 20)
        amp = amp_before(stack, settings, ports, keyed=keyed)
        files = _files(settings, ports[0], COMMAND, keyed=keyed)
        for clients in settings.clients or CLIENTS:
            contestants = {
                "direct": partial(ask, settings, ports[0], clients, files),
                "amp": partial(ask, settings, amp.ports[1], clients, files, amp_pid=amp.pid),
            }
            interleave(contestants, 1)
            found[keyed, clients] = interleave(contestants, settings.rounds)
    return found


def _crowd(settings: Settings) -> tuple[int, AskRound]:
    """Exchanges at the sniffer that a crowd's equal questions cost, and what the crowd saw."""
    with ExitStack() as stack:
        sniffers, ports = simulated(stack, settings)
        amp = amp_before(stack, settings, ports, keyed=False, server=FRESH)
        files = _files(settings, ports[0], b"listcalls", keyed=False)
        before = asked_so_far(sniffers)
        seen = ask(settings, amp.ports[1], CROWD, files, amp_pid=amp.pid, each=1)
        after = asked_so_far(sniffers)
    return after["listcalls"] - before["listcalls"], seen


def _files(settings: Settings, port: int, command: bytes, *, keyed: bool) -> tuple[Path, Path]:
    """The bytes of a request, and those of the reply, as the sniffer itself gives them: with one IV they are
    always the same."""
    request, reply = settings.folder / "request", settings.folder / "reply"
    request.write_bytes(sealed(command) if keyed else command + b"\r\n\r\n")
    reply.write_bytes(talk(port, request.read_bytes()))
    assert not keyed or opened(reply.read_bytes())
    return request, reply


def _ratio(by: Mapping[str, Sequence[AskRound]]) -> float:
    amp, direct = (statistics.median(one.rate for one in by[who]) for who in ("amp", "direct"))
    return amp / direct if direct else 0.0


def _table(found: Found, settings: Settings) -> str:
    heads = ("", "clients", "", "p50, µs", "p99, µs", "commands/s", "CPU, µs")
    rows = []
    for (keyed, clients), by in found.items():
        start = ("AES" if keyed else "plain", str(clients))
        for who, runs in by.items():
            figures = (
                spread(one.p50_us for one in runs).text(),
                spread(one.p99_us for one in runs).text(),
                spread(one.rate for one in runs).text(),
                f"{statistics.median(one.cpu_us for one in runs):.1f}" if who == "amp" else "",
            )
            rows.append((*start, who, *figures))
        rows.append((*start, "amp / direct", "", "", f"{_ratio(by):.2f}", ""))
    title = (
        f"Commands at a simulated sniffer: median (least-most) of {settings.rounds} rounds in turn; "
        "CPU of amp per command"
    )
    return table(title, heads, rows)


COMMANDS = Scenario("sniffers-commands", "commands at a sniffer, through amp and directly", run)

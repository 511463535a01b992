"""Scenario ``reqresp``: actions and their answers, through amp and directly at the server.

The action is a Ping. Through amp it names its server, so that amp sends it on (one without ``Server:`` is
answered by amp itself). Each client asks, waits for the answer with its ActionID, and asks again.

In ``reqresp`` the server writes an answer in three pieces, as Asterisk does; in ``reqresp-blocks`` in one.
Both are C programs that do nothing else. In ``reqresp-sim`` it is the project's simulated Asterisk
(``amp sim``), which parses, decides and answers as a manager does.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final, Literal

import attrs

from bench.ampproc import USER, AmpProcess
from bench.child import Child
from bench.procfs import cpu_s
from bench.rigs import Streams, source_of, wait_for_links
from bench.scenario import Outcome, Scenario, Settings, interleave
from bench.summary import spread, table

__all__ = ["REQRESP", "REQRESP_BLOCKS", "REQRESP_SIM", "ask"]

CLIENTS = (1, 50)


@attrs.frozen(kw_only=True)
class AskRound:
    """One round of questions.

    Attributes:
        answers: how many came.
        rate: answers per second.
        p50_us, p99_us: from the question's write until its answer is read.
        cpu_us: CPU of amp per answer; 0 where there is no amp.
        asker_share: CPU of the asking program per second; 1.0 is one processor.
        faults: answers that were wrong or refused, connections that were closed.
    """

    answers: int
    rate: float
    p50_us: float
    p99_us: float
    cpu_us: float
    asker_share: float
    faults: tuple[str, ...]


Kind = Literal["three writes", "one write", "simulated Asterisk"]
"""What the server is: how it writes an answer."""

NAMES: Final[Mapping[Kind, str]] = {
    "three writes": "reqresp",
    "one write": "reqresp-blocks",
    "simulated Asterisk": "reqresp-sim",
}


def run(settings: Settings, kind: Kind = "three writes") -> Outcome:
    """Measure one client's latency and many clients' throughput."""
    found: dict[int, dict[str, list[AskRound]]] = {}
    with ExitStack() as stack:
        direct_port, amp = (_with_sims if kind == "simulated Asterisk" else _with_sources)(
            stack, settings, blocks=kind == "one write"
        )
        for clients in settings.clients or CLIENTS:
            contestants = {
                "direct": partial(ask, settings, direct_port, clients),
                "amp": partial(ask, settings, amp.port, clients, amp.pid),
            }
            interleave(contestants, 1)
            found[clients] = interleave(contestants, settings.rounds)
    return Outcome(
        tables=[_table(found, settings, kind)],
        data={
            "programs": settings.programs.kind,
            "rounds": {
                n: {who: [attrs.asdict(r) for r in runs] for who, runs in by.items()}
                for n, by in found.items()
            },
            "latency_ratio": {n: _ratio(by, "p50_us") for n, by in found.items()},
            "rate_ratio": {n: _ratio(by, "rate") for n, by in found.items()},
        },
        faults=[
            f"{NAMES[kind]}, {n} clients, {who}: {fault}"
            for n, by in found.items()
            for who, runs in by.items()
            for one in runs
            for fault in one.faults
        ],
    )


def _with_sources(stack: ExitStack, settings: Settings, *, blocks: bool) -> tuple[int, AmpProcess]:
    """A server to be asked directly, and amp before another one; its port, and amp."""
    streams = Streams(settings)
    _, (direct_port,) = source_of(stack, settings, streams.sent, blocks=blocks)
    source, ports = source_of(stack, settings, streams.sent, blocks=blocks)
    amp = stack.enter_context(AmpProcess(settings, ports))
    wait_for_links(source, servers=1)
    return direct_port, amp


def _with_sims(stack: ExitStack, settings: Settings, *, blocks: bool) -> tuple[int, AmpProcess]:
    """The same with simulated Asterisks, which write an answer in three pieces."""
    assert not blocks
    direct_port, behind_port = (_sim(stack, settings, account) for account in (USER, "amp"))
    amp = stack.enter_context(AmpProcess(settings, [behind_port]))
    amp.wait_up()
    return direct_port, amp


def _sim(stack: ExitStack, settings: Settings, account: str) -> int:
    command = [sys.executable, "-m", "amp", "sim", "--user", account, "--secret", account]
    return int(stack.enter_context(Child([*settings.programs.leash, *command])).expect("port")["port"])


def ask(settings: Settings, port: int, clients: int, amp_pid: int = 0) -> AskRound:
    through = {"server": "pbx1"} if amp_pid else {}
    milliseconds = int(settings.seconds * 1000)
    argv = settings.programs.argv(
        "asker", port=port, clients=clients, milliseconds=milliseconds, user=USER, **through
    )
    with Child(argv) as asker:
        asker.expect("ready")
        before_s = cpu_s(amp_pid) if amp_pid else 0.0
        asker.say("go")
        seen = asker.expect("answers", timeout_s=settings.seconds + 30)
        used_s = cpu_s(amp_pid) - before_s if amp_pid else 0.0
    return AskRound(
        answers=seen["answers"],
        rate=seen["answers"] / seen["seconds"],
        p50_us=seen["p50_us"],
        p99_us=seen["p99_us"],
        cpu_us=used_s * 1e6 / max(seen["answers"], 1),
        asker_share=seen["cpu_s"] / seen["seconds"],
        faults=tuple(f"{seen[name]} {name}" for name in ("refused", "wrong", "closed") if seen[name]),
    )


def _ratio(by: Mapping[str, Sequence[AskRound]], figure: str) -> float:
    amp, direct = (statistics.median(getattr(one, figure) for one in by[who]) for who in ("amp", "direct"))
    return amp / direct if direct else 0.0


def _table(found: Mapping[int, Mapping[str, Sequence[AskRound]]], settings: Settings, kind: Kind) -> str:
    heads = ("clients", "", "p50, µs", "p99, µs", "answers/s", "CPU, µs")
    rows = []
    for clients, by in found.items():
        for who, runs in by.items():
            figures = (
                spread(one.p50_us for one in runs).text(),
                spread(one.p99_us for one in runs).text(),
                spread(one.rate for one in runs).text(),
                f"{statistics.median(one.cpu_us for one in runs):.1f}" if who == "amp" else "",
            )
            rows.append((str(clients), who, *figures))
        rows.append(
            (str(clients), "amp / direct", f"{_ratio(by, 'p50_us'):.2f}", "", f"{_ratio(by, 'rate'):.3f}", "")
        )
    title = (
        f"Request and response, {kind}: median (least-most) of {settings.rounds} rounds "
        "in turn; CPU of amp per answer"
    )
    return table(title, heads, rows)


REQRESP = Scenario("reqresp", "actions and answers, through amp and directly", run)
REQRESP_BLOCKS = Scenario(
    "reqresp-blocks", "the same with answers in one piece", partial(run, kind="one write"), smoke=False
)
REQRESP_SIM = Scenario(
    "reqresp-sim", "the same with simulated Asterisks", partial(run, kind="simulated Asterisk")
)

"""``python -m bench SCENARIO``: measure, print tables, write ``bench/out/SCENARIO.json``.

Exit codes: 0 measured, and every event was where it must be; 1 an event was lost, doubled, late or altered,
an answer went astray, or a run failed; 2 usage.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.abuse import ABUSE
from bench.child import BenchError
from bench.fanout import FANOUT, FIREHOSE
from bench.memory import MEMORY
from bench.programs import build
from bench.reqresp import REQRESP, REQRESP_BLOCKS, REQRESP_SIM
from bench.scenario import Scenario, Settings
from bench.sniffer_commands import COMMANDS
from bench.sniffer_relay import RELAY
from bench.sniffer_watch import WATCH
from bench.stream import RECORDING
from bench.summary import about_this_machine, write_json
from bench.websocket import WEBSOCKET

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        FANOUT,
        FIREHOSE,
        REQRESP,
        REQRESP_BLOCKS,
        REQRESP_SIM,
        MEMORY,
        ABUSE,
        COMMANDS,
        RELAY,
        WATCH,
        WEBSOCKET,
    )
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for and return the exit code."""
    words = _parser().parse_args(argv)
    scenarios = _chosen(words.scenario)
    with tempfile.TemporaryDirectory(prefix="amp-bench-") as name:
        folder = Path(name)
        settings = Settings(
            programs=build(folder),
            folder=folder,
            recording=words.recording,
            rounds=words.rounds or (2 if words.scenario == "smoke" else 9),
            seconds=words.seconds or (0.3 if words.scenario == "smoke" else 1.0),
            clients=tuple(words.clients),
            small=words.scenario == "smoke",
        )
        print("{processors} x {processor}, Python {python}, load {load:.1f}".format(**about_this_machine()))
        return max([_run(scenario, settings) for scenario in scenarios])


def _chosen(word: str) -> list[Scenario]:
    if word == "smoke":
        return [scenario for scenario in SCENARIOS.values() if scenario.smoke]
    return list(SCENARIOS.values()) if word == "all" else [SCENARIOS[word]]


def _run(scenario: Scenario, settings: Settings) -> int:
    try:
        outcome = scenario.run(settings)
    except BenchError as error:
        print(f"bench {scenario.name}: {error}", file=sys.stderr)
        return 1
    print("\n".join(outcome.tables))
    name = f"{scenario.name}-smoke" if settings.small else scenario.name
    write_json(name, {"scenario": scenario.name, "faults": list(outcome.faults), **outcome.data})
    for fault in outcome.faults:
        print(f"bench {fault}", file=sys.stderr)
    return 1 if outcome.faults else 0


def _parser() -> argparse.ArgumentParser:
    several = {"smoke": "most of them, small, in half a minute", "all": "all of them"}
    words = {**{one.name: one.help for one in SCENARIOS.values()}, **several}
    known = "\n".join(f"  {name:17} {text}" for name, text in words.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure amp beside a floor on this machine.",
        epilog=f"scenarios:\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", choices=list(words), metavar="SCENARIO")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of each contestant (9)")
    parser.add_argument("--seconds", type=float, default=0.0, help="length of a round, about (1.0)")
    parser.add_argument(
        "--clients", type=int, nargs="+", default=[], help="numbers of clients instead of the usual"
    )
    parser.add_argument("--recording", type=Path, default=RECORDING, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The helper programs: built from C into a temporary folder, or their Python stand-ins."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import attrs

__all__ = ["Programs", "build"]

HERE = Path(__file__).parent
NAMES = ("floor", "server", "sink", "asker", "exchanger")
C_ONLY = ("leash", "wsink")
"""Without stand-ins: a bench without C does without them."""


@attrs.frozen
class Programs:
    """Command lines of the helper programs.

    Attributes:
        kind: what they are written in; ``"Python"`` means that no figure beside the floor counts.
        commands: by name (floor, server, sink, asker, exchanger; in C also wsink), the first words of the
            command line.
        leash: what to put before a command line so that it cannot outlive the bench; empty without C.
    """

    kind: str
    commands: dict[str, tuple[str, ...]]
    leash: tuple[str, ...] = ()

    def argv(self, name: str, **options: str | int) -> list[str]:
        """The command line of one program; an option ``clients=3`` becomes ``--clients 3``."""
        words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        return [*self.commands[name], *words]


def build(folder: Path, compilers: Sequence[str] = ("cc", "gcc", "clang")) -> Programs:
    """Compile the programs into ``folder``; without a C compiler use Python and say so."""
    compiler = next(filter(None, map(shutil.which, compilers)), None)
    if compiler is None:
        print("bench: no C compiler: all but amp runs in Python too, ratios mean little", file=sys.stderr)
        stand_in = (sys.executable, "-m", "bench.standin")
        return Programs("Python", {name: (*stand_in, name) for name in NAMES})
    for name in (*NAMES, *C_ONLY):
        source = HERE / f"{name}.c"
        subprocess.run([compiler, "-O2", "-w", "-o", str(folder / name), str(source)], check=True, timeout=60)
    return Programs(
        "C", {name: (str(folder / name),) for name in (*NAMES, "wsink")}, (str(folder / "leash"),)
    )

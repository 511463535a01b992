"""What a command loads before it does anything: who only asks waits for nothing big."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "cattrs",
    "cryptography",
    "orjson",
    "pymysql",
    "re2",
    "structlog",
    "textual",
    "trio",
    "tomllib",
    "wsproto",
}

SCRIPT = """
import sys
from amp.cli import main
try:
    code = main(sys.argv[1:])
finally:
    sys.stderr.write(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
sys.exit(code)
"""


def loaded(*arguments: str) -> tuple[int, set[str]]:
    """Exit code, and the packages that were imported."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, set(done.stderr.splitlines()[-1].split())


def test_the_version_needs_nothing_at_all() -> None:
    code, modules = loaded("--version")
    assert code == 0
    assert modules & (HEAVY | {"cyclopts", "rich", "attrs", "re"}) <= {"re"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("--help", 0), ("show --help", 0), ("top --help", 0), ("pause --help", 0), ("send --help", 0),
        ("doctor --help", 0),
        ("run --help", 0), ("check --help", 0), ("import --help", 0), ("cert --help", 0),
        ("show --control /nowhere", 1), ("reload --control /nowhere", 1), ("kill 1 --control /nowhere", 1),
    ],
)  # fmt: skip
def test_nothing_heavy_is_loaded_to_help_or_to_ask(arguments: str, code: int) -> None:
    found, modules = loaded(*arguments.split())
    assert found == code
    assert modules & HEAVY == set()
    if "--help" not in arguments:
        assert "rich" not in modules

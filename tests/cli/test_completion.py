"""What the shells make of ``amp completion``: each asked itself, with a running amp for the names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import Amp
from cli.processes import PATIENCE_S, running
from programs import program
from terminals import terminal

CONFIG = """
[proxy]
control = "control.sock"
[[listen]]
port = 0
[simulate]
asterisks = 2
sniffers = 1
"""

CASES = [
    ("amp pa", {"pause"}),
    ("amp re", {"resume", "reconnect", "reload"}),
    ("amp show ", {"servers", "clients", "sessions", "stats"}),
    ("amp key g", {"generate"}),
    ("amp pause s", {"sim1", "sim2", "sniffer1"}),
    ("amp reconnect sim", {"sim1", "sim2"}),
    ("amp completion z", {"zsh"}),
]


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running amp, and a command ``amp`` that finds it."""
    folder = tmp_path_factory.mktemp("amp")
    (folder / "amp.toml").write_text(CONFIG)
    (folder / "amp").write_text(f'#!/bin/sh\nexec {sys.executable} -m amp "$@"\n')
    (folder / "amp").chmod(0o755)
    for shell in ("bash", "zsh", "fish"):
        with (folder / shell).open("wb") as script:
            subprocess.run(
                [sys.executable, "-m", "amp", "completion", shell],
                stdout=script, check=True, timeout=PATIENCE_S,
            )  # fmt: skip
    with running(folder / "amp.toml"):
        yield {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "AMP_CONTROL": str(folder / "control.sock"),
            "SCRIPT": str(folder),
            "HOME": str(folder),
            "ZDOTDIR": str(folder),
        }


def said(command: list[str], environ: dict[str, str]) -> list[str]:
    done = subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


BASH = """
source "$SCRIPT/bash"
COMP_LINE=$1 COMP_POINT=${#1}
read -ra COMP_WORDS <<< "$1"
[[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
spec=$(complete -p amp)
[[ $spec =~ -F\\ ([^ ]+) ]]
"${BASH_REMATCH[1]}" amp "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_bash(line: str, expected: set[str], environ: dict[str, str]) -> None:
    bash = program("bash", "bash")
    assert set(said([bash, "--norc", "-c", BASH, "bash", line], environ)) == expected


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_fish(line: str, expected: set[str], environ: dict[str, str]) -> None:
    fish = program("fish", "fish")
    script = 'source "$SCRIPT/fish"; complete -C "$argv[1]"'
    offered = {each.partition("\t")[0] for each in said([fish, "--no-config", "-c", script, line], environ)}
    assert offered == expected


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_zsh(line: str, expected: set[str], environ: dict[str, str], tmp_path: Path) -> None:
    """In a terminal, as completion there needs one: what it lists."""
    zsh = program("zsh", "zsh")
    with terminal(tmp_path, zsh, "-f", environ=environ, columns=200) as screen:
        screen.type(
            'PS1="> "; autoload -U compinit; compinit -D -u; source $SCRIPT/zsh; setopt auto_list; echo ready'
        )
        screen.press("Enter")
        screen.until_shown("\nready\n")
        screen.type(line)
        screen.press("C-d")

        def lists(text: str) -> bool:
            return expected <= set(text.partition("\nready\n")[2].replace(line, "", 1).split())

        screen.until(lists)


def test_no_amp_no_names_and_no_noise(environ: dict[str, str]) -> None:
    nowhere = {**environ, "AMP_CONTROL": "/nowhere"}
    assert said([program("bash", "bash"), "--norc", "-c", BASH, "bash", "amp pause s"], nowhere) == [""]


def test_names_are_never_run(tmp_path: Path) -> None:
    """A name that a shell would carry out is a word like any other."""
    (tmp_path / "amp").write_text("#!/bin/sh\necho NAME KIND\necho 'a$(touch$IFS\"$HOME\"/run)`x` b'\n")
    (tmp_path / "amp").chmod(0o755)
    with (tmp_path / "bash").open("wb") as script:
        command = [sys.executable, "-m", "amp", "completion", "bash"]
        subprocess.run(command, stdout=script, check=True, timeout=PATIENCE_S)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SCRIPT": str(tmp_path), "HOME": str(tmp_path)}
    (offered,) = said([program("bash", "bash"), "--norc", "-c", BASH, "bash", "amp pause "], environ)
    assert offered == 'a\\$\\(touch\\$IFS\\"\\$HOME\\"/run\\)\\`x\\`'
    assert not (tmp_path / "run").exists()


def test_another_shell_is_none_of_ours(amp: Amp) -> None:
    done = amp("completion", "tcsh")
    assert (done.code, done.out) == (2, b"")

"""The examples of docs/command-line.md, run by a shell beside a running amp."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from amp.cli import COMMANDS, GROUPS
from cli.processes import PATIENCE_S, running
from programs import program

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()

CONFIG = """
[proxy]
control = "control.sock"
[[listen]]
port = 0
[[user]]
name = "steve"
secret = "s"
[simulate]
sniffers = 1
"""


def examples() -> list[tuple[str, str]]:
    """Commands and what the page says they print."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = example.partition("\n")
            found.append((command, output))
    return found


def plain(text: str) -> str:
    """Without what differs from run to run: numbers, sizes, the width of columns."""
    return re.sub(r"\s+", " ", re.sub(r"\d[\d.]*[kMG]?", "N", text)).strip()


def shell(command: str, environ: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    return done.stdout


def until_connected(environ: dict[str, str]) -> None:
    """An example before may have begun to connect anew."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        rows = json.loads(shell("amp show servers --json", environ))
        if all(row["state"] == "up" for row in rows):
            return
        assert time.monotonic() < deadline


def test_the_examples_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    program("nc", "netcat-openbsd")
    (tmp_path / "amp.toml").write_text(CONFIG)
    (tmp_path / "amp").write_text(f'#!/bin/sh\nexec {sys.executable} -m amp "$@"\n')
    (tmp_path / "amp").chmod(0o755)
    environ = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "AMP_CONTROL": str(tmp_path / "control.sock"),
    }
    assert len(examples()) >= 10
    with running(tmp_path / "amp.toml"):
        for command, expected in examples():
            until_connected(environ)
            printed = shell(command, environ)
            pattern = re.escape(plain(expected)).replace(r"\.\.\.", ".*")
            assert re.fullmatch(pattern, plain(printed), re.DOTALL), (command, printed)


def test_every_command_has_its_place_on_the_page() -> None:
    assert [
        name for name in (*COMMANDS, *GROUPS) if not re.search(rf"^\|.*`(amp )?{name}`", PAGE, re.MULTILINE)
    ] == []

"""Processes for the tests of the command line: simulated sniffers, a running amp."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE_S = 60
AMP = (sys.executable, "-m", "amp")


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: bytes
    err: str


@contextmanager
def sniffer(*options: str) -> Iterator[int]:
    """A simulated sniffer; gives its port."""
    with subprocess.Popen([*AMP, "sim", "--sniffer", *options], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["port"]
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@contextmanager
def running(config: Path, up: int = 0) -> Iterator[list[str]]:
    """A running amp; gives the places where it listens.

    Args:
        config: its configuration.
        up: so many of its Asterisks are connected then; amp itself is ready before any is.
    """
    with subprocess.Popen([*AMP, "run", "--allow-root", str(config)], stderr=subprocess.PIPE) as process:
        try:
            yield _ready(process, up)["listen"]
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)


def _ready(process: subprocess.Popen[bytes], up: int) -> dict[str, Any]:
    assert process.stderr is not None
    ready: dict[str, Any] = {}
    for line in process.stderr:
        told: dict[str, Any] = json.loads(line)
        if told["event"] == "ready":
            ready = told
        up -= told["event"] == "server_up"
        if ready and up <= 0:
            return ready
    raise AssertionError("amp ended before it was ready")

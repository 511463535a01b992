"""AMI clients that people use, unmodified: the same script passes against Asterisk directly and through amp.

The scripts in ``clients/`` sign in, ping, list 60 channels while others come and go, run a command, set and
read a variable, originate in both ways, send and get a UserEvent, and go on after the PBX was killed and
started again.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import trio

from real.amp_process import Upstream, open_amp
from real.asterisk import Asterisk
from real.background import in_background
from real.calls import event_stream, hang_up_all, originate_headers
from real.oracle import signed_in

pytestmark = pytest.mark.asterisk

SCRIPTS = Path(__file__).parent / "clients"
PYTHON = ("panoramisk", "pystrix")
NODE = ("asterisk-manager", "asterisk-ami-client")
STEPS = (
    *("login", "ping", "list", "command", "getvar", "originate_sync", "originate_async", "userevent"),
    *("restart", "back"),
)
LEGS = 30
"""Held Local calls; each is two channels."""


def command_of(library: str) -> Sequence[str]:
    """How to run the library's script; skips if it is not installed."""
    if library in PYTHON:
        if importlib.util.find_spec(library) is None:
            _missing(f"{library} is not installed (pip install '.[clients]')")
        return [sys.executable, str(SCRIPTS / f"{library}_client.py")]
    node = shutil.which("node")
    folders = [Path(one) for one in os.environ.get("NODE_PATH", "").split(os.pathsep) if one]
    if node is None or not any((folder / library).is_dir() for folder in folders):
        _missing(f"node or its package {library} is not there (npm install {library}; NODE_PATH)")
    return [str(node), str(SCRIPTS / f"{library.replace('-', '_')}.js")]


def _missing(reason: str) -> None:
    if os.environ.get("AMP_REQUIRE_REAL"):
        pytest.fail(f"AMP_REQUIRE_REAL is set, but {reason}")
    pytest.skip(reason)


@asynccontextmanager
async def sixty_channels(server: Asterisk) -> AsyncIterator[None]:
    """Keep 60 channels up and some events flowing during the block; ends with the server if it is killed."""
    async with signed_in(server.ports.ami) as control:
        await hang_up_all(control)
        for _ in range(LEGS):
            headers = originate_headers(leg="hold", exten="hold")
            await control.send_action("Originate", *headers, ("Async", "true"))
        with trio.fail_after(60):
            while len(await control.ask_list("CoreShowChannels")) < 2 * LEGS:  # noqa: ASYNC110 - Asterisk's
                await trio.sleep(0.1)
        async with event_stream(control, per_second=50):
            yield


class Script:
    """A running client script and what it has reported."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.reports: dict[str, dict[str, Any]] = {}
        self.errors = b""
        self._news = trio.Event()
        self._ended = False

    async def read_reports(self) -> None:
        """Collect the reports until the script ends; a task of its own."""
        assert self.process.stdout is not None
        tail = b""
        async for data in self.process.stdout:
            *lines, tail = (tail + data).split(b"\n")
            for line in lines:
                report = orjson.loads(line)
                self.reports[report.pop("step")] = report
            self._wake()
        self._ended = True
        self._wake()

    async def read_errors(self) -> None:
        """Collect what it says on standard error; a task of its own."""
        assert self.process.stderr is not None
        async for data in self.process.stderr:
            self.errors += data

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def wait_step(self, step: str) -> None:
        """Wait until it has reported this step."""
        with trio.move_on_after(60):
            while step not in self.reports and not self._ended:
                await self._news.wait()
        assert step in self.reports, f"got to {list(self.reports)}\n{self.errors.decode(errors='replace')}"

    async def go_on(self) -> None:
        """The PBX is back."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(b"go on\n")


@asynccontextmanager
async def running(command: Sequence[str], port: int, username: str, secret: str) -> AsyncIterator[Script]:
    """Run a client script; it is gone at the end of the block."""
    process = await trio.lowlevel.open_process(
        [*command, str(port), username, secret],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    script = Script(process)
    try:
        async with in_background(script.read_reports), in_background(script.read_errors):
            yield script
    finally:
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                assert stream is not None
                await stream.aclose()


async def assert_works(command: Sequence[str], server: Asterisk, *account: Any) -> None:
    """See the script through all its steps, with a restart of the PBX in the middle."""
    async with sixty_channels(server), running(command, *account) as script:
        await script.wait_step("restart")
        server.kill()
        server.start()
        await trio.to_thread.run_sync(server.wait_ready)
        await script.go_on()
        await script.wait_step("back")
    assert tuple(script.reports) == STEPS
    facts = script.reports
    assert facts["list"]["items"] == facts["list"]["distinct"] >= 2 * LEGS
    assert facts["ping"]["answer"] == "Pong"
    assert facts["command"]["output"].startswith("Asterisk 2")
    assert facts["getvar"]["value"].endswith("smörgås")
    assert facts["originate_sync"]["response"] == "Success"
    assert facts["originate_async"]["response"] == "Success"
    assert facts["userevent"]["note"] == "mine"


@pytest.mark.parametrize("library", [*PYTHON, *NODE])
async def test_a_client_works_with_asterisk_itself(asterisks: Mapping[str, Asterisk], library: str) -> None:
    """The script is right: it passes without amp."""
    command = command_of(library)
    plain = asterisks["plain"]
    await assert_works(command, plain, plain.ports.ami, "amp", "secret")


@pytest.mark.parametrize("library", [*PYTHON, *NODE])
async def test_a_client_works_through_amp(
    asterisks: Mapping[str, Asterisk], tmp_path: Path, library: str
) -> None:
    """Nothing in it had to know that there is a proxy."""
    command = command_of(library)
    plain = asterisks["plain"]
    async with open_amp(tmp_path, [Upstream(name="plain", port=plain.ports.ami)]) as amp:
        await assert_works(command, plain, amp.port, "client", "client secret")

"""``amp run`` as a process in front of a simulated Asterisk, for what would hurt the test's own process."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from amp.sim.asterisk import SimAsterisk
from shell.harness import PATIENCE_S, AmiClient

__all__ = ["Running", "amp_process", "running_amp"]

CONFIG = """
[log]
format = "json"
[[listen]]
port = 0
[[server]]
name = "a"
host = "127.0.0.1"
port = {port}
username = "amp"
secret = "secret"
reconnect_first = "100ms"
reconnect_max = "200ms"
[[user]]
name = "anna"
secret = "anna's"
write = ["all"]
[limits]
"""


@attrs.define(eq=False, kw_only=True)
class Running:
    """A running amp.

    Attributes:
        sim: its one server, called ``a``, if `amp_process` started it.
        process: it.
        path: its configuration file.
        lines: its log so far, parsed.
        noise: what it wrote that is no log line; must stay empty.
    """

    process: trio.Process
    _sim: SimAsterisk | None = None
    path: Path
    port: int = 0
    lines: list[Any] = attrs.field(factory=list)
    noise: list[bytes] = attrs.field(factory=list)
    clients: list[AmiClient] = attrs.field(factory=list)

    @property
    def sim(self) -> SimAsterisk:
        """See the class."""
        assert self._sim is not None
        return self._sim

    async def connect(self) -> AmiClient:
        """A new connection."""
        self.clients.append(AmiClient(await trio.open_tcp_stream("127.0.0.1", self.port)))
        return self.clients[-1]

    async def client(self, events: str = "on") -> AmiClient:
        """A client that is signed in."""
        one = await self.connect()
        assert (await one.login(events=events)).name == b"Success"
        return one

    async def logged(self, event: str, **facts: object) -> dict[str, Any]:
        """Wait until amp has logged a line with these facts."""
        with trio.fail_after(PATIENCE_S):
            while True:
                for line in self.lines:
                    if line["event"] == event and facts.items() <= line.items():
                        return dict(line)
                await trio.sleep(0.01)

    def count(self, event: str) -> int:
        """Log lines of this kind so far."""
        return [line["event"] for line in self.lines].count(event)

    def descriptors(self) -> int:
        """How many it has open."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def allow_descriptors(self, most: int) -> None:
        """It may have so many from now on; those that are open stay open."""
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (most, most))


@asynccontextmanager
async def amp_process(folder: Path, limits: str = "", descriptors: int = 0) -> AsyncIterator[Running]:
    """amp in front of one simulated Asterisk called ``a``, both links of which are up; see `running_amp`.

    Args:
        folder: for its configuration.
        limits: lines of ``[limits]``.
        descriptors: how many it may have from the start; 0 for as many as this process may.
    """
    sim = SimAsterisk(name="a")
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sim.serve, "127.0.0.1", 0))
        path = folder / "amp.toml"
        await trio.Path(path).write_text(CONFIG.format(port=port) + limits)
        async with running_amp(path, descriptors=descriptors, sim=sim) as running:
            await running.logged("server_up")
            with trio.fail_after(PATIENCE_S):
                while len(sim.sessions) < 2:  # noqa: ASYNC110  # one for events, and soon one for actions
                    await trio.sleep(0.01)
            yield running
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def running_amp(
    path: Path, arguments: tuple[str, ...] = (), descriptors: int = 0, sim: SimAsterisk | None = None
) -> AsyncIterator[Running]:
    """amp, ready; at the end it must stop on request, with code 0 and nothing but JSON in its log.

    Args:
        path: its configuration, with ``[log] format = "json"``.
        arguments: more of the command line.
        descriptors: how many it may have from the start; 0 for as many as this process may.
        sim: its server.
    """
    ulimit = f"ulimit -n {descriptors} && " if descriptors else ""
    command = [sys.executable, "-m", "amp", "run", "--allow-root", *arguments, str(path)]
    process = await trio.lowlevel.open_process(
        ["sh", "-c", f'{ulimit}exec "$@"', "sh", *command], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    running = Running(process=process, path=path, sim=sim)
    async with trio.open_nursery() as nursery:
        try:
            nursery.start_soon(_read_log, running)
            ready = await running.logged("ready")
            running.port = int(ready["listen"][0].rpartition(":")[2])
            yield running
            process.send_signal(signal.SIGTERM)
            with trio.fail_after(PATIENCE_S):
                assert await process.wait() == 0
        finally:
            for client in running.clients:
                client.stream.socket.close()
            if process.poll() is None:
                process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
        # and the rest of its log is read, to the end that the pipe has by now
    assert process.stderr is not None
    await process.stderr.aclose()
    assert not running.noise, b"\n".join(running.noise).decode(errors="replace")


async def _read_log(running: Running) -> None:
    assert running.process.stderr is not None
    tail = b""
    async for data in running.process.stderr:
        *lines, tail = (tail + data).split(b"\n")
        for line in lines:
            try:
                running.lines.append(json.loads(line))
            except ValueError:
                running.noise.append(line)

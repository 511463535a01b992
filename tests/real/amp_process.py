"""`amp run` as a user starts it: a subprocess with a configuration file, judged from outside."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import orjson
import trio

from real.background import in_background
from real.oracle import Client, signed_in

__all__ = ["AmpProcess", "Upstream", "open_amp"]

LogLine = Mapping[str, Any]

CONFIG = """\
[proxy]
name = "amp under test"
default_server = "first"

[[listen]]
address = "127.0.0.1"
port = 0
protocols = ["{protocols}"]

[[user]]
name = "client"
secret = "client secret"
read = ["all"]
write = ["all", "command", "config", "dbput", "function_calls", "originate_application", "fanout"]

[log]
level = "info"
format = "json"
"""

SERVER = """
[[server]]
kind = "asterisk"
name = "{name}"
host = "127.0.0.1"
port = {port}
username = "{username}"
secret = "secret"
sessions = "{sessions}"
{more}
"""


@attrs.frozen(kw_only=True)
class Upstream:
    """One ``[[server]]`` of the configuration."""

    name: str
    port: int
    username: str = "amp"
    sessions: str = "split"
    alive: bool = True
    """False: nobody is there, and nobody waits for it."""
    more: str = ""
    """Further lines."""


@attrs.define(kw_only=True, eq=False)
class AmpProcess:
    """A running amp: where it listens, and everything it has logged."""

    process: trio.Process
    port: int = 0
    log: list[LogLine] = attrs.field(factory=list)
    noise: list[bytes] = attrs.field(factory=list)
    """What it wrote on stderr that is no JSON: a traceback, say. Must stay empty."""
    ended: trio.Event = attrs.field(factory=trio.Event)
    """Set when there will be no more log."""
    _news: trio.Event = attrs.field(factory=trio.Event)

    async def read_log(self) -> None:
        """Collect what amp writes on stderr until it ends; a task of its own."""
        assert self.process.stderr is not None
        tail = b""
        async for data in self.process.stderr:
            *lines, tail = (tail + data).split(b"\n")
            for line in lines:
                self._keep(line)
            self._wake()
        self.noise += [tail] * bool(tail)
        self.ended.set()
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    def _keep(self, line: bytes) -> None:
        try:
            self.log.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            self.noise.append(line)

    async def wait_log(self, event: str, timeout: float = 60, **fields: object) -> LogLine:
        """The first log line of that event with these fields, now or when it comes."""
        with trio.move_on_after(timeout):
            while True:
                news = self._news
                for line in self.log:
                    if line.get("event") == event and fields.items() <= line.items():
                        return line
                if self.ended.is_set():
                    break
                await news.wait()
        raise AssertionError(f"no log line {event!r} with {fields}:\n{self.report()}")

    def lines_about(self, text: str) -> list[LogLine]:
        """The log lines with this text in any value."""
        return [line for line in self.log if any(text in str(value) for value in line.values())]

    def report(self) -> str:
        """The end of the log, for a failed test."""
        return b"\n".join([*map(orjson.dumps, self.log[-30:]), *self.noise[-60:]]).decode(errors="replace")

    @asynccontextmanager
    async def client(self, events: str = "on") -> AsyncIterator[Client]:
        """A signed-in client of this amp."""
        async with signed_in(self.port, user="client", secret="client secret", events=events) as client:
            yield client

    async def wait_up(self, names: Iterable[str], timeout: float = 60) -> None:
        """Wait until each of these servers answers a Ping through amp."""
        with trio.fail_after(timeout):
            async with self.client(events="off") as client:
                for name in names:
                    await _until_answered(client, name)

    def peak_memory(self) -> int:
        """The most memory it ever held, in bytes (resident)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


async def _until_answered(client: Client, server: str) -> None:
    # Asked again and again because it is the answer, not amp's word for it, that we wait for.
    while not (await client.ask("Ping", ("Server", server))).is_response("Success"):  # noqa: ASYNC110
        await trio.sleep(0.05)


@asynccontextmanager
async def open_amp(
    folder: Path,
    servers: Sequence[Upstream],
    *,
    limits: str = "",
    users: str = "",
    protocols: Sequence[str] = ("ami",),
) -> AsyncIterator[AmpProcess]:
    """Run amp until the end of the block, wait for all its servers, and see it end well.

    Args:
        folder: where the configuration file goes.
        servers: in the order of the configuration.
        limits: lines of the ``[limits]`` table.
        users: further ``[[user]]`` tables.
        protocols: of its listener.
    Raises:
        AssertionError: it did not become ready, its exit code was not 0, or it wrote something on
            stderr that is no log line, or logged an exception.
    """
    path = folder / "config.toml"
    tables = [SERVER.format_map(attrs.asdict(server)) for server in servers]
    config = CONFIG.replace("{protocols}", '", "'.join(protocols))
    path.write_text(config + "".join(tables) + f"{users}\n[limits]\n{limits}\n")
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "amp", "run", "--allow-root", str(path)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    amp = AmpProcess(process=process)
    try:
        async with in_background(amp.read_log):
            ready = await amp.wait_log("ready")
            amp.port = int(str(ready["listen"][0]).rpartition(":")[2])
            await amp.wait_up(server.name for server in servers if server.alive)
            yield amp
            process.send_signal(signal.SIGTERM)
            with trio.fail_after(60):
                await process.wait()
                await amp.ended.wait()
    finally:
        await _make_sure_it_is_gone(process)
    assert process.returncode == 0, f"exit code {process.returncode}\n{amp.report()}"
    assert not amp.noise, amp.report()
    bugs = [str(line["exception"]) for line in amp.log if "exception" in line]
    assert not bugs, "amp logged a bug of its own:\n" + "\n".join(bugs)


async def _make_sure_it_is_gone(process: trio.Process) -> None:
    if process.poll() is None:
        process.kill()
    with trio.CancelScope(shield=True):
        await process.wait()
        assert process.stderr is not None
        await process.stderr.aclose()

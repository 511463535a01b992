"""amp and simulated Asterisks in this process, on real sockets, for the shell's tests."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from amp.config.schema import (
    AsteriskServer,
    Config,
    Database,
    Limits,
    Listen,
    Metrics,
    Proxy,
    Simulate,
    User,
    VoipmonitorServer,
)
from amp.config.secret import Secret
from amp.core.ami.frame import Frame
from amp.core.formats.registry import Formats
from amp.shell.app import App
from amp.sim.asterisk import SimAsterisk

PATIENCE_S = 60
"""How long anything may take before a test fails; nothing is asserted about how long it took."""

ANNA = User(name="anna", secret=Secret("anna's"), read=("all",), write=("all", "command"))


class AmiClient:
    """A plain AMI client for tests: it splits at blank lines and knows nothing else of amp."""

    def __init__(self, stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]) -> None:
        self.stream = stream
        self._buffer = b""

    async def raw(self) -> bytes:
        """The next block without its blank line; ``b""`` at the end of the stream."""
        with trio.fail_after(PATIENCE_S):
            while b"\r\n\r\n" not in self._buffer:
                try:
                    data = await self.stream.receive_some(65536)
                except trio.BrokenResourceError:
                    return b""
                if not data:
                    return b""
                self._buffer += data
        block, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return block

    async def frame(self) -> Frame:
        """The next frame."""
        return Frame.parse(await self.raw())

    async def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        """Read on until a frame fits."""
        while True:
            raw = await self.raw()
            assert raw, "the stream ended"
            frame = Frame.parse(raw)
            if wanted(frame):
                return frame

    async def event(self, name: str) -> Frame:
        """Read on until this event."""
        return await self.until(lambda frame: frame.headers[0] == (b"Event", name.encode()))

    async def answer(self, action_id: str) -> Frame:
        """Read on until the response with this ActionID."""
        return await self.until(
            lambda frame: frame.headers[0][0] == b"Response" and frame.get(b"ActionID") == action_id.encode()
        )

    async def rest(self) -> bytes:
        """All there is until the end of the stream."""
        with trio.fail_after(PATIENCE_S):
            try:
                while data := await self.stream.receive_some(65536):
                    self._buffer += data
            except trio.BrokenResourceError:
                pass
        return self._buffer

    async def send(self, *headers: tuple[str, str]) -> None:
        """One frame."""
        text = "".join(f"{name}: {value}\r\n" for name, value in headers)
        await self.stream.send_all(text.encode() + b"\r\n")

    async def action(self, name: str, *headers: tuple[str, str]) -> None:
        """One action."""
        await self.send(("Action", name), *headers)

    async def greeting(self) -> bytes:
        """The first line, which has no blank line behind it."""
        with trio.fail_after(PATIENCE_S):
            while b"\r\n" not in self._buffer:
                self._buffer += await self.stream.receive_some(1000)
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    async def login(self, user: str = "anna", secret: str = "anna's", events: str = "on") -> Frame:
        """Read the greeting, sign in, and give the answer."""
        await self.greeting()
        await self.action("Login", ("Username", user), ("Secret", secret), ("Events", events))
        return await self.until(lambda frame: frame.headers[0][0] == b"Response")


@attrs.define
class Lab:
    """A running amp.

    Attributes:
        app: it.
        addresses: where it listens.
        sims: its servers, by name.
        lines: its log so far, parsed.
    """

    app: App
    addresses: list[str]
    nursery: trio.Nursery
    sims: dict[str, SimAsterisk]
    lines: list[Any]
    ended: trio.Event
    clients: list[AmiClient] = attrs.field(factory=list)

    @property
    def port(self) -> int:
        """The port of the first listener."""
        return self.port_of(0)

    def port_of(self, listener: int) -> int:
        """The port of one of them."""
        return int(self.addresses[listener].rpartition(":")[2])

    async def connect(self, listener: int = 0) -> AmiClient:
        """A new connection to amp."""
        one = AmiClient(await trio.open_tcp_stream("127.0.0.1", self.port_of(listener)))
        self.clients.append(one)
        return one

    async def client(self, user: str = "anna", secret: str = "anna's", events: str = "on") -> AmiClient:
        """A client that is signed in."""
        one = await self.connect()
        assert (await one.login(user, secret, events)).name == b"Success"
        return one

    async def logged(self, event: str, **facts: object) -> dict[str, Any]:
        """Wait until amp has logged a line with these facts."""
        with trio.fail_after(PATIENCE_S):
            while True:
                for line in self.lines:
                    if line["event"] == event and facts.items() <= line.items():
                        return dict(line)
                await trio.sleep(0.01)

    def stop(self) -> None:
        """As an operator would."""
        assert not self.ended.is_set(), "the signal would end the tests themselves"
        os.kill(os.getpid(), signal.SIGTERM)


def server(name: str, port: int, **more: Any) -> AsteriskServer:
    """A server of the lab; it reconnects quickly."""
    settings: dict[str, Any] = {"reconnect_first_s": 0.1, "reconnect_max_s": 0.2, **more}
    return AsteriskServer(
        name=name, host="127.0.0.1", port=port, username="amp", secret=Secret("secret"), **settings
    )


@asynccontextmanager
async def lab(
    *names: str,
    users: tuple[User, ...] = (ANNA,),
    limits: Limits | None = None,
    proxy: Proxy | None = None,
    extra: tuple[AsteriskServer | VoipmonitorServer, ...] = (),
    listen: tuple[Listen, ...] = (Listen(port=0),),
    path: Path | None = None,
    simulate: Simulate | None = None,
    database: Database | None = None,
    metrics: Metrics | None = None,
    formats: Formats | None = None,
    **settings: Any,
) -> AsyncIterator[Lab]:
    """amp in front of one simulated Asterisk for each name, all up.

    ``settings`` go to every server; ``path`` is the file that a SIGHUP makes it read.
    """
    sims = {
        name: SimAsterisk(name=name, seed=number, write_timeout_s=PATIENCE_S)
        for number, name in enumerate(names)
    }
    with structlog.testing.capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            servers = []
            for name, sim in sims.items():
                _, port = await nursery.start(partial(sim.serve, "127.0.0.1", 0))
                servers.append(server(name, port, **settings))
            config = Config(
                proxy=proxy or Proxy(name="lab"),
                listen=listen,
                server=(*servers, *extra),
                user=users,
                limits=limits or Limits(),
                simulate=simulate,
                database=database,
                metrics=metrics or Metrics(),
            )
            ended = trio.Event()
            app = App(config, path, formats)
            addresses = await nursery.start(_run, app, ended)
            one = Lab(app, addresses, nursery, sims, lines, ended)
            for name in names:
                await one.logged("server_up", server=name)
            try:
                yield one
            finally:
                for client in one.clients:
                    await trio.aclose_forcefully(client.stream)
            nursery.cancel_scope.cancel()


async def _run(app: App, ended: trio.Event, *, task_status: trio.TaskStatus[list[str]]) -> None:
    await app.run(task_status=task_status)
    ended.set()

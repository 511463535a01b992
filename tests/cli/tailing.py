"""``amp tail`` as a process beside an amp in this one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import orjson
import trio

from amp.config.schema import Listen
from amp.shell.websocket.client import WebSocketClient
from cli.processes import AMP
from shell.harness import PATIENCE_S, Lab

__all__ = ["WEB", "Tailing", "subscribed", "tail", "tailing", "until", "url_of", "watchers"]

WEB = (Listen(port=0), Listen(port=0, protocols=("websocket",)))
"""For the tests' own clients, and for ``amp tail``. They are apart since amp takes who says nothing at once
for a manager client where both are taken, and a new process may be slow to speak."""


def url_of(one: Lab) -> str:
    """Where this amp takes WebSockets."""
    return f"ws://127.0.0.1:{one.port_of(1)}"


@attrs.define(eq=False)
class Tailing:
    """One that runs.

    Attributes:
        out: the lines of its standard output so far.
        err: those of standard error.
    """

    process: trio.Process
    out: list[str] = attrs.field(factory=list)
    err: list[str] = attrs.field(factory=list)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Its lines of JSON."""
        return [orjson.loads(line) for line in self.out]

    async def has(self, count: int, *, err: bool = False) -> None:
        """Wait until there are so many lines."""
        await until(lambda: len(self.err if err else self.out) >= count)

    async def ended(self) -> int:
        """Wait for its end: the exit code, below 0 for a signal."""
        with trio.fail_after(PATIENCE_S):
            return await self.process.wait()


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Anna signs in, nothing else is said."""
    mine = {"AMP_CONFIG": "", "AMP_TAIL_USER": "anna", "AMP_TAIL_SECRET": "anna's", "NO_COLOR": ""}
    return {**os.environ, **mine, **env}


@asynccontextmanager
async def tailing(one: Lab | str, *options: str, **env: str) -> AsyncIterator[Tailing]:
    """``amp tail`` of this amp, subscribed; its end is killed if it has not come by itself."""
    place = one if isinstance(one, str) else url_of(one)
    process = await trio.lowlevel.open_process(
        [*AMP, "tail", *([place] if place else []), *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(env),
    )  # fmt: skip
    found = Tailing(process)
    async with trio.open_nursery() as nursery:
        assert process.stdout is not None
        assert process.stderr is not None
        nursery.start_soon(_read, process.stdout, found.out)
        nursery.start_soon(_read, process.stderr, found.err)
        try:
            if isinstance(one, Lab):
                await subscribed(one)
            yield found
        finally:
            if process.poll() is None:
                process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


def watchers(one: Lab) -> list[WebSocketClient]:
    """amp's side of the WebSockets that have subscribed."""
    board = one.app._board
    assert board is not None
    clients = [client for client in board.clients.values() if isinstance(client, WebSocketClient)]
    return [client for client in clients if client.view is not None]


async def subscribed(one: Lab, count: int = 1) -> None:
    """Wait until there are so many of them."""
    await until(lambda: len(watchers(one)) >= count)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    with trio.fail_after(PATIENCE_S):
        while True:
            if true():
                return
            await trio.sleep(0.01)


async def tail(*arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """``amp tail`` to its end."""
    with trio.fail_after(PATIENCE_S):
        return await trio.run_process(
            [*AMP, "tail", *arguments], capture_stdout=True, capture_stderr=True, check=False,
            env=environment(env),
        )  # fmt: skip


async def _read(stream: trio.abc.ReceiveStream, lines: list[str]) -> None:
    rest = b""
    with suppress(trio.ClosedResourceError):
        async with stream:
            async for data in stream:
                *whole, rest = (rest + data).split(b"\n")
                lines += [line.decode() for line in whole]

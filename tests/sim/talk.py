"""A client for tests of the simulated Asterisk: sends bytes, takes frames apart as plainly as can be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from amp.sim.asterisk import SimAsterisk

LOGIN = b"Action: Login\r\nUsername: amp\r\nSecret: secret\r\nEvents: %s\r\n\r\n"


class Client:
    """One connection; `read_frame` gives frames without their closing blank line."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._data = b""

    async def read_line(self) -> bytes:
        while b"\r\n" not in self._data:
            await self._more()
        line, _, self._data = self._data.partition(b"\r\n")
        return line

    async def read_frame(self) -> bytes:
        while b"\r\n\r\n" not in self._data:
            await self._more()
        frame, _, self._data = self._data.partition(b"\r\n\r\n")
        return frame

    async def read_until(self, start: bytes) -> list[bytes]:
        """Frames up to and with the first one that begins so."""
        frames = [await self.read_frame()]
        while not frames[-1].startswith(start):
            frames.append(await self.read_frame())
        return frames

    async def read_all(self) -> bytes:
        """Everything until the server closes."""
        try:
            while True:
                await self._more()
        except (EOFError, trio.BrokenResourceError):
            return self._data

    async def act(self, *lines: str) -> bytes:
        """Send an action and give the first frame of its answer; for clients without events."""
        await self.send(*lines)
        return await self.read_frame()

    async def send(self, *lines: str) -> None:
        await self.stream.send_all("\r\n".join([*lines, "", ""]).encode())

    async def _more(self) -> None:
        data = await self.stream.receive_some(65536)
        if not data:
            raise EOFError
        self._data += data


@asynccontextmanager
async def serving(sim: SimAsterisk) -> AsyncIterator[tuple[str, int]]:
    """The simulated server runs inside; gives its address."""
    async with trio.open_nursery() as nursery:
        yield await nursery.start(sim.serve)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def connected(address: tuple[str, int], events: bytes | None = None) -> AsyncIterator[Client]:
    """A client; signed in, with its greetings read, if ``events`` says for which classes."""
    async with await trio.open_tcp_stream(*address) as stream:
        client = Client(stream)
        assert await client.read_line() == b"Asterisk Call Manager/11.0.0"
        if events is not None:
            await stream.send_all(LOGIN % events)
            assert (await client.read_frame()).startswith(b"Response: Success")
        yield client


def names(frame: bytes) -> tuple[bytes, ...]:
    """The header names of a frame, in order."""
    return tuple(line.partition(b":")[0] for line in frame.split(b"\r\n") if line)

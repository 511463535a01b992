"""The abusive clients of the scenario ``abuse``: ``python -m bench.abusers KIND PORT``, until stdin ends.

They come from addresses of their own (127.0.1.x), so that amp's limits by address apply to them. When it
ends, a JSON line says how often they connected and how much they sent.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import resource
import sys
from collections.abc import Awaitable, Callable

import attrs
import trio

__all__ = ["KINDS"]

ADDRESSES = [f"127.0.1.{number}" for number in range(1, 33)]
CROWD = 10_000
"""Silent connections; fewer where a process may not open so many."""
ENOUGH = 4
"""Connections until the attack counts as begun."""
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2
LOGIN = b"Action: Login\r\nUsername: bench\r\nSecret: %b\r\nEvents: off\r\n\r\n"


@attrs.define
class Attack:
    """One attack and what it did so far."""

    port: int
    connections: int = 0
    refused: int = 0
    bytes_sent: int = 0
    _addresses: itertools.cycle[str] = attrs.field(factory=lambda: itertools.cycle(ADDRESSES))

    async def connect(self) -> trio.SocketStream | None:
        """A connection from the next address."""
        sock = trio.socket.socket()
        try:
            await sock.bind((next(self._addresses), 0))
            await sock.connect(("127.0.0.1", self.port))
        except OSError:
            sock.close()
            self.refused += 1
            await trio.sleep(0.1)
            return None
        self.connections += 1
        return trio.SocketStream(sock)

    async def send(self, stream: trio.SocketStream, data: bytes) -> None:
        """All of it."""
        await stream.send_all(data)
        self.bytes_sent += len(data)

    async def again_and_again(self, talk: Callable[[trio.SocketStream], Awaitable[None]]) -> None:
        """Connect, talk until the end of the connection, and so on for ever."""
        while True:
            stream = await self.connect()
            if stream is None:
                continue
            try:
                await talk(stream)
            except (OSError, trio.BrokenResourceError):
                pass
            finally:
                stream.socket.close()

    async def many(self, count: int, talk: Callable[[trio.SocketStream], Awaitable[None]]) -> None:
        """So many at the same time."""
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(self.again_and_again, talk)
                await trio.lowlevel.checkpoint()


async def wait_for_the_end(stream: trio.SocketStream) -> None:
    """Read and forget."""
    while await stream.receive_some(65536):
        pass


async def silent(attack: Attack) -> None:
    """Thousands of connections that say nothing; those that amp closes are made anew."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    await attack.many(min(CROWD, hard - 100), wait_for_the_end)


async def few_silent(attack: Attack) -> None:
    """Fifty connections that say nothing."""
    await attack.many(50, wait_for_the_end)


async def logins(attack: Attack) -> None:
    """Wrong secrets, fifty at a time."""

    async def guess(stream: trio.SocketStream) -> None:
        await attack.send(stream, LOGIN % b"wrong")
        await wait_for_the_end(stream)

    await attack.many(50, guess)


async def garbage(attack: Attack) -> None:
    """Random bytes before any login, as fast as they are taken."""
    data = random.randbytes(65536)

    async def throw(stream: trio.SocketStream) -> None:
        while True:
            await attack.send(stream, data)

    await attack.many(8, throw)


async def tls(attack: Attack) -> None:
    """A TLS hello on the plain port."""

    async def hello(stream: trio.SocketStream) -> None:
        await attack.send(stream, HELLO)
        await stream.receive_some(1000)
        await trio.sleep(0.01)

    await attack.many(20, hello)


async def slowloris(attack: Attack) -> None:
    """A login one byte at a time, on five hundred connections."""

    async def drip(stream: trio.SocketStream) -> None:
        for number in range(len(LOGIN) * 100):
            await attack.send(stream, LOGIN[number % 20 : number % 20 + 1])
            await trio.sleep(0.2)

    await attack.many(500, drip)


async def endless(attack: Attack) -> None:
    """Signed in, then one line without an end."""

    async def pour(stream: trio.SocketStream) -> None:
        await attack.send(stream, LOGIN % b"bench" + b"Action: Ping\r\nX: ")
        while True:
            await attack.send(stream, b"x" * 65536)

    await attack.many(4, pour)


async def hasty(attack: Attack) -> None:
    """Signed in, then actions as fast as they are taken, and no answer is read."""

    async def ask(stream: trio.SocketStream) -> None:
        await attack.send(stream, LOGIN % b"bench")
        while True:
            await attack.send(stream, b"Action: Ping\r\nServer: pbx1\r\n\r\n" * 500)

    await attack.many(4, ask)


KINDS: dict[str, Callable[[Attack], Awaitable[None]]] = {
    "silent": silent,
    "descriptors": few_silent,
    "logins": logins,
    "garbage": garbage,
    "tls": tls,
    "slowloris": slowloris,
    "endless": endless,
    "hasty": hasty,
}


async def main(kind: str, port: int) -> None:
    """Attack until stdin ends."""
    attack = Attack(port)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(KINDS[kind], attack)
        while attack.connections + attack.refused < ENOUGH:  # noqa: ASYNC110  # counters tell nobody
            await trio.sleep(0.01)
        print(json.dumps({"attacking": kind}), flush=True)
        await trio.lowlevel.FdStream(os.dup(0)).receive_some(1)
        nursery.cancel_scope.cancel()
    used = resource.getrusage(resource.RUSAGE_SELF)
    report = {
        "connections": attack.connections,
        "refused": attack.refused,
        "bytes_sent": attack.bytes_sent,
        "cpu_s": used.ru_utime + used.ru_stime,
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]))

"""A client for tests of the simulated sniffer, with its own reading of the protocol's encryption."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import trio

from amp.sim.sniffer.aes import Key
from amp.sim.sniffer.sniffer import SimSniffer
from independent_aes import seal, unseal
from sniffer_recordings import KEYS

KEY = Key(KEYS["db128"].key, KEYS["db128"].iv)
OTHER = Key(KEYS["rot128"].key, KEYS["rot128"].iv)
LONG = Key(KEYS["db256"].key, KEYS["db256"].iv)


@asynccontextmanager
async def serving(**wishes: Any) -> AsyncIterator[tuple[SimSniffer, tuple[str, int]]]:
    """A running sniffer and its address."""
    sniffer = SimSniffer(**wishes)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(sniffer.serve)
        yield sniffer, address
        nursery.cancel_scope.cancel()


async def read_all(stream: trio.abc.ReceiveStream) -> bytes:
    """Everything up to the close."""
    received = b""
    while data := await stream.receive_some(65536):
        received += data
    return received


async def say(address: tuple[str, int], request: bytes) -> bytes:
    """One request in one segment, one reply."""
    async with await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(request)
        return await read_all(stream)


async def ask(address: tuple[str, int], line: str) -> bytes:
    """One plain command."""
    return await say(address, line.encode() + b"\r\n\r\n")


async def ask_sealed(
    address: tuple[str, int], line: str, key: Key = KEY, name: str = "aes-128-cbc", reads: Key | None = None
) -> bytes:
    """One encrypted command; ``reads`` is the key that the reply is read with, if it is another one."""
    sealed = seal(name, key.key, key.iv, line.encode())
    reply = await say(address, b"%s:%s:sea" % (name.encode(), sealed))
    if not reply.startswith(b"aes:"):
        return reply
    key = reads or key
    return unseal(name, key.key, key.iv, reply[4:])


@asynccontextmanager
async def talking(sniffer: SimSniffer, request: bytes) -> AsyncIterator[trio.abc.ReceiveStream]:
    """A request that was sent without any socket; for a virtual clock, which sockets do not wait for."""
    client, server = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sniffer.handle, server)
        await client.send_all(request)
        await trio.testing.wait_all_tasks_blocked()
        yield client
        await client.aclose()


async def play(
    sniffer: SimSniffer, segments: Iterable[tuple[float, bytes]], *, half_close: bool, local: bool
) -> tuple[bytes, float]:
    """Send pieces with pauses in front of them without any socket; the reply, and when its first byte came.

    For a virtual clock: sockets would not wait for it.
    """
    client, server = trio.testing.memory_stream_pair()
    began = trio.current_time()
    reply, first_at = b"", began

    async def listen() -> None:
        nonlocal reply, first_at
        while data := await client.receive_some():
            first_at = first_at if reply else trio.current_time()
            reply += data
        first_at = first_at if reply else trio.current_time()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)

        async def work() -> None:
            await sniffer.handle(server, local=local)

        nursery.start_soon(work)
        for pause, data in segments:
            await trio.sleep(pause)
            try:
                await client.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                break
            await trio.testing.wait_all_tasks_blocked()
        if half_close:
            await client.send_eof()
    return reply, first_at - began

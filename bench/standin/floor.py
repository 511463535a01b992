"""Stand-in for floor.c: every client has its own task and an unbounded backlog."""

from __future__ import annotations

import math

import trio

from bench.standin.common import CHUNK, Options, bound_port, say

__all__ = ["run"]


async def run(options: Options) -> None:
    """Accept ``clients``, connect to ``upstream``, relay until it ends."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    say(port=bound_port(listener))
    clients = [await listener.accept() for _ in range(int(options.get("clients", "1")))]
    upstream = await trio.open_tcp_stream("127.0.0.1", int(options["upstream"]))
    backlogs: list[trio.MemorySendChannel[bytes]] = []
    async with trio.open_nursery() as nursery:
        for client in clients:
            send, receive = trio.open_memory_channel[bytes](math.inf)
            backlogs.append(send)
            nursery.start_soon(_flush, client, receive)
        say(ready=len(clients))
        while data := await upstream.receive_some(CHUNK):
            for backlog in backlogs:
                backlog.send_nowait(data)
        for backlog in backlogs:
            backlog.close()


async def _flush(client: trio.SocketStream, backlog: trio.MemoryReceiveChannel[bytes]) -> None:
    try:
        async for data in backlog:
            await client.send_all(data)
    except trio.BrokenResourceError:
        async for _ in backlog:  # a client that has gone takes nothing more
            pass

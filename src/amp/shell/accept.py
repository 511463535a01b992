"""The accept loop: it outlives shortages, and what goes wrong in one connection ends only that one."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import trio

from amp.shell.descriptors import SHORTAGE
from amp.shell.log import get_logger

__all__ = ["NOTSENT_BYTES", "Handler", "accept_forever"]

Handler = Callable[[trio.SocketStream], Awaitable[None]]

NOTSENT_BYTES: Final = 1 << 19
"""What the kernel holds for a client beyond what is on its way to it; the rest waits in amp, where it is one
piece of memory for all. trio's streams have 16 KB, which is right for who waits for each write. amp goes from
client to client with batches of 350 KB: with 16 KB the writes of clients that are a little behind come in
several parts, and all takes twice the cycles (docs/performance.md)."""


async def accept_forever(
    listener: trio.SocketListener,
    handler: Handler,
    sessions: trio.Nursery,
    on_shortage: Callable[[trio.SocketListener, OSError], Awaitable[None]],
) -> NoReturn:
    """Accept until cancelled; each connection's task lives in ``sessions``, its socket until the task ends.

    Args:
        listener: closed at the end.
        handler: serves one connection.
        sessions: the nursery of the connections.
        on_shortage: called when somebody waits and there is no descriptor or memory for the connection;
            returns when it is worth another try.
    """
    is_short = False
    async with listener:
        while True:
            if is_short:
                # Without a descriptor accept fails also when nobody waits; and there may be one by the time
                # that somebody does.
                await trio.lowlevel.wait_readable(listener.socket)
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in SHORTAGE:
                    raise
                if is_short:
                    await on_shortage(listener, error)
                is_short = True
            else:
                is_short = False
                sessions.start_soon(_serve, handler, stream)


async def _serve(handler: Handler, stream: trio.SocketStream) -> None:
    try:
        if stream.socket.family != socket.AF_UNIX:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_BYTES)
        await handler(stream)
    except OSError as error:
        get_logger().debug("connection_lost", reason=str(error))
    except Exception:
        get_logger().exception("connection_failed")
    finally:
        stream.socket.close()

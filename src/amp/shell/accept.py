"""The accept loop: it outlives shortages, and what goes wrong in one connection ends only that one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn

import trio

from amp.shell.descriptors import SHORTAGE
from amp.shell.log import get_logger

__all__ = ["Handler", "accept_forever"]

Handler = Callable[[trio.SocketStream], Awaitable[None]]


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
        on_shortage: called when there is no descriptor or memory for a connection; returns when it is worth
            another try.
    """
    async with listener:
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in SHORTAGE:
                    raise
                await on_shortage(listener, error)
            else:
                sessions.start_soon(_serve, handler, stream)


async def _serve(handler: Handler, stream: trio.SocketStream) -> None:
    try:
        await handler(stream)
    except OSError as error:
        get_logger().debug("connection_lost", reason=str(error))
    except Exception:
        get_logger().exception("connection_failed")
    finally:
        stream.socket.close()

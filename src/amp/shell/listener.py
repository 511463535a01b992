"""Taking connections: the accept loops, and what every new connection goes through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from amp.shell.accept import Handler, accept_forever
from amp.shell.log import get_logger

__all__ = ["address_text", "open_listeners", "serve"]


async def open_listeners(address: str, port: int) -> list[trio.SocketListener]:
    """Listen on one configured address.

    Raises:
        OSError: the address is in use, is not ours, or may not be used; the message names it.
    """
    try:
        return await trio.open_tcp_listeners(port, host=address)
    except OSError as error:
        raise OSError(f"cannot listen on {address}:{port}: {error.strerror or error}") from error


async def serve(
    listeners: list[trio.SocketListener],
    handler: Handler,
    sessions: trio.Nursery,
    on_shortage: Callable[[trio.SocketListener, OSError], Awaitable[None]],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Accept until cancelled; the clients' tasks live on in ``sessions``. See `accept_forever`."""
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(accept_forever, listener, handler, sessions, on_shortage)
        task_status.started()


def address_text(name: object) -> str:
    """A socket's name for people: ``127.0.0.1:5038``, ``[::1]:5038``, or a path."""
    match name:
        case (str(host), int(port)):
            return f"{host}:{port}"
        case (str(host), int(port), _, _):
            return f"[{host}]:{port}"
        case str(path) if path:
            return path
        case _:
            get_logger().debug("unnamed_socket", name=repr(name))
            return "unnamed"

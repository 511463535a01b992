"""Taking connections: the accept loops, and what every new connection goes through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

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
    handler: Callable[[trio.SocketStream], Awaitable[None]],
    sessions: trio.Nursery,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Accept until cancelled; the clients' tasks live on in ``sessions``.

    Running out of descriptors is survived: trio waits a moment and goes on accepting.
    """
    await trio.serve_listeners(handler, listeners, handler_nursery=sessions, task_status=_Forget(task_status))


class _Forget(trio.TaskStatus[object]):
    """Passes on that something has started, without the value that came with it."""

    def __init__(self, inner: trio.TaskStatus[None]) -> None:
        self._inner = inner

    def started(self, value: object = None) -> None:
        del value
        self._inner.started()


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

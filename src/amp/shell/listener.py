"""Listening: TCP ports, unix sockets and inherited sockets, and their accept loops."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable

import attrs
import trio

from amp.config.schema import Listen
from amp.shell.accept import Handler, accept_forever
from amp.shell.activation import InheritedSockets
from amp.shell.log import get_logger
from amp.shell.unix_socket import UnixListener, open_unix_listener

__all__ = ["Listeners", "address_text", "open_listeners", "peer_text"]


@attrs.frozen
class Listeners:
    """What one ``[[listen]]`` opened."""

    sockets: list[trio.SocketListener]
    file: UnixListener | None = None
    """The file of a unix socket that amp made itself."""

    @property
    def addresses(self) -> list[str]:
        """Where clients can connect, for people."""
        return [address_text(each.socket.getsockname()) for each in self.sockets]

    async def serve(
        self,
        handler: Handler,
        sessions: trio.Nursery,
        on_shortage: Callable[[trio.SocketListener, OSError], Awaitable[None]],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept until cancelled; the clients' tasks live on in ``sessions``. See `accept_forever`."""
        try:
            async with trio.open_nursery() as nursery:
                for listener in self.sockets:
                    nursery.start_soon(accept_forever, listener, handler, sessions, on_shortage)
                task_status.started()
        finally:
            if self.file is not None:
                self.file.remove()


async def open_listeners(listen: Listen, inherited: InheritedSockets) -> Listeners:
    """Listen where the configuration says.

    Raises:
        OSError: the place is in use, is not ours, or may not be used; the message names it.
    """
    try:
        if listen.unix is not None:
            file = open_unix_listener(listen.unix, int(listen.unix_mode, 8))
            return Listeners([file.listener], file)
        if listen.activation is not None:
            return Listeners(inherited.take(listen.activation))
        return Listeners(await trio.open_tcp_listeners(listen.port, host=listen.address))
    except OSError as error:
        raise OSError(f"cannot listen on {listen.place}: {error.strerror or error}") from error


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


def peer_text(sock: trio.socket.SocketType) -> str:
    """Who is at the other end, for people; of a unix socket, the process and user that connected.

    Raises:
        OSError: the connection is gone.
    """
    if sock.family != socket.AF_UNIX:
        return address_text(sock.getpeername())
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", credentials)
    return f"unix (process {pid}, user {uid})"

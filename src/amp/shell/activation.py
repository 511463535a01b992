"""Sockets that whoever started amp had opened already: systemd's socket activation, sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from typing import Final

import trio

__all__ = ["InheritedSockets"]

FIRST_DESCRIPTOR: Final = 3
VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


class InheritedSockets:
    """The sockets that were passed to this process, by name; each can be taken once.

    The variables that tell of them are removed, so that no program amp starts takes them for its own.

    Args:
        environ: the environment, ``os.environ`` but in tests.
        first: the number of the first descriptor, 3 but in tests.
    """

    def __init__(self, environ: MutableMapping[str, str], first: int = FIRST_DESCRIPTOR) -> None:
        pid, count, names = (environ.pop(name, "") for name in VARIABLES)
        self._sockets: dict[str, list[socket.socket]] = {}
        if pid != str(os.getpid()) or not count.isdecimal():
            return
        known = names.split(":")
        for index in range(int(count)):
            # Without names systemd's own word for a socket is "unknown".
            name = known[index] if index < len(known) and known[index] else "unknown"
            os.set_inheritable(first + index, False)
            self._sockets.setdefault(name, []).append(socket.socket(fileno=first + index))

    def take(self, name: str) -> list[trio.SocketListener]:
        """The sockets of that name, ready to accept.

        Raises:
            OSError: there is none, or one of them is not a listening stream socket.
        """
        sockets = self._sockets.pop(name, [])
        if not sockets:
            known = ", ".join(self._sockets) or "none at all"
            raise FileNotFoundError(f"no socket of the name {name} was passed to amp (there is {known})")
        try:
            return [_listener(sock) for sock in sockets]
        except OSError:
            for sock in sockets:
                sock.close()
            raise

    def close_rest(self) -> list[str]:
        """Close what nobody took; returns its names."""
        names = list(self._sockets)
        for sockets in self._sockets.values():
            for sock in sockets:
                sock.close()
        self._sockets.clear()
        return names


def _listener(sock: socket.socket) -> trio.SocketListener:
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise OSError("the socket passed to amp does not listen for streams")
    sock.setblocking(False)
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))

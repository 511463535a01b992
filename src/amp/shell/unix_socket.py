"""Listening on a unix socket: the file that stands for it is made, replaced and removed with care."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import attrs
import trio

__all__ = ["UnixListener", "open_unix_listener"]

BACKLOG: Final = 4096


@attrs.frozen
class UnixListener:
    """A listening unix socket and its file."""

    listener: trio.SocketListener
    path: Path
    _identity: tuple[int, int]

    def remove(self) -> None:
        """Remove the file, unless it is somebody else's by now."""
        with suppress(OSError):
            if _identity(self.path) == self._identity:
                self.path.unlink()


def open_unix_listener(path: Path, mode: int) -> UnixListener:
    """Listen there. A socket file that nobody listens on is replaced.

    Args:
        path: where; its folder exists.
        mode: permissions, such as ``0o600``. They are set before anybody can connect.

    Raises:
        OSError: somebody listens there, it is no socket, or the system refuses; says which.
    """
    with _only_one(path.parent):
        _clear(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.bind(bytes(path))
            path.chmod(mode)
            sock.listen(BACKLOG)
            sock.setblocking(False)
            listener = trio.SocketListener(trio.socket.from_stdlib_socket(sock))
            return UnixListener(listener, path, _identity(path))
        except BaseException:
            sock.close()
            raise


def _clear(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "there is something else, which is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full backlog refuses at once, and somebody listens all the same
        try:
            probe.connect(bytes(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Two that start at the same time must not both find a stale file and take each other's away."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino

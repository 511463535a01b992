"""The process's supply of file descriptors."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import suppress
from typing import Final

import trio

__all__ = ["SHORTAGE", "SpareDescriptor", "descriptor_limit", "raise_limit"]

SHORTAGE: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
"""What accept fails with when there is no room for a connection, in the process or in the system."""

PATIENCE_S: Final = 0.1
"""Until somebody else is believed to have taken the connection that waited."""


def descriptor_limit() -> int:
    """How many descriptors the process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_limit() -> None:
    """Raise the process's soft limit to its hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # not allowed in this container: then it stays as it is
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class SpareDescriptor:
    """One descriptor kept back, so that even without any other a connection can be taken to be refused.

    Otherwise clients would hang in the listener's queue, neither served nor told to go elsewhere.
    """

    def __init__(self) -> None:
        self._spare: int | None = None
        self.keep()

    def keep(self) -> bool:
        """Take one, unless it is there; False if there is none to take."""
        if self._spare is None:
            with suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        return self._spare is not None

    def release(self) -> None:
        """Give it back. Idempotent."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    async def accept(self, listener: trio.SocketListener) -> trio.SocketStream | None:
        """Take the connection that waits, with the spare descriptor; close it, then call `keep`.

        Returns:
            None if that did not work, or if nobody waits.
        """
        self.release()
        with trio.move_on_after(PATIENCE_S), suppress(OSError):
            return await listener.accept()
        return None

"""Getting a connection to a sniffer, one for each command: TCP or a unix socket."""

from __future__ import annotations

from typing import Final, Protocol

import attrs
import trio

from amp.shell.reach import open_tcp
from amp.shell.wire import PlainWire, Wire

__all__ = ["MOST_READ_BYTES", "SnifferReach", "TcpReach", "UnixReach"]

MOST_READ_BYTES: Final = 131_072
"""In one read. A file is copied a few times on its way through amp; with pieces twice as big the allocator
gives memory back and fetches it anew for each of them, which took as many cycles as all else."""


class SnifferReach(Protocol):
    """Where a sniffer is."""

    @property
    def host(self) -> str:
        """The host, as ``Server:`` may name it; empty if it has none."""

    @property
    def place(self) -> str:
        """For people."""

    async def connect(self) -> Wire:
        """A new connection; the caller bounds the time.

        Raises:
            OSError: there is none; says why.
        """


@attrs.frozen
class TcpReach:
    """A sniffer's manager port."""

    host: str
    port: int

    @property
    def place(self) -> str:
        """See `SnifferReach`."""
        return f"{self.host}:{self.port}"

    async def connect(self) -> Wire:
        """See `SnifferReach`."""
        return PlainWire((await open_tcp(self.host, self.port)).socket, most=MOST_READ_BYTES)


@attrs.frozen
class UnixReach:
    """A sniffer's unix socket (``managersocket``, or what ``manager_file start`` opened)."""

    path: str
    host: str = ""

    @property
    def place(self) -> str:
        """See `SnifferReach`."""
        return self.path

    async def connect(self) -> Wire:
        """See `SnifferReach`."""
        try:
            return PlainWire((await trio.open_unix_socket(self.path)).socket, most=MOST_READ_BYTES)
        except OSError as error:
            raise ConnectionError(error.strerror or str(error)) from None

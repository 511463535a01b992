"""Getting a connection to one server: its hosts in their order, and TLS if it is wanted."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

import attrs
import trio

from amp.shell.contexts import ReloadableContext
from amp.shell.tls import TlsWire
from amp.shell.wire import PlainWire, Wire

__all__ = ["Reach", "open_tcp"]


@attrs.define(kw_only=True)
class Reach:
    """Where the links of one server go.

    The leading link chooses among the hosts; all others follow it, to the very address it is connected to,
    so that one process answers whatever a name resolves to (DESIGN §3).

    Attributes:
        hosts: names or addresses; the first is preferred.
        port: of all of them.
        timeout_s: for each host: the connection and the handshake together.
        context: with it TLS is spoken.
        server_name: what the certificate must be for; ``None`` for the host.
    """

    hosts: tuple[str, ...]
    port: int
    timeout_s: float
    context: ReloadableContext | None = None
    server_name: str | None = None
    _chosen: int = attrs.field(default=0, init=False)
    _begin: int = attrs.field(default=0, init=False)
    _peer: str = attrs.field(default="", init=False)

    @property
    def host(self) -> str:
        """The host that was chosen last; before that the first."""
        return self.hosts[self._chosen]

    async def lead(self) -> Wire:
        """Connect to the first host that lets itself be connected to.

        Raises:
            OSError: none does; says why, for each.
        """
        failures: list[str] = []
        count = len(self.hosts)
        for index in ((self._begin + step) % count for step in range(count)):
            try:
                wire = await self._connect(self.hosts[index], self.hosts[index])
            except OSError as error:
                failures.append(f"{self.hosts[index]}: {error}" if count > 1 else str(error))
                continue
            self._chosen, self._peer = index, wire.sock.getpeername()[0]
            return wire
        raise ConnectionError("; ".join(failures))

    async def follow(self) -> Wire:
        """Connect to where the leading link is connected.

        Raises:
            OSError: with the reason.
        """
        return await self._connect(self._peer or self.host, self.host)

    def worked(self) -> None:
        """The leading link is signed in: after its end, begin with the first host again."""
        self._begin = 0

    def failed(self) -> None:
        """The leading link was connected and did not get in: begin with the host after this one."""
        self._begin = (self._chosen + 1) % len(self.hosts)

    async def _connect(self, address: str, name: str) -> Wire:
        try:
            with trio.fail_after(self.timeout_s):
                stream = await open_tcp(address, self.port)
                try:
                    return await self._secured(stream.socket, name)
                except BaseException:
                    stream.socket.close()
                    raise
        except trio.TooSlowError:
            raise TimeoutError(f"no connection within {self.timeout_s:g} s") from None

    async def _secured(self, sock: trio.socket.SocketType, name: str) -> Wire:
        if self.context is None:
            return PlainWire(sock)
        wire = TlsWire(sock, self.context.current, server_name=self.server_name or name)
        await wire.handshake()
        return wire


async def open_tcp(address: str, port: int) -> trio.SocketStream:
    """As trio does it, but with the system's reasons instead of "all attempts to connect failed".

    Raises:
        OSError: no connection; says why.
    """
    try:
        family = _family(address)
        if family is not None:
            return await _open(family, address, port)
        return await trio.open_tcp_stream(address, port)
    except OSError as error:
        cause = error.__cause__
        causes = cause.exceptions if isinstance(cause, BaseExceptionGroup) else (cause or error,)
        reasons = dict.fromkeys(_reason(one) for one in causes)
        raise ConnectionError("; ".join(reasons)) from error


async def _open(family: socket.AddressFamily, address: str, port: int) -> trio.SocketStream:
    """To the one address there is: without a look-up and a race of several, most of what trio does here."""
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await trio.lowlevel.checkpoint_if_cancelled()
        problem = sock.connect_ex((address, port))
        if problem == errno.EINPROGRESS:
            await trio.lowlevel.wait_writable(sock)
            problem = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if problem:
            raise OSError(problem, os.strerror(problem))
    except BaseException:
        sock.close()
        raise
    return trio.SocketStream(trio.socket.from_stdlib_socket(sock))


def _family(address: str) -> socket.AddressFamily | None:
    """What kind of address this is; ``None`` for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, address)
            return family
    return None


def _reason(error: BaseException) -> str:
    number = getattr(error, "errno", None) or 0
    if number > 0:
        return os.strerror(number)
    return getattr(error, "strerror", None) or str(error)  # a name that is not found has a number below 0

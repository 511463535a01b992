"""One exchange with a sniffer over a blocking socket: ``amp send`` asks once and need not wait for trio."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Final

import attrs

from amp.core.ami.framing import NeedData
from amp.core.voipmonitor.cipher import Cipher, SnifferKey
from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.exchange import Exchange, ExchangeLimits
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure, ReplyChunk
from amp.errors import ConfigError, LocalProtocolError

__all__ = ["KeySource", "Place", "Target", "ask"]

READ_BYTES: Final = 256 << 10
SOONEST_S: Final = 0.001
"""A timeout of 0 would make the socket non-blocking."""

KeySource = Callable[[], SnifferKey | None]
"""Reads a key; ``None`` if there is none in that place. Raises ``OSError`` or `ConfigError`."""


@attrs.frozen
class Place:
    """Where to connect.

    Attributes:
        host: a name or an address, or the path of a unix socket.
        port: 0 for a unix socket.
    """

    host: str
    port: int = 0

    def __str__(self) -> str:
        """For people."""
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def connect(self, timeout_s: float) -> socket.socket:
        """A new connection.

        Raises:
            OSError: there is none.
        """
        if self.port:
            return socket.create_connection((self.host, self.port), timeout_s)
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(timeout_s)
            sock.connect(self.host)
        except OSError:
            sock.close()
            raise
        return sock


@attrs.frozen(kw_only=True)
class Target:
    """One sniffer, or a listener of amp's in its place.

    Attributes:
        name: for people.
        sensor_id: its number, if known.
        place: where it is.
        cipher: what it is asked with; ``None``: in clear.
        keys: where its key may be, in order; the first that has one decides.
        limits: of the exchange.
    """

    name: str
    place: Place
    cipher: str | None = None
    keys: tuple[KeySource, ...] = ()
    limits: ExchangeLimits = attrs.field(factory=ExchangeLimits)
    sensor_id: int | None = None

    def ready_cipher(self) -> Cipher | None:
        """What to ask with.

        Raises:
            ConfigError: there is no key, or it cannot be read or used.
        """
        if self.cipher is None:
            return None
        try:
            return Cipher(self.cipher, self._key())
        except LocalProtocolError as error:
            raise ConfigError(self.name, [str(error)]) from None

    def _key(self) -> SnifferKey:
        problems = []
        for source in self.keys:
            try:
                key = source()
            except ConfigError as error:
                problems += [f"{error.source}: {problem}" for problem in error.problems]
            except OSError as error:
                problems.append(f"{error.filename or 'key'}: {error.strerror or error}")
            else:
                if key is not None:
                    return key
        raise ConfigError(self.name, [f"no key ({'; '.join(problems) or 'none is given'})"])


def ask(
    target: Target, command: Command, give: Callable[[bytes], None], *, unpack: bool
) -> ExchangeFailed | None:
    """Ask, and hand the reply on as it comes.

    Args:
        give: takes the pieces of the reply. The time that it takes is not counted as the sniffer's.
        unpack: whether a packed reply is given unpacked.

    Returns:
        What went wrong; ``None`` if the reply is complete, as far as that can be known.

    Raises:
        ConfigError: there is no key.
    """
    cipher, now = target.ready_cipher(), time.monotonic()
    try:
        exchange = Exchange(command=command, cipher=cipher, limits=target.limits, unpack=unpack, now=now)
    except LocalProtocolError as error:
        return ExchangeFailed(Failure.UNSENDABLE, str(error), False, 0)
    try:
        sock = target.place.connect(exchange.next_deadline() - now)
    except TimeoutError:
        exchange.handle_timeout(exchange.next_deadline())
    except OSError as error:
        exchange.connection_lost(error.strerror or str(error))
    else:
        with sock:
            return _talk(exchange, sock, give)
    return _hand_on(exchange, give)[1]


def _talk(exchange: Exchange, sock: socket.socket, give: Callable[[bytes], None]) -> ExchangeFailed | None:
    waited_s = 0.0  # for who takes the reply: that is not the sniffer's time
    request = exchange.connected(time.monotonic())
    while True:
        begun = time.monotonic()
        over, failed = _hand_on(exchange, give)
        if over:
            return failed
        waited_s += time.monotonic() - begun
        sock.settimeout(max(SOONEST_S, exchange.next_deadline() + waited_s - time.monotonic()))
        try:
            if request:
                sock.sendall(request)
                request = b""
            else:
                exchange.receive_data(sock.recv(READ_BYTES), time.monotonic() - waited_s)
        except TimeoutError:
            exchange.handle_timeout(time.monotonic() - waited_s)
        except OSError as error:
            exchange.connection_lost(error.strerror or str(error))


def _hand_on(exchange: Exchange, give: Callable[[bytes], None]) -> tuple[bool, ExchangeFailed | None]:
    """Give what came; says whether that was the end, and what went wrong."""
    while not isinstance(event := exchange.next_event(), NeedData):
        if isinstance(event, ReplyChunk):
            give(event.data)
        else:
            return True, event if isinstance(event, ExchangeFailed) else None
    return False, None

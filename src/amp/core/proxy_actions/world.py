"""What ProxyActions show of amp: plain values, as they were when somebody asked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from amp.core.fanout.catchup import Position

__all__ = ["ClientSeen", "ServerSeen", "SnifferSeen", "World"]


class ClientSeen(NamedTuple):
    """A connected client.

    Attributes:
        user: the name of its user; ``""`` before it has signed in.
        address: where it connects from, without the port.
        action_id: the ActionID that it set last, empty if none.
        reads: the name of its input format.
        writes: the name of its output format.
    """

    user: str
    address: str
    action_id: bytes = b""
    reads: str = "standard"
    writes: str = "standard"


class ServerSeen(NamedTuple):
    """An Asterisk that amp connects to.

    Attributes:
        name: as configured; what ``Server:`` takes.
        up: whether it takes actions now.
        address: its configured host.
        port: of its manager interface.
        username: the account that amp uses there.
        events: what amp asks for at login.
        version: of the manager interface, from its greeting; ``""`` if it is not up.
        reason: why it is not up; ``""`` if it is.
        paused: whether it takes no action, up or not, since somebody said so.
    """

    name: str
    up: bool
    address: str
    port: int
    username: str
    events: str
    version: str = ""
    reason: str = ""
    paused: bool = False


class SnifferSeen(NamedTuple):
    """A sniffer, which is connected to for each command alone.

    Attributes:
        name: as configured or as the GUI's database has it; what ``Server:`` takes.
        address: its host, or the path of its socket.
        port: of its manager; 0 for a socket.
        paused: whether it takes no command of clients, since somebody said so.
    """

    name: str
    address: str
    port: int
    paused: bool = False


NO_POSITIONS: Final[Mapping[bytes, Position]] = MappingProxyType({})


class World(NamedTuple):
    """All of it.

    Attributes:
        positions: the number of each server's latest event.
    """

    clients: tuple[ClientSeen, ...] = ()
    servers: tuple[ServerSeen, ...] = ()
    sniffers: tuple[SnifferSeen, ...] = ()
    positions: Mapping[bytes, Position] = NO_POSITIONS

    def seen_by(self, user: str, servers: frozenset[str] | None) -> World:
        """What a user may know of it.

        Args:
            servers: the only servers of a bound user, who is not told of others, nor who else is
                connected; ``None`` for everybody else.
        """
        if servers is None:
            return self
        return World(
            tuple(client for client in self.clients if client.user == user),
            tuple(server for server in self.servers if server.name in servers),
            tuple(sniffer for sniffer in self.sniffers if sniffer.name in servers),
            {name: at for name, at in self.positions.items() if name.decode() in servers},
        )

"""What ProxyActions show of amp: plain values, as they were when somebody asked."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ClientSeen", "ServerSeen", "World"]


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
    """A configured server.

    Attributes:
        name: as configured; what ``Server:`` takes.
        up: whether it takes actions now.
        address: its configured host.
        port: of its manager interface.
        username: the account that amp uses there.
        events: what amp asks for at login.
    """

    name: str
    up: bool
    address: str
    port: int
    username: str
    events: str


class World(NamedTuple):
    """All of it."""

    clients: tuple[ClientSeen, ...] = ()
    servers: tuple[ServerSeen, ...] = ()

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
        )

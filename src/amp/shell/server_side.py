"""What the shell keeps for one server."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

import attrs

from amp.core.fanout.intake import Intake
from amp.core.proxy_actions.world import ServerSeen
from amp.core.routing.status import ServerStatus
from amp.core.stats import ServerStats
from amp.shell.link import LinkSettings

__all__ = ["ServerSide"]

OWN_ADDRESSES: Final = 64
"""How many of our latest ends of links are remembered; security events about a link trail behind its end."""


@attrs.define(eq=False)
class ServerSide:
    """What the shell keeps for one configured server."""

    name: str
    epoch: bytes
    settings: LinkSettings
    stats: ServerStats
    username: str
    """The account that amp uses there."""
    events: str
    """What amp asks for at login."""
    up: bool = False
    """Whether it takes events and actions; clients were told so."""
    was_up: bool = False
    """Whether it was up before: the next time it is, something may have been missed."""
    reason: str = "not connected yet"
    """Why it is not up; meaningless if it is."""
    since: float = attrs.field(factory=time.time)
    """Since when it is up, or is not; Unix seconds."""
    intake: Intake | None = None
    """Of the event link's present login."""
    own_addresses: set[bytes] = attrs.field(factory=set)
    _recent: deque[bytes] = attrs.field(factory=deque)

    @property
    def wire_name(self) -> bytes:
        """The name as frames carry it."""
        return self.name.encode()

    def turn(self, *, up: bool, reason: str) -> None:
        """It went up or down."""
        self.stats.losses += self.up and not up
        self.up, self.reason, self.since = up, reason, time.time()

    def seen(self, status: ServerStatus) -> ServerSeen:
        """What ProxyActions show of it."""
        reach = self.settings.reach
        version = status.version if status.up else ""
        return ServerSeen(
            self.name, status.up, reach.host, reach.port, self.username, self.events, version, status.reason,
            status.paused,
        )  # fmt: skip

    def remember_address(self, address: str) -> None:
        """One more of our links ends here."""
        self.own_addresses.add(address.encode())
        self._recent.append(address.encode())
        if len(self._recent) > OWN_ADDRESSES:
            self.own_addresses.discard(self._recent.popleft())

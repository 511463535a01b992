"""How many file descriptors what a configuration names may take, beside those of its clients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from amp.config.schema import AsteriskServer, Config
from amp.config.sniffers import VoipmonitorServer

__all__ = ["SPARE_DESCRIPTORS", "descriptors_of", "server_descriptors"]

SPARE_DESCRIPTORS: Final = 64
"""Kept from the clients: standard streams, the log, files that a reload reads, the runtime's own."""

SSH_PIPES: Final = 3
"""To and from an `ssh`. Sniffers behind the same one share them; counted for each, it is a few too many."""

SIMULATED_LINKS: Final = 18
"""Of a simulated Asterisk: both ends of its event link and of eight action links."""

SIMULATED_EXCHANGES: Final = 8
"""Of a simulated sniffer: both ends of four exchanges."""


def descriptors_of(servers: Iterable[AsteriskServer | VoipmonitorServer]) -> int:
    """At most so many connections are open to these servers, and pipes to what leads there."""
    return sum(map(_descriptors, servers))


def server_descriptors(config: Config) -> int:
    """Those of all servers of a file, simulated ones included. Sensors of a database are not in the file."""
    links = descriptors_of((*config.asterisks, *config.sniffers))
    if config.simulate is not None:
        links += config.simulate.asterisks * SIMULATED_LINKS + config.simulate.sniffers * SIMULATED_EXCHANGES
    return links


def _descriptors(server: AsteriskServer | VoipmonitorServer) -> int:
    if isinstance(server, AsteriskServer):
        return server.max_sessions + 1
    return server.exchanges + (server.popup is not None) + (SSH_PIPES if server.ssh is not None else 0)

"""What the console and the metrics show of a server's links."""

from __future__ import annotations

from typing import NamedTuple

from amp.core.routing.commands import LinkRole
from amp.core.routing.link import Link, LinkState
from amp.core.routing.server import Server

__all__ = ["LinkStatus", "ServerStatus", "status_of"]


class LinkStatus(NamedTuple):
    """One link now: ``oldest_s`` is the age in seconds of what Asterisk is working on, 0 if it is idle."""

    number: int
    role: LinkRole
    state: LinkState
    in_flight: int
    oldest_s: float


class ServerStatus(NamedTuple):
    """One server now.

    Attributes:
        name: as configured.
        up: it takes actions.
        reason: why it is not up; ``""`` if it is.
        version: from the greeting of its event link; ``""`` before the first.
        single: events and actions share one link, by configuration or because the server allows but one.
        waiting: actions that are not sent yet.
        links: all of them, the event link first.
        paused: it takes no action till it is resumed, up or not.
    """

    name: str
    up: bool
    reason: str
    version: str
    single: bool
    waiting: int
    links: tuple[LinkStatus, ...]
    paused: bool


def status_of(server: Server, now: float) -> ServerStatus:
    """Look at a server."""
    links = server.links
    shown = tuple(_link_status(link, now) for link in links.all())
    waiting = len(server.unsent())
    return ServerStatus(
        server.name, links.up, links.reason, links.version, links.single, waiting, shown, server.paused
    )


def _link_status(link: Link, now: float) -> LinkStatus:
    head = link.head
    oldest_s = now - head.sent_at if head else 0.0
    return LinkStatus(link.number, link.role, link.phase(now), len(link.flight), oldest_s)

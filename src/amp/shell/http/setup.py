"""What amp offers by HTTP, all in one table."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import Final

from amp.config.schema import Config
from amp.core.formats.registry import Formats
from amp.core.http.ajam import HTML, MXML, RAWMAN
from amp.core.http.digest import Nonces
from amp.shell.collector import Collector
from amp.shell.http.access import Access
from amp.shell.http.ajam import Ajam
from amp.shell.http.api import PREFIX, Api
from amp.shell.http.classic import Classic
from amp.shell.http.dashboard import Dashboard
from amp.shell.http.event_streams import EventStreams
from amp.shell.http.health import Health
from amp.shell.http.metrics import Scrape
from amp.shell.http.sessions import SessionLimits, Sessions
from amp.shell.http.site import WEBSOCKET
from amp.shell.http.sniffer_commands import PATTERN, SnifferCommands
from amp.shell.members import Members
from amp.shell.overview import Overview
from amp.shell.sniffer_desk import SnifferDesk
from amp.shell.websocket.door import WebSocketDoor

__all__ = ["fill_site"]

PREFIXES: Final = ("", "/asterisk")
"""Where Asterisk's own interface is looked for: without a prefix, and with the one that is usual."""


def fill_site(
    overview: Overview,
    config: Callable[[], Config],
    formats: Formats,
    members: Members,
    desk: Callable[[], SnifferDesk],
) -> None:
    """Offer what an amp offers by HTTP.

    Args:
        overview: of the amp; its site gets the routes, its entrance counts the sessions.
        config: what it runs with now.
        formats: those that clients can have.
        members: who may sign in.
        desk: where sniffers are asked.
    """
    site, entrance = overview.site, overview.entrance
    most = partial(_most, config)
    dashboard = Dashboard()
    dashboard.add_to(site)
    site.routes.add(("GET", "POST"), "/", Classic(formats=formats, most=most, front=dashboard.page).handle)
    _offer_api(overview, config, desk)
    sessions = Sessions(entrance, partial(_session_limits, config))
    site.services.append(sessions.run)
    ajam = Ajam(
        sessions=sessions,
        nonces=Nonces(secrets.token_bytes(32)),
        users=lambda: members.accounts.users,
        most=most,
        timeout_s=lambda: config().limits.http_session_timeout_s,
        everybody=lambda: members.anonymous is not None,
    )
    for name, dialect in (("rawman", RAWMAN), ("mxml", MXML), ("manager", HTML)):
        for prefix in PREFIXES:
            site.routes.add(("GET", "POST"), f"{prefix}/{name}", partial(ajam.by_cookie, dialect))
            site.routes.add(("GET", "POST"), f"{prefix}/a{name}", partial(ajam.by_digest, dialect))


def _offer_api(overview: Overview, config: Callable[[], Config], desk: Callable[[], SnifferDesk]) -> None:
    site = overview.site
    sessions = Sessions(overview.entrance, partial(_login_limits, config))
    site.services.append(sessions.run)
    access = Access(sessions=sessions)
    Api(access=access, overview=overview).add_to(site)
    site.routes.add(("GET", "POST"), PATTERN, SnifferCommands(access=access, desk=desk).handle)
    site.routes.add("GET", PREFIX + "/events", EventStreams(access=access).handle)
    door = WebSocketDoor(access=access, limits=lambda: config().limits)
    site.routes.add("GET", WEBSOCKET, door.handle)
    scrape = Scrape(access=access, collector=Collector(overview=overview), settings=lambda: config().metrics)
    site.routes.add("GET", "/metrics", scrape.handle)
    health = Health(overview=overview, site=site)
    site.routes.add("GET", "/healthz", health.healthz)
    site.routes.add("GET", "/readyz", health.readyz)
    site.routes.add("GET", "/openapi.json", health.openapi)


def _login_limits(config: Callable[[], Config]) -> SessionLimits:
    """Those of sessions that a cookie stands for; they see no events, so there is nothing to keep."""
    limits = config().limits
    return SessionLimits(sessions=limits.http_sessions, timeout_s=limits.http_login_timeout_s, queue_bytes=0)


def _most(config: Callable[[], Config]) -> tuple[int, int]:
    return config().limits.line_bytes, config().limits.headers


def _session_limits(config: Callable[[], Config]) -> SessionLimits:
    limits = config().limits
    return SessionLimits(
        sessions=limits.http_sessions,
        timeout_s=limits.http_session_timeout_s,
        queue_bytes=limits.http_session_bytes,
    )

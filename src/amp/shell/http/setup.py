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
from amp.shell.entrance import Entrance
from amp.shell.http.ajam import Ajam
from amp.shell.http.classic import Classic
from amp.shell.http.sessions import SessionLimits, Sessions
from amp.shell.http.site import Site
from amp.shell.http.sniffer_commands import PATTERN, SnifferCommands
from amp.shell.members import Members
from amp.shell.sniffer_desk import SnifferDesk

__all__ = ["make_site"]

PREFIXES: Final = ("", "/asterisk")
"""Where Asterisk's own interface is looked for: without a prefix, and with the one that is usual."""


def make_site(
    config: Callable[[], Config],
    formats: Formats,
    members: Members,
    entrance: Entrance,
    desk: Callable[[], SnifferDesk],
) -> Site:
    """The site of an amp.

    Args:
        config: what it runs with now.
        formats: those that clients can have.
        members: who may sign in.
        entrance: where sessions are counted.
        desk: where sniffers are asked.
    """
    site = Site()
    most = partial(_most, config)
    site.routes.add(("GET", "POST"), "/", Classic(formats=formats, most=most).handle)
    site.routes.add(("GET", "POST"), PATTERN, SnifferCommands(desk=desk).handle)
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
    return site


def _most(config: Callable[[], Config]) -> tuple[int, int]:
    return config().limits.line_bytes, config().limits.headers


def _session_limits(config: Callable[[], Config]) -> SessionLimits:
    limits = config().limits
    return SessionLimits(
        sessions=limits.http_sessions,
        timeout_s=limits.http_session_timeout_s,
        queue_bytes=limits.http_session_bytes,
    )

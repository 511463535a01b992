"""What amp offers by HTTP, all in one table."""

from __future__ import annotations

from collections.abc import Callable

from amp.config.schema import Config
from amp.core.formats.registry import Formats
from amp.shell.http.classic import Classic
from amp.shell.http.site import Site

__all__ = ["make_site"]


def make_site(config: Callable[[], Config], formats: Formats) -> Site:
    """The site of an amp.

    Args:
        config: what it runs with now.
        formats: those that clients can have.
    """
    site = Site()
    classic = Classic(formats=formats, most=lambda: (config().limits.line_bytes, config().limits.headers))
    site.routes.add(("GET", "POST"), "/", classic.handle)
    return site

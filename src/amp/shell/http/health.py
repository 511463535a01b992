"""What nobody signs in for: ``/healthz``, ``/readyz`` and ``/openapi.json``."""

from __future__ import annotations

import attrs

from amp import __version__
from amp.core.api.openapi import document
from amp.core.http.api_error import api_error
from amp.core.http.message import Request, Response
from amp.shell.http.api import shown
from amp.shell.http.site import Site
from amp.shell.http.visitor import Visitor
from amp.shell.overview import Overview

__all__ = ["Health"]


@attrs.frozen(kw_only=True)
class Health:
    """The handlers.

    Attributes:
        overview: knows the servers.
        site: knows whether it is about to close.
    """

    overview: Overview
    site: Site

    async def healthz(self, request: Request, visitor: Visitor) -> Response:
        """The process answers, so it lives."""
        del request, visitor
        return shown({"alive": True})

    async def openapi(self, request: Request, visitor: Visitor) -> Response:
        """The document of what is offered."""
        del request, visitor
        return shown(document(__version__))

    async def readyz(self, request: Request, visitor: Visitor) -> Response:
        """Whether to send clients here: with ``?servers=one`` or ``all`` only if so many are up."""
        del visitor
        if request.query not in (b"", b"servers=one", b"servers=all"):
            return api_error(400, "expected nothing, or servers=one, or servers=all")
        states = [server["state"] == "up" for server in self.overview.servers()]
        wanted = request.query.removeprefix(b"servers=")
        enough = {b"": True, b"one": any(states), b"all": all(states)}[wanted]
        if self.site.closing:
            return api_error(503, "amp is stopping", code="not_ready")
        if not enough:
            return api_error(503, f"{sum(states)} of {len(states)} servers are up", code="not_ready")
        return shown({"ready": True, "servers": len(states), "up": sum(states)})

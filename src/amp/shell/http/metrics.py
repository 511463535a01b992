"""``/metrics`` for Prometheus: who may read it, and the answer in pieces, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address, ip_network

import attrs
import trio

from amp.config.metrics import Metrics
from amp.core.http.api_error import api_error
from amp.core.http.message import Request, Response
from amp.core.metrics import CONTENT_TYPE, written
from amp.shell.collector import Collector
from amp.shell.http.access import Access
from amp.shell.http.visitor import Visitor

__all__ = ["Scrape"]


@attrs.frozen(kw_only=True)
class Scrape:
    """The handler.

    Attributes:
        access: finds out who asks.
        collector: knows what is measured.
        settings: who need not sign in, as of now.
    """

    access: Access
    collector: Collector
    settings: Callable[[], Metrics]

    async def handle(self, request: Request, visitor: Visitor) -> Response:
        """All metrics, for who comes from an allowed network, or signs in and is bound to no server."""
        if not self._is_allowed(visitor.host):
            async with self.access.acting(request, visitor) as client:
                if isinstance(client, Response):
                    return client
                if client.user is None or client.user.bound_to is not None:
                    return api_error(403, "the metrics of all servers are not for a user of some")
        return Response(content_type=CONTENT_TYPE, body=self._pieces())

    def _is_allowed(self, host: str | None) -> bool:
        """A unix socket has its own permissions."""
        if host is None:
            return True
        address = ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in ip_network(network) for network in self.settings().allow)

    async def _pieces(self) -> AsyncIterator[bytes]:
        for family in self.collector.families():
            for piece in written(family):
                yield piece
                await trio.lowlevel.checkpoint()

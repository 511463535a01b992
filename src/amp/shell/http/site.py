"""What amp offers by HTTP: a route table, and who of its connections is still busy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import attrs
import trio

from amp.core.http.message import Request, Response
from amp.core.http.routes import Found, Routes
from amp.core.stats import ClientTotals
from amp.shell.http.visitor import Visitor
from amp.shell.wire import Wire

if TYPE_CHECKING:
    from amp.shell.http.connection import Connection

__all__ = ["WEBSOCKET", "Handler", "Site", "Upgrade"]

WEBSOCKET: Final = "/ws"
"""Where WebSockets are; a listener may offer this and nothing else."""


@attrs.frozen
class Upgrade:
    """Another protocol takes over the connection (a WebSocket).

    Attributes:
        serve: awaited with the wire, which gives what was read behind the request first. From then on
            nobody else reads or writes there; it makes an outlet of its own, and sends the 101 itself. The
            connection is closed behind it. `Visitor.client_for` goes on working while it runs.
    """

    serve: Callable[[Wire], Awaitable[None]]


Handler = Callable[[Request, Visitor], Awaitable[Response | Upgrade]]
"""Answers a request. It may take its time; it is cancelled when the connection is gone."""


class Site:
    """Everything that is offered, the same on every listener.

    Attributes:
        routes: whoever has something to offer adds it before the first connection.
        services: run beside the connections, from before the first to behind the last; each tells when it
            has begun.
        connections: that are open now.
        closing: no more requests are taken.
        gone: what connections that are over have counted.
    """

    def __init__(self) -> None:
        self.routes: Routes[Handler] = Routes()
        self.services: list[Callable[..., Awaitable[None]]] = []
        self.connections: set[Connection] = set()
        self.closing = False
        self.gone = ClientTotals()
        self._left = trio.Event()

    def find(self, request: Request, visitor: Visitor) -> Found[Handler]:
        """Who answers a request, if its listener offers that at all."""
        wanted = "websocket" if request.path == WEBSOCKET else "http"
        return self.routes.find(request.method, request.path) if wanted in visitor.offers else Found(404)

    def close(self) -> None:
        """Take no more requests: idle connections end now, others behind the answer they are owed."""
        self.closing = True
        for connection in list(self.connections):
            connection.finish("proxy shutting down")

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        self._left.set()

    async def drained(self) -> None:
        """Wait until no connection is open."""
        while self.connections:
            self._left = trio.Event()
            await self._left.wait()

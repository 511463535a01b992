"""A WebSocket that says back what it is told, made of the very parts that ``/ws`` is made of."""

from __future__ import annotations

from functools import partial

import attrs
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection

from amp.core.http.message import Request
from amp.core.ws.framing import deflated_frame, message_frame
from amp.shell.http.site import Site, Upgrade
from amp.shell.http.visitor import Visitor
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.websocket.deflate import BoundedDeflate
from amp.shell.websocket.messages import Messages
from amp.shell.wire import Wire

__all__ = ["add_echo"]

MOST_BYTES = 17 << 20
PING_S = 60


def add_echo(site: Site) -> None:
    """Offer it at ``/echo``."""
    site.routes.add("GET", "/echo", _handle)


async def _handle(request: Request, visitor: Visitor) -> Upgrade:
    del visitor
    protocol = WSConnection(ConnectionType.SERVER)
    protocol.initiate_upgrade_connection(list(request.headers), request.target.decode("latin-1"))
    next(protocol.events())
    return Upgrade(partial(_serve, protocol))


async def _serve(protocol: WSConnection, wire: Wire) -> None:
    deflate = BoundedDeflate(MOST_BYTES)
    async with trio.open_nursery() as nursery:
        limits = attrs.evolve(OutletLimits(), outlet_bytes=4 * MOST_BYTES)
        outlet = Outlet(wire, limits, lambda reason: nursery.cancel_scope.cancel())
        nursery.start_soon(outlet.flush_forever)
        outlet.offer(protocol.send(AcceptConnection(extensions=[deflate])))
        messages = Messages(
            wire, protocol, outlet.offer, _took, lambda: outlet.pending_bytes > 0, MOST_BYTES, PING_S
        )
        while (message := await messages.next()) is not None:
            if isinstance(message, bytes):
                outlet.offer(message_frame(message, binary=True))
            elif deflate.enabled():
                outlet.offer(deflated_frame(message.encode()))
            else:
                outlet.offer(message_frame(message.encode(), binary=False))
            await outlet.drain()
        if messages.goodbye is not None:
            outlet.offer(messages.goodbye)
            await outlet.drain()
        nursery.cancel_scope.cancel()


def _took(size: int) -> str:
    del size
    return ""

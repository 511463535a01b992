"""``GET /ws``: the handshake, who asks, and which of the two protocols is spoken then."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import attrs
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection
from wsproto.events import Request as Handshake
from wsproto.utilities import RemoteProtocolError

from amp.config.schema import Limits
from amp.core.admission.admission import Visit
from amp.core.http.credentials import Basic, read_authorization
from amp.core.http.message import Request, Response, problem
from amp.core.http.recognised import Recognised
from amp.core.ws.conversation import Conversation
from amp.shell.http.access import Access
from amp.shell.http.sessions import Session
from amp.shell.http.site import Upgrade
from amp.shell.http.visitor import Visitor
from amp.shell.websocket.ami_wire import AmiWire
from amp.shell.websocket.client import WebSocketClient
from amp.shell.websocket.connection import Speaker, sign_in
from amp.shell.websocket.deflate import BoundedDeflate
from amp.shell.websocket.messages import Messages
from amp.shell.wire import Wire

__all__ = ["WebSocketDoor"]

AMP: Final = "amp.v1"
AMI: Final = "ami"
"""The manager protocol itself, for its clients where only WebSockets get through."""

UPGRADE: Final = (b"upgrade", b"websocket")
VERSION: Final = (b"sec-websocket-version", b"13")


@attrs.frozen(kw_only=True)
class WebSocketDoor:
    """The handler.

    Attributes:
        access: knows the logins that cookies stand for.
        limits: as configured now.
    """

    access: Access
    limits: Callable[[], Limits]

    async def handle(self, request: Request, visitor: Visitor) -> Response | Upgrade:
        """Let a WebSocket in, or say why not."""
        protocol = WSConnection(ConnectionType.SERVER)
        try:
            if refusal := _refusal(request):
                return refusal
            protocol.initiate_upgrade_connection(list(request.headers), request.target.decode("latin-1"))
            handshake = next(protocol.events())
        except RemoteProtocolError as error:
            return problem(400, f"that is no WebSocket handshake: {error}")
        except UnicodeError:
            return problem(400, "that is no WebSocket handshake: expected headers in ASCII")
        assert isinstance(handshake, Handshake)
        spoken = next((name for name in handshake.subprotocols if name in (AMP, AMI)), None)
        if handshake.subprotocols and spoken is None:
            return problem(400, f"expected the subprotocol {AMP} or {AMI}")
        who = await self._who(request, visitor)
        if isinstance(who, Response):
            return who
        accept = AcceptConnection(subprotocol=spoken)
        if spoken == AMI:
            return Upgrade(partial(self._serve_ami, protocol, accept, visitor))
        return Upgrade(partial(self._serve, protocol, accept, visitor, who))

    async def _who(self, request: Request, visitor: Visitor) -> Basic | Session | Response | None:
        """Who signs in by the request itself; ``None`` if that comes later, as a message."""
        header = request.header(b"authorization")
        if header is None:
            return self.access.session(request)
        who = read_authorization(header)
        if who is None:
            return problem(400, "expected Basic or Bearer in Authorization")
        found = await visitor.client_for(who)
        if isinstance(found, Response):
            return found
        visitor.leave()  # the WebSocket's client signs in anew; a refusal has to come by HTTP
        return who

    async def _serve(
        self,
        protocol: WSConnection,
        accept: AcceptConnection,
        visitor: Visitor,
        who: Basic | Session | None,
        wire: Wire,
    ) -> None:
        limits = self.limits()
        deflate = BoundedDeflate(limits.websocket_message_bytes)
        accept.extensions.append(deflate)
        answer = protocol.send(accept)
        build = partial(WebSocketClient, wire=wire, deflate=deflate.enabled())
        user = who.client.user if isinstance(who, Session) else None
        accounts = Recognised(user.member) if user is not None else None
        client = visitor.make_client(visitor.visit, accounts=accounts, build=build)
        assert isinstance(client, WebSocketClient)
        client.by_cookie = user is not None
        async with trio.open_nursery() as nursery:
            await client.start(nursery)
            client.outlet.speak(answer)
            if isinstance(who, Session):
                nursery.start_soon(client.end_with, who)
                await client.perform(sign_in(user.name if user is not None else "", ""))
            elif who is not None:
                await client.perform(sign_in(who.username, who.secret))
            messages = Messages(
                wire,
                protocol,
                client.outlet.speak,
                partial(_took, client, visitor.visit),
                lambda: client.outlet.pending_bytes > 0,
                limits.websocket_message_bytes,
                limits.websocket_ping_interval_s,
            )
            nursery.start_soon(_talk, client, messages, limits, visitor.visit)
            await client.done.wait()
            nursery.cancel_scope.cancel()

    async def _serve_ami(
        self, protocol: WSConnection, accept: AcceptConnection, visitor: Visitor, wire: Wire
    ) -> None:
        limits = self.limits()
        accept.extensions.append(BoundedDeflate(limits.websocket_message_bytes))
        outside = AmiWire(wire)
        outside.speak(protocol.send(accept))
        messages = Messages(
            wire,
            protocol,
            outside.speak,
            _took_nothing,
            lambda: outside.blocked,
            limits.websocket_message_bytes,
            limits.websocket_ping_interval_s,
        )
        outside.read_from(messages)
        await visitor.serve_ami(outside)


async def _talk(client: WebSocketClient, messages: Messages, limits: Limits, visit: Visit) -> None:
    """Serve the client until its other end has left or must go, then end it."""
    conversation = Conversation(limits.websocket_subscriptions, limits.actions_per_client)
    try:
        async with trio.open_nursery() as requests:
            await Speaker(client, messages, conversation, visit, requests).serve()
            if messages.goodbye is not None:
                client.outlet.say_goodbye(messages.goodbye)
            requests.cancel_scope.cancel()
    except* OSError as group:
        client.cut(f"read failed: {group.exceptions[0]}")
    if messages.reason and messages.goodbye is None:
        client.cut(messages.reason)
    elif messages.reason:
        client.close_soon(messages.reason)
    if not messages.left:
        with suppress(OSError):
            await messages.discard()
    client.peer_left.set()


def _took(client: WebSocketClient, visit: Visit, size: int) -> str:
    client.stats.bytes_in += size
    return visit.receive(size, trio.current_time())


def _took_nothing(size: int) -> str:
    """The client that reads what is in the messages counts it."""
    del size
    return ""


def _refusal(request: Request) -> Response | None:
    """What is no WebSocket handshake at all."""
    if (request.header(b"upgrade") or b"").lower() != b"websocket":
        return problem(426, "expected a WebSocket handshake", UPGRADE)
    if request.header(b"sec-websocket-version") != b"13":
        return problem(426, "expected Sec-WebSocket-Version: 13", UPGRADE, VERSION)
    try:
        key = b64decode(request.header(b"sec-websocket-key") or b"", validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 16:
        return problem(400, "expected 16 bytes as base64 in Sec-WebSocket-Key")
    return None

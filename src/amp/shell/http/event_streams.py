"""``GET /api/v1/events``: events as they come, for browsers' EventSource and for curl."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs
import trio

from amp.core.admission.admission import Visit
from amp.core.ami.auth import User
from amp.core.ami.pin import Pin
from amp.core.ami.session import ClientSession
from amp.core.fanout.batch import Span
from amp.core.fanout.catchup import Position
from amp.core.http.api_error import api_error, as_api_error
from amp.core.http.credentials import Basic
from amp.core.http.event_stream import (
    EVENT_STREAM,
    HEARTBEAT,
    TYPE,
    end_block,
    head,
    heartbeat_at,
    placed,
    read_wish,
    unplaced,
)
from amp.core.http.message import Request, Response, whole
from amp.core.http.recognised import Recognised
from amp.core.ws.requests import Subscribe
from amp.core.ws.selection import Selection
from amp.errors import LocalProtocolError
from amp.shell.crowd import Crowd
from amp.shell.http.access import Access
from amp.shell.http.sessions import Session
from amp.shell.http.site import Upgrade
from amp.shell.http.visitor import Visitor, sign_in
from amp.shell.outlet import OutletLimits
from amp.shell.secret_checks import SecretChecks
from amp.shell.subscriber import Subscriber, SubscriberOutlet
from amp.shell.wire import Wire

if TYPE_CHECKING:
    from amp.shell.switchboard import Switchboard

__all__ = ["EventStreams"]

HEARTBEAT_S: Final = 15.0
"""As the HTML standard advises; proxies that close silent connections wait longer."""

MOST_BYTES: Final = 65_536
"""What a reader may send behind its request; nothing would be usual."""


class EventStreamOutlet(SubscriberOutlet):
    """An outlet whose events are blocks of an event stream, each with its client's place.

    Attributes:
        stands: where the client stands behind all that was offered, by server.
    """

    __slots__ = ("stands",)

    def __init__(
        self, wire: Wire, limits: OutletLimits, on_cut: Callable[[str], None], crowd: Crowd | None = None,
        client: int = 0, *, answers: Callable[[bytes], None],
    ) -> None:  # fmt: skip
        super().__init__(wire, limits, on_cut, crowd, client, answers=answers)
        self.stands: dict[bytes, Position] = {}

    def descriptor(self) -> int:
        """See `Outlet.descriptor`: no two clients get the same bytes."""
        return -1

    def _send(self, data: bytes, span: Span | None) -> None:
        if span is None:
            super()._send(data, span)
            return
        others = {server: place for server, place in self.stands.items() if server != span.server}
        if span.first <= span.last or self._is_anew(span):
            self.stands[span.server] = Position(span.epoch, span.last)
        super()._send(placed(data, others), span)

    def _is_anew(self, span: Span) -> bool:
        """Whether a span without events begins another epoch; of a server that is gone nobody stands."""
        stood = self.stands.get(span.server)
        return stood is not None and stood.epoch != span.epoch


class EventStreamClient(Subscriber):
    """The client behind an event stream.

    Args:
        wire: of the connection; nobody else writes there.
    """

    outlet: EventStreamOutlet
    protocol = "sse"
    event_format = EVENT_STREAM.name

    def __init__(
        self, number: int, address: str, session: ClientSession, owner: Switchboard, limits: OutletLimits,
        visit: Visit, checks: SecretChecks, pin: Pin | None = None, *,
        quiet: bool = False, tls: str = "", wire: Wire,
    ) -> None:  # fmt: skip
        del quiet
        super().__init__(
            number, address, session, owner, limits, visit, checks, pin,
            tls=tls, wire=wire, outlet=EventStreamOutlet,
        )  # fmt: skip
        self._begun = False

    def begin(self, wish: Subscribe) -> None:
        """Send the head, then the events that are asked for.

        Raises:
            LocalProtocolError: ``since`` is a position that nobody can have; nothing was sent.
        """
        selection, since = Selection.of((wish.what,)), wish.since
        stands = self.positions(selection)
        if since is not None:
            # An id names all servers there were: of one that it does not name the client has nothing.
            new = {
                server: Position(place.epoch, 0) for server, place in stands.items() if server not in since
            }
            stands = {name: since.get(name, place) for name, place in {**stands, **new}.items()}
            self.show(selection, {**since, **new})  # they come in a later turn, behind the head
        self.outlet.stands = stands
        self.outlet.speak(head(formatdate(usegmt=True).encode()) + heartbeat_at(stands))
        self._begun = True
        if since is None:
            self.show(selection)

    def refuse(self, refusal: Response) -> None:
        """Answer that there will be no events, and why."""
        self.outlet.speak(whole(refusal))
        self.close_soon("refused")

    def beat(self) -> None:
        """Give a sign of life, unless there is something to read anyhow."""
        if not self.outlet.pending_bytes:
            reached = self.reached()
            self.outlet.speak(heartbeat_at(reached) if reached else HEARTBEAT)

    def _look(self) -> None:
        """See `Client._look`. A gap in the place of dropped events has no position."""
        super()._look()
        if (tell := self.outlet.on_drop) is not None:
            self.outlet.on_drop = lambda span, new: unplaced(tell(span, new))

    async def _say_last_words(self) -> None:
        if self._begun:
            self.outlet.speak(end_block(self.reason))


@attrs.frozen(kw_only=True)
class EventStreams:
    """The handler.

    Attributes:
        access: finds out who asks.
    """

    access: Access

    async def handle(self, request: Request, visitor: Visitor) -> Response | Upgrade:
        """Begin an event stream, or say why not."""
        try:
            wish = read_wish(request)
        except LocalProtocolError as error:
            return api_error(400, str(error))
        async with self.access.acting(request, visitor) as client:
            if isinstance(client, Response):
                return client
            user = client.user
        assert user is not None  # else it would have been refused
        if request.method == "HEAD":
            return Response(content_type=TYPE, body=None)
        session = self.access.session(request) if request.header(b"authorization") is None else None
        return Upgrade(partial(_serve, visitor, user, session, wish))


async def _serve(visitor: Visitor, user: User, session: Session | None, wish: Subscribe, wire: Wire) -> None:
    visitor.leave()  # the stream's own client signs in
    build = partial(EventStreamClient, wire=wire)
    client = visitor.make_client(visitor.visit, accounts=Recognised(user.member), build=build)
    assert isinstance(client, EventStreamClient)
    async with trio.open_nursery() as nursery:
        await client.start(nursery)
        nursery.start_soon(_listen, client, wire)
        refusal = await sign_in(client, Basic(user.name.encode(), b""), events=b"on")
        if refusal is not None:
            refusal = as_api_error(refusal)
        else:
            try:
                client.begin(wish)
            except LocalProtocolError as error:
                refusal = api_error(400, f"since: {error}")
        if refusal is not None:
            client.refuse(refusal)
        elif session is not None:
            nursery.start_soon(client.end_with, session)
        nursery.start_soon(_beat, client)
        await client.done.wait()
        nursery.cancel_scope.cancel()


async def _beat(client: EventStreamClient) -> None:
    while True:
        await trio.sleep(HEARTBEAT_S)
        client.beat()


async def _listen(client: EventStreamClient, wire: Wire) -> None:
    """A stream's reader has nothing more to say; that it has left shows here."""
    try:
        while data := await wire.receive():
            client.stats.bytes_in += len(data)
            if client.stats.bytes_in > MOST_BYTES:
                client.cut(f"sent more than {MOST_BYTES} bytes behind its request")
    except OSError as error:
        client.cut(f"read failed: {error}")
    client.peer_left.set()
    client.close_soon("closed by the client")

"""``/api/v1/servers/{name}/commands/{command}``: a sniffer's reply by HTTP, as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Final
from urllib.parse import parse_qsl

import attrs
import trio

from amp.core.ami.auth import User
from amp.core.http.api_error import api_error
from amp.core.http.message import Request, Response
from amp.core.voipmonitor.action import failure_text
from amp.core.voipmonitor.command import Command, parse_command
from amp.core.voipmonitor.commands import COMMANDS, Rights
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure
from amp.core.voipmonitor.hiding import shown_problem
from amp.core.voipmonitor.media_type import BYTES, media_type
from amp.core.voipmonitor.relay import ReplyRelay
from amp.errors import BodyBrokenError, LocalProtocolError
from amp.shell.http.access import Access
from amp.shell.http.visitor import Visitor
from amp.shell.sniffer import Sniffer
from amp.shell.sniffer_answer import Answer
from amp.shell.sniffer_desk import SnifferDesk, audit

__all__ = ["PATTERN", "SnifferCommands"]

PATTERN: Final = "/api/v1/servers/{server}/commands/{command}"

BY_GET: Final = (Rights.DEFAULT, Rights.READ, Rights.CONTENT)
"""What changes nothing. A link, a preview or a browser's history must not be able to do anything else."""

STATUSES: Final = {
    Failure.BUSY: 503,
    Failure.NO_ANSWER: 504,
    Failure.STALLED: 504,
    Failure.TOO_LONG: 504,
}
"""Why there is no reply, and what that is; whatever else went wrong is 502."""

DENIED: Final = 403

NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")


@attrs.frozen(kw_only=True)
class SnifferCommands:
    """The handler.

    Attributes:
        desk: knows the sniffers.
        access: finds out who asks.
    """

    access: Access
    desk: Callable[[], SnifferDesk]

    async def handle(self, request: Request, visitor: Visitor) -> Response:
        """Ask a sniffer one thing, for a user who may.

        The first bytes of the reply decide about the status; if it breaks off later, so does the connection.
        """
        async with self.access.acting(request, visitor) as client:
            if isinstance(client, Response):
                return client
            user = client.user
            assert user is not None  # else it would have been refused
            asked = self._asked(request, user)
            if isinstance(asked, Response):
                client.stats.denials += asked.status == DENIED
                return asked
        sniffer, command = asked
        if request.method == "HEAD":
            return Response(content_type=media_type(command, b""), body=None, headers=(NO_SNIFF,))
        reply = _Reply(sniffer=sniffer, command=command, user=user)
        return await reply.response()

    def _asked(self, request: Request, user: User) -> tuple[Sniffer, Command] | Response:
        """Who is asked what, or why nobody is."""
        named, name = request.arguments["server"], request.arguments["command"]
        sniffer, bound_to = self.desk().find(named), user.bound_to
        if bound_to is not None and (sniffer is None or sniffer.name not in bound_to):
            return api_error(DENIED, "this server is not open to this user")
        if sniffer is None:
            return api_error(404, "there is no sniffer of that name", code="unknown_server")
        if name not in COMMANDS:
            return api_error(404, "there is no sniffer command of that name", code="unknown_command")
        arguments = _arguments(request)
        if isinstance(arguments, Response):
            return arguments
        try:
            command = parse_command(name.encode() + (b" " + arguments if arguments else b""))
        except LocalProtocolError as error:
            return api_error(400, error.reply_hint)
        refusal = _refusal(request, command, user)
        if refusal is not None:
            audit(sniffer, user.name, command, f"refused: {refusal.status}", 0, trio.current_time())
            return refusal
        return sniffer, command


def _refusal(request: Request, command: Command, user: User) -> Response | None:
    if why := user.sniffers.refusal(command.spec):
        return api_error(DENIED, f"Permission denied: {why}")
    if command.spec.endless:
        return api_error(400, f"{command.name}: its reply has no end; it comes as SnifferPopup events")
    if request.method != "POST" and command.spec.rights not in BY_GET:
        allow = (b"allow", b"OPTIONS, POST")
        return api_error(405, f"{command.name} changes the sniffer: use POST", allow)
    return None


def _arguments(request: Request) -> bytes | Response:
    """What stands in ``arguments``, of the query or of a posted form."""
    data = request.body if request.method == "POST" and request.body else request.query
    try:
        fields = parse_qsl(data, keep_blank_values=True, strict_parsing=True) if data else []
    except ValueError:
        return api_error(400, "expected arguments=..., percent-encoded")
    if [field for field, _ in fields] not in ([], [b"arguments"]):
        return api_error(400, "expected no field but arguments, and that once")
    return fields[0][1] if fields else b""


@attrs.define(kw_only=True, eq=False)
class _Reply:
    """One reply on its way. As a body it is to be closed, whether it was read or not."""

    sniffer: Sniffer
    command: Command
    user: User
    _begun: float = attrs.field(factory=trio.current_time, init=False)
    _exchange: AsyncExitStack = attrs.field(factory=AsyncExitStack, init=False)
    _relay: ReplyRelay = attrs.field(init=False)
    _answer: Answer = attrs.field(init=False)
    _first: bytes = attrs.field(default=b"", init=False)
    _bytes: int = attrs.field(default=0, init=False)
    _over: bool = attrs.field(default=False, init=False)
    _result: str = attrs.field(default="the client left", init=False)

    async def response(self) -> Response:
        """Ask, and wait until it is clear what the answer will be."""
        self._relay = ReplyRelay(self.command, None, self.user.sniffers)
        asking = self.sniffer.ask(self.command, unpack=self._relay.unpack)
        self._answer = await self._exchange.enter_async_context(asking)
        try:
            while not self._first and (piece := await self._answer.piece()):
                self._first = self._relay.feed(piece)
        except BaseException:
            await self.aclose()
            raise
        if self._answer.failure is not None and not self._first:
            self._result = self._answer.failure.message
            await self.aclose()
            return self._failed(self._answer.failure)
        kind = media_type(self.command, self._first)
        saved = [(b"content-disposition", b"attachment")] if kind == BYTES else []
        return Response(content_type=kind, body=self, headers=(NO_SNIFF, *saved))

    def _failed(self, failed: ExchangeFailed) -> Response:
        text = shown_problem(failure_text(failed), self.user.sniffers)
        return api_error(STATUSES.get(failed.failure, 502), text)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces, once; see `Response.body`. No generator: one that is left halfway lingers on."""
        return self

    async def __anext__(self) -> bytes:
        """The next piece.

        Raises:
            BodyBrokenError: the sniffer did not give all of it.
        """
        piece, self._first = self._first, b""
        while not piece and not self._over:
            piece = await self._next()
        if not piece:
            raise StopAsyncIteration
        self._bytes += len(piece)
        return piece

    async def _next(self) -> bytes:
        raw = await self._answer.piece()
        if raw:
            return self._relay.feed(raw)
        self._over = True
        if self._answer.failure is not None:
            self._result = self._answer.failure.message
            raise BodyBrokenError(shown_problem(self._result, self.user.sniffers))
        self._result = "done"
        return self._relay.finish()

    async def aclose(self) -> None:
        """End the exchange if it goes on, and log what became of it."""
        await self._exchange.aclose()
        audit(self.sniffer, self.user.name, self.command, self._result, self._bytes, self._begun)

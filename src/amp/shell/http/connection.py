"""One HTTP connection: h11 between a wire and the handlers of a site.

Requests are answered one after the other; what a client sends ahead waits unread. Every limit ends in a
status that says so, and whatever went wrong with a request, the connection is closed behind its answer: where
the next one would begin is then anybody's guess.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from email.utils import formatdate
from typing import Final

import attrs
import h11
import trio

from amp.config.schema import Limits
from amp.core.http.api_error import as_api_error
from amp.core.http.gatekeeper import Gatekeeper
from amp.core.http.message import Request, Response, problem, reason_of
from amp.core.http.target import read_target
from amp.core.stats import ClientTotals
from amp.errors import BodyBrokenError
from amp.shell.client_totals import SLOW
from amp.shell.delivery import Delivery
from amp.shell.http.site import WEBSOCKET, Site, Upgrade
from amp.shell.http.visitor import Visitor
from amp.shell.log import get_logger
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.wire import Wire

__all__ = ["Connection", "HttpLimits"]

MOST_TARGET_BYTES: Final = 8190
"""As Asterisk's: a request line of 9000 bytes is refused (recording http-long-request)."""

MOST_HEAD_BYTES: Final = 32_768
MOST_HEADERS: Final = 100

PIECE_BYTES: Final = 65_536
"""A body goes out in such pieces, each when the one before it is on its way."""

LINGER_S: Final = 1.0
MOST_LINGER_BYTES: Final = 1 << 20
"""What is read and thrown away behind the last answer; closing on unread bytes would reset the connection,
and the reset may overtake the answer."""


BLANK_LINES: Final = b"\r\n"
"""Bytes that mean nothing before a request (RFC 9112 §2.2)."""


@attrs.frozen(kw_only=True)
class HttpLimits:
    """Of one connection; seconds and bytes."""

    request_s: float
    """A request must have come whole so long after its first byte."""
    idle_s: float
    """How long to wait for its first byte."""
    body_bytes: int
    requests: int
    """After so many the connection is closed."""

    @classmethod
    def of(cls, limits: Limits) -> HttpLimits:
        """As configured."""
        return cls(
            request_s=limits.http_request_timeout_s,
            idle_s=limits.http_idle_timeout_s,
            body_bytes=limits.http_body_bytes,
            requests=limits.http_requests,
        )


class Connection:
    """Serves one connection until it ends. Make it, await `run`; `finish` and `cut` at any time."""

    def __init__(
        self, wire: Wire, visitor: Visitor, site: Site, gatekeeper: Gatekeeper, output: OutletLimits,
        limits: HttpLimits,
    ) -> None:  # fmt: skip
        self.outlet = Outlet(wire, output, self.cut)
        self._wire = wire
        self._visitor = visitor
        self._site = site
        self._gatekeeper = gatekeeper
        self._limits = limits
        self._output = output
        self._http = _new_http()
        self._scope = trio.CancelScope()
        self._idle_scope: trio.CancelScope | None = None
        self._finishing = False
        self._was_cut = False
        self._reason = ""
        self._requests = 0
        self._bytes_in = 0
        self._line_seen = False
        self._head_only = False
        self._began = trio.current_time()
        self._takes_over: Upgrade | None = None

    async def run(self) -> None:
        """Serve it. Network trouble ends it quietly; bugs are logged and end it."""
        self._site.connections.add(self)
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    self._visitor.nursery = nursery
                    nursery.start_soon(self.outlet.flush_forever)
                    await self._serve()
                    nursery.cancel_scope.cancel()
        except* OSError as group:
            self._end(f"connection lost: {group.exceptions[0]}")
        except* Exception:
            self._end("internal error")
            get_logger().exception("http_failed", connection=self._visitor.number)
        finally:
            self.outlet.detach()
            self._wire.close()
            self._count()
            self._site.left(self)
            self._log_end()

    def finish(self, reason: str) -> None:
        """End behind the answer that is owed; at once if none is."""
        self._finishing = True
        if self._idle_scope is not None:
            self._end(reason)
            self._idle_scope.cancel()

    def cut(self, reason: str) -> None:
        """End now; what is unsent is lost."""
        self._was_cut = True
        self._end(reason)
        self.outlet.detach()
        self._scope.cancel()

    async def _serve(self) -> None:
        while self._takes_over is None:
            request = await self._next_request()
            if request is None:
                break
            response = request if isinstance(request, Response) else await self._answer(request)
            if isinstance(response, Upgrade):
                self._takes_over = response
                break
            await self._send(response)
            if not self._goes_on():
                break
            self._next_cycle()
        if self._takes_over is not None:
            await self._hand_over(self._takes_over)
        else:
            await self._linger()

    def _next_cycle(self) -> None:
        """Go on behind a request, without blank lines there, which h11 would take for the next one."""
        ahead = self._http.trailing_data[0].lstrip(BLANK_LINES)
        self._http = _new_http()
        if ahead:
            self._http.receive_data(ahead)

    def _goes_on(self) -> bool:
        return (
            not self._finishing
            and self._http.our_state is h11.DONE
            and self._http.their_state is h11.DONE
            and not self.outlet.dead
        )

    # -- requests ------------------------------------------------------------------------------------

    async def _next_request(self) -> Request | Response | None:
        """The next request; what to answer instead if it is none; ``None`` if there will be no more."""
        if self._finishing or self._requests >= self._limits.requests:
            return None
        try:
            if not await self._wait_for_first_byte():
                self._end("idle" if not self._finishing else "finished")
                return None
            with trio.fail_after(self._limits.request_s):
                return await self._read_request()
        except trio.TooSlowError:
            return self._refuse(408, f"the request was not whole within {self._limits.request_s:g} s")
        except h11.RemoteProtocolError as error:
            return self._refuse_garbage(error)

    async def _wait_for_first_byte(self) -> bool:
        ahead = self._http.trailing_data[0]
        self._line_seen = b"\n" in ahead
        if ahead:
            return True
        with trio.move_on_after(self._limits.idle_s) as self._idle_scope:
            data = await self._wire.receive()
            while data and not (data := data.lstrip(BLANK_LINES)):
                data = await self._wire.receive()
            self._feed(data)
            self._idle_scope = None
            return True
        self._idle_scope = None
        return False

    async def _read_request(self) -> Request | Response | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            self._end("closed by the client")
            return None
        self._requests += 1
        self._head_only = head.method == b"HEAD"
        if refusal := self._refuse_head(head):
            return refusal
        body = bytearray()
        if self._http.they_are_waiting_for_100_continue:
            self.outlet.offer(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > self._limits.body_bytes:
                return self._refuse(413, f"a body may have {self._limits.body_bytes} bytes")
        if not isinstance(event, h11.EndOfMessage):
            return None
        return self._judged(head, bytes(body))

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]  # h11 tells it is no NEED_DATA by identity only
            self._feed(await self._wire.receive())

    def _feed(self, data: bytes) -> None:
        self._bytes_in += len(data)
        self._line_seen = self._line_seen or b"\n" in data
        self._http.receive_data(data)

    def _refuse_head(self, head: h11.Request) -> Response | None:
        """What is wrong with it, told before its body is read."""
        headers = list(head.headers)
        names = [name for name, _ in headers]
        if not head.http_version.startswith(b"1."):
            return self._refuse(505, "expected HTTP/1.1")
        if len(head.target) > MOST_TARGET_BYTES:
            return self._refuse(414, f"a target may have {MOST_TARGET_BYTES} bytes")
        size = sum(len(name) + len(value) + 4 for name, value in headers)
        if size > MOST_HEAD_BYTES or len(headers) > MOST_HEADERS:
            return self._refuse(431, f"expected {MOST_HEADERS} headers of {MOST_HEAD_BYTES} bytes at most")
        if b"transfer-encoding" in names and (b"content-length" in names or head.http_version != b"1.1"):
            return self._refuse(400, "expected Content-Length or chunks, not both")
        length = dict(headers).get(b"content-length", b"0")
        if int(length) > self._limits.body_bytes:
            return self._refuse(413, f"a body may have {self._limits.body_bytes} bytes")
        return None

    def _judged(self, head: h11.Request, body: bytes) -> Request | Response:
        target = read_target(head.target)
        if target is None:
            return _as_offered(problem(400, "expected a path as target"), head.target.decode("latin-1"))
        request = Request(
            method=head.method.decode("ascii"),
            path=target.path,
            target=head.target,
            query=target.query,
            headers=tuple(head.headers),
            body=body,
        )
        tls = bool(self._wire.tls)
        refusal = self._gatekeeper.refusal(
            request, tls=tls, authority=target.authority, websocket=request.path == WEBSOCKET
        )
        return _as_offered(problem(403, refusal), request.path) if refusal else request

    def _refuse(self, status: int, why: str) -> Response:
        """An answer behind which nothing more is read: the request may go on for ever."""
        self._finishing = True
        self._end(f"{status} {why}")
        return problem(status, why)

    def _refuse_garbage(self, error: h11.RemoteProtocolError) -> Response:
        status = error.error_status_hint
        if status == 431 and not self._line_seen:
            return self._refuse(414, f"a target may have {MOST_TARGET_BYTES} bytes")
        why = "the head is too long" if status == 431 else "that is no request"
        return self._refuse(status, why)

    # -- answers -------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> Response | Upgrade:
        """Have it answered. A stranger may ask only so often."""
        if not self._visitor.visit.signed_in:
            await trio.sleep(self._visitor.visit.act(trio.current_time()))
        found = self._site.find(request, self._visitor)
        if found.handler is None:
            return _as_offered(_unrouted(found.status, request.method, found.allow), request.path)
        try:
            return await found.handler(attrs.evolve(request, arguments=found.arguments), self._visitor)
        except Exception:
            get_logger().exception("http_handler_failed", connection=self._visitor.number, path=request.path)
            return _as_offered(problem(500, "internal error"), request.path)

    async def _send(self, response: Response) -> None:
        """Write an answer, no faster than its reader takes it."""
        try:
            await self._send_all(response)
        except BodyBrokenError as error:
            self.cut(f"the answer broke off: {error}")
        finally:
            if (close := getattr(response.body, "aclose", None)) is not None:
                with trio.CancelScope(shield=True):
                    await close()

    async def _send_all(self, response: Response) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        last = self._finishing or self._requests >= self._limits.requests
        self.outlet.offer(self._http.send(self._head(response, closes=last)))
        if isinstance(response.body, bytes):
            await self._send_pieces(response.body, Delivery(self.outlet, self._output))
        elif response.body is not None and not self._head_only:  # a stream may have no end
            await self._send_stream(response.body)
        if not self.outlet.dead:
            self.outlet.offer(self._http.send(h11.EndOfMessage()) or b"")

    def _head(self, response: Response, *, closes: bool) -> h11.Response:
        headers = [
            (b"date", formatdate(usegmt=True).encode()),
            (b"server", b"amp"),
            (b"content-type", response.content_type),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),  # answers hold what callers send: text stays text
        ]
        if response.status in (204, 304):
            headers = headers[:2]
        elif isinstance(response.body, bytes):
            headers.append((b"content-length", b"%d" % len(response.body)))
        own = {name for name, _ in response.headers}
        headers = [header for header in headers if header[0] not in own]
        if closes:
            headers.append((b"connection", b"close"))
        return h11.Response(
            status_code=response.status,
            headers=[*headers, *response.headers],
            reason=reason_of(response.status).encode(),
        )

    async def _send_stream(self, body: AsyncIterable[bytes]) -> None:
        delivery = Delivery(self.outlet, self._output)
        async for data in body:
            await self._send_pieces(data, delivery)
            if self.outlet.dead:
                return

    async def _send_pieces(self, data: bytes, delivery: Delivery) -> None:
        """No faster than they are taken; who is slower than a reader may be is cut."""
        for start in range(0, len(data), PIECE_BYTES):
            if self._head_only or self.outlet.dead:
                return
            piece = h11.Data(data=data[start : start + PIECE_BYTES])
            self.outlet.offer(self._http.send(piece) or b"")
            await delivery.settle(self.outlet.drain)

    # -- the end -------------------------------------------------------------------------------------

    async def _hand_over(self, upgrade: Upgrade) -> None:
        await self.outlet.drain()
        self.outlet.detach()
        self._wire.push_back(self._http.trailing_data[0])
        self._end("upgraded")
        await upgrade.serve(self._wire)

    async def _linger(self) -> None:
        await self.outlet.drain()
        if self.outlet.dead:
            return
        self._wire.end_output()
        left = MOST_LINGER_BYTES
        with trio.move_on_after(LINGER_S):
            while left > 0 and (data := await self._wire.receive()):
                left -= len(data)

    def _end(self, reason: str) -> None:
        self._reason = self._reason or reason

    def _count(self) -> None:
        """What it did belongs to the client that acted for it; what it carried is told here."""
        self._site.gone.add(
            ClientTotals(
                bytes_in=self._bytes_in,
                bytes_out=self.outlet.bytes_out,
                peak_bytes=self.outlet.peak_bytes,
                slow_cuts=self._reason.startswith(SLOW),
            )
        )

    def _log_end(self) -> None:
        """The one line that tells its whole story; of a flood of strangers, one a minute."""
        reason = self._reason or "closed"
        unsaid = self._visitor.visit.farewell(reason, trio.current_time())
        if unsaid is None:
            return
        tell = get_logger().warning if self._was_cut else get_logger().info
        tell(
            "http_done",
            connection=self._visitor.number, address=self._visitor.address, tls=self._wire.tls or None,
            user=self._visitor.user, seconds=round(trio.current_time() - self._began, 3),
            requests=self._requests, bytes_in=self._bytes_in, bytes_out=self.outlet.bytes_out,
            peak_bytes=self.outlet.peak_bytes, reason=reason,
            **({"times_before": unsaid} if unsaid else {}),
        )  # fmt: skip


def _new_http() -> h11.Connection:
    return h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD_BYTES)


def _as_offered(refusal: Response, path: str) -> Response:
    """A refusal in the shape of what is offered there: under ``/api/`` errors are JSON."""
    return as_api_error(refusal) if path.startswith("/api/") and refusal.status >= 400 else refusal


def _unrouted(status: int, method: str, allow: tuple[str, ...]) -> Response:
    """Nobody answers this method and path."""
    header = (b"allow", ", ".join(allow).encode())
    if status == 404:
        return problem(404, "there is nothing here")
    if status == 501:
        return problem(501, "no such method")
    if method == "OPTIONS":
        return Response(status=204, headers=(header,))
    return problem(405, f"expected one of {', '.join(allow)}", header)

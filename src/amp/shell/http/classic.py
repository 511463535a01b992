"""``GET /?Action=…`` and a posted form: one action, its whole answer. As astmanproxy, but for its guesses."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final

import attrs

from amp.core.ami import replies
from amp.core.ami.frame import Frame
from amp.core.ami.framing import BadAction
from amp.core.formats.format import Format
from amp.core.formats.http_form import FormReader
from amp.core.formats.registry import Formats
from amp.core.http.accept import piece, preferred
from amp.core.http.credentials import Basic, ProxyKey, read_basic
from amp.core.http.message import Request, Response, problem
from amp.core.http.outcome import status_of
from amp.core.http.page_files import wants_page
from amp.errors import LocalProtocolError
from amp.shell.http.rendering import rendered
from amp.shell.http.site import Handler, Upgrade
from amp.shell.http.visitor import Visitor
from amp.shell.inner import Answer, End, InnerClient
from amp.shell.log import get_logger

__all__ = ["Classic", "form_of"]

FORM: Final = b"application/x-www-form-urlencoded"
EVENT_WAIT_S: Final = 30.0
"""How long ``X-Until-Event`` waits without ``X-Maxtime``, as astmanproxy's README.http says."""

MOST_WAIT_S: Final = 3600.0
"""The longest ``X-Maxtime``. Whoever has gone meanwhile is noticed only when there is something to tell."""

STOPPED: Final = {
    End.TIMEOUT: (504, "Outcome unknown: not everything had come within the time given (X-Maxtime)"),
    End.TOO_LARGE: (502, "the answer is larger than a client may have waiting (outlet_bytes)"),
    End.CLOSED: (502, "Outcome unknown: the session was closed"),
    End.BUSY: (429, "Not sent: too many actions are unanswered already"),
}
"""What is put behind what came, if that was not all."""


@attrs.frozen(kw_only=True)
class Classic:
    """The handlers of ``/``.

    Attributes:
        formats: that are installed.
        most: bytes of a line and lines of an action, as of now.
        front: what a browser is shown that asks for a page and for no action.
    """

    formats: Formats
    most: Callable[[], tuple[int, int]]
    front: Handler | None = None

    async def handle(self, request: Request, visitor: Visitor) -> Response | Upgrade:
        """Do one action."""
        if self.front is not None and wants_page(request):
            return await self.front(request, visitor)
        action = form_of(request, *self.most())
        if isinstance(action, BadAction):
            return problem(400, action.message.decode("ascii", "replace"))
        if isinstance(action, Response):
            return action
        maxtime_s = _maxtime_s(request.header(b"x-maxtime"))
        if maxtime_s is None:
            return problem(400, f"X-Maxtime: expected milliseconds, at most {MOST_WAIT_S * 1000:.0f}")
        who, action = who_asks(request, action)
        client = await visitor.client_for(who)
        if isinstance(client, Response):
            return client
        one = preferred(request.header(b"accept"), self.formats.outputs, client.formats.output)
        try:
            return await self._act(client, action, request, maxtime_s, one)
        except LocalProtocolError as error:
            return problem(400, str(error))

    async def _act(
        self, client: InnerClient, action: Frame, request: Request, maxtime_s: float, one: Format
    ) -> Response:
        if action.name.lower() == b"login":
            done = replies.success(action.get(b"ActionID"), b"Authentication accepted")
            return await self._rendered(Answer((done.removesuffix(b"\r\n\r\n"),), End.COMPLETE), one)
        until = (request.header(b"x-until-event") or b"").strip()
        if until:
            await client.perform(Frame.of(("Action", "Events"), ("EventMask", "on")))
            maxtime_s = min(maxtime_s, EVENT_WAIT_S) if maxtime_s == math.inf else maxtime_s
        answer = await client.perform(action, maxtime_s, until=until)
        if until:
            await client.perform(Frame.of(("Action", "Events"), ("EventMask", "off")))
        return await self._rendered(answer, one)

    async def _rendered(self, answer: Answer, one: Format) -> Response:
        """The answer in this format; if it is not whole, with an error behind it that says so."""
        frames, status = list(answer.frames), 200
        if answer.end in STOPPED:
            status, why = STOPPED[answer.end]
            frames.append(replies.error(None, why).removesuffix(b"\r\n\r\n"))
        else:
            status = status_of(frames)
        try:
            body = await rendered(frames, partial(piece, one=one), one.document)
        except Exception:  # whatever a plug-in does
            get_logger().exception("format_failed", format=one.name)
            return problem(500, f"the format {one.name} failed")
        return Response(status=status, content_type=one.content_type.encode(), body=body)


def form_of(request: Request, line_bytes: int, headers: int) -> Frame | BadAction | Response:
    """The action of a request: of its query, or of the form in its body.

    Returns:
        The action, what is bad about it, or 415 for a body that is no form.
    """
    data = request.query
    if request.method == "POST" and request.body:
        if request.media_type() not in (FORM, b""):
            return problem(415, "expected a form (application/x-www-form-urlencoded)")
        data = request.body
    reader = FormReader(line_bytes, headers)
    reader.receive_data(data)
    reader.receive_data(b"")
    action = reader.next_event()
    if isinstance(action, Frame | BadAction):
        return action
    return BadAction(b"Missing action in request", None)


def who_asks(request: Request, action: Frame) -> tuple[Basic | ProxyKey | None, Frame]:
    """Whose credentials a request has, in the action itself or in its Authorization; the action without."""
    if key := action.get(b"ProxyKey"):
        return ProxyKey(key), action.without(b"ProxyKey")
    if (username := action.get(b"Username")) and (secret := action.get(b"Secret")) is not None:
        return Basic(username, secret), action.without(b"Username", b"Secret")
    authorization = request.header(b"authorization")
    return read_basic(authorization) if authorization is not None else None, action


def _maxtime_s(header: bytes | None) -> float | None:
    """Seconds; infinity without the header, ``None`` for what is no number or too long."""
    if header is None:
        return math.inf
    text = header.strip()
    seconds = int(text) / 1000 if text.isdigit() and len(text) < 10 else math.inf
    return seconds if seconds <= MOST_WAIT_S else None

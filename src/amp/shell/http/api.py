"""The HTTP API under ``/api/v1``, but for event streams and sniffers' replies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import orjson

from amp.core.ami.auth import User
from amp.core.api.actions import answers, read_action
from amp.core.api.fields import read_object
from amp.core.http.api_error import JSON, api_error
from amp.core.http.credentials import Basic
from amp.core.http.message import Request, Response
from amp.core.http.outcome import FAN_OUT_END
from amp.core.http.undone import undone
from amp.errors import LocalProtocolError
from amp.shell.http.access import COOKIE, Access
from amp.shell.http.site import Handler, Site
from amp.shell.http.visitor import Visitor
from amp.shell.inner import Answer, End
from amp.shell.overview import Overview

__all__ = ["PREFIX", "Api"]

PREFIX: Final = "/api/v1"
LONGEST_WAIT_S: Final = 3600.0

STOPPED: Final = {
    End.TIMEOUT: (504, "timeout", "Outcome unknown: not everything had come within the timeout"),
    End.TOO_LARGE: (502, "too_large", "the answer is larger than a client may have waiting (outlet_bytes)"),
    End.CLOSED: (502, "outcome_unknown", "Outcome unknown: the session was closed"),
    End.BUSY: (429, "too_many", "Not sent: too many actions are unanswered already"),
}
"""Why there is no whole answer; the status is that of an action for one server."""

Look = Callable[[User, Request], Response]


@attrs.frozen(kw_only=True)
class Api:
    """The handlers.

    Attributes:
        access: finds out who asks.
        overview: what is shown.
    """

    access: Access
    overview: Overview

    def add_to(self, site: Site) -> None:
        """Offer everything."""
        for path, look in (
            ("/servers", self._servers),
            ("/servers/{server}", self._server),
            ("/sessions", self._sessions),
            ("/stats", self._stats),
            ("/me", self._me),
        ):
            site.routes.add("GET", PREFIX + path, self._looking(look))
        site.routes.add("POST", PREFIX + "/actions", self.act)
        site.routes.add("POST", PREFIX + "/login", self.log_in)
        site.routes.add("POST", PREFIX + "/logout", self.log_out)

    def _looking(self, look: Look) -> Handler:
        async def handle(request: Request, visitor: Visitor) -> Response:
            async with self.access.acting(request, visitor) as client:
                if isinstance(client, Response):
                    return client
                assert client.user is not None  # else it would have been refused
                return look(client.user, request)

        return handle

    def _servers(self, user: User, request: Request) -> Response:
        del request
        return shown(self.overview.servers(user))

    def _server(self, user: User, request: Request) -> Response:
        named = request.arguments["server"]
        for server in self.overview.servers(user):
            if server["name"] == named:
                return shown(server)
        return api_error(404, "there is no server of that name", code="unknown_server")

    def _sessions(self, user: User, request: Request) -> Response:
        del request
        return shown(self.overview.sessions(user))

    def _stats(self, user: User, request: Request) -> Response:
        del request
        return shown(self.overview.stats(user))

    def _me(self, user: User, request: Request) -> Response:
        del request
        return shown(_about(user))

    async def act(self, request: Request, visitor: Visitor) -> Response:
        """Have an action done, by one server or by several."""
        async with self.access.acting(request, visitor) as client:
            if isinstance(client, Response):
                return client
            try:
                fields = read_object(request)
                action = read_action(fields.table("action"))
                timeout_s = fields.seconds("timeout", LONGEST_WAIT_S)
                fields.end()
                answer = await client.perform(action, timeout_s)
            except LocalProtocolError as error:
                return api_error(400, str(error))
            return _answered(answer)

    async def log_in(self, request: Request, visitor: Visitor) -> Response:
        """Begin a session that a cookie stands for."""
        try:
            fields = read_object(request)
            who = Basic(fields.text("username").encode(), fields.text("secret").encode())
            fields.end()
        except (LocalProtocolError, UnicodeEncodeError) as error:
            return api_error(400, str(error))
        begun = await self.access.log_in(request, visitor, who)
        if isinstance(begun, Response):
            return begun
        key, user = begun
        return shown(_about(user), (b"set-cookie", _cookie(key, tls=bool(visitor.tls))))

    async def log_out(self, request: Request, visitor: Visitor) -> Response:
        """End the session of the cookie, if there is one."""
        if (session := self.access.session(request)) is not None:
            session.client.close_soon("logged off")
        return Response(
            status=204, headers=((b"set-cookie", _cookie(b"", tls=bool(visitor.tls)) + b"; Max-Age=0"),)
        )


def shown(value: object, *headers: tuple[bytes, bytes]) -> Response:
    """A value as JSON."""
    return Response(content_type=JSON, body=orjson.dumps(value) + b"\n", headers=headers)


def _about(user: User) -> dict[str, object]:
    return {
        "user": user.name,
        "read": sorted(user.read),
        "write": sorted(user.write),
        "servers": None if user.bound_to is None else sorted(user.bound_to),
    }


def _cookie(key: bytes, *, tls: bool) -> bytes:
    """No script reads it, no other site's page sends it, and where there is TLS nothing else carries it."""
    return b"%s=%s; Path=/; HttpOnly; SameSite=Strict%s" % (COOKIE, key, b"; Secure" if tls else b"")


def _answered(answer: Answer) -> Response:
    """What became of an action: of one for several servers always what there is, server by server."""
    frames = answer.frames
    several = bool(frames) and frames[-1].startswith(b"Event: " + FAN_OUT_END)
    if answer.end in STOPPED:
        status, code, message = STOPPED[answer.end]
        if not frames:
            return api_error(status, message, code=code)
        error = {"code": code, "message": message}
        return shown({"complete": False, "error": error, "answers": answers(frames)})
    if not several and (why := undone(frames)) is not None:
        return api_error(why.status, why.message, code=why.code)
    said = answers(frames)
    return shown({"complete": all(one["complete"] for one in said), "error": None, "answers": said})

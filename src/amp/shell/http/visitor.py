"""Whoever is at the other end of an HTTP connection: where from, and as whom it acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import trio

from amp.core.admission.admission import TOO_MANY_SESSIONS, Visit
from amp.core.ami.frame import Frame
from amp.core.http.credentials import Basic, ProxyKey
from amp.core.http.message import Response, problem
from amp.errors import LocalProtocolError
from amp.shell.inner import End, InnerClient

__all__ = ["CHALLENGE", "Visitor", "unauthorized"]

CHALLENGE: Final = (b"www-authenticate", b'Basic realm="amp", charset="UTF-8"')


@attrs.define(kw_only=True, eq=False)
class Visitor:
    """One connection's other end.

    Attributes:
        number: of the connection.
        address: where it comes from, for people.
        visit: its stay, as the entrance counts it; failed logins are judged there.
        tls: what protects it; empty if nothing does.
        make_client: a client that acts for it, not yet started.
        user: who signed in last, for the log.
    """

    number: int
    address: str
    visit: Visit
    tls: str
    make_client: Callable[[], InnerClient]
    user: str | None = None
    nursery: trio.Nursery | None = None
    _client: InnerClient | None = None
    _who: Basic | ProxyKey | None = attrs.field(default=None, repr=False)

    async def client_for(self, who: Basic | ProxyKey | None) -> InnerClient | Response:
        """Whom a request acts as.

        Requests of one connection with the same credentials share a client, so that a login costs once.
        Credentials count for the request that has them: without any, nobody is signed in, unless the
        configuration lets in everybody (``authentication = "none"``).

        Returns:
            A client that is signed in, or why there is none: 401 after the delay of a failed login, 429.
        """
        client = self._client
        if client is not None and not client.finished and who == self._who:
            return client
        self.leave()
        assert self.nursery is not None  # the connection runs
        client = self.make_client()
        await client.start(self.nursery)
        refusal = await self._sign_in(client, who)
        if refusal is not None:
            client.close_soon("refused")
            return refusal
        self._client, self._who = client, who
        self.user = self.visit.user or None
        return client

    def leave(self) -> None:
        """Nobody is signed in any more."""
        if self._client is not None:
            self._client.close_soon("request done")
            self._client = None

    async def _sign_in(self, client: InnerClient, who: Basic | ProxyKey | None) -> Response | None:
        if who is None:
            return None if client.is_signed_in else unauthorized("a login is required")
        if isinstance(who, ProxyKey):
            action = Frame.of(("Action", "Ping"), ("ProxyKey", who.key))
        else:
            action = Frame.of(
                ("Action", "Login"), ("Username", who.username), ("Secret", who.secret), ("Events", "off")
            )
        try:
            answer = await client.perform(action)
        except LocalProtocolError:
            return problem(400, "CR, LF or NUL in the credentials")
        if answer.end is End.COMPLETE and client.is_signed_in:
            return None
        words = Frame.parse(answer.frames[0]).get(b"Message", b"") if answer.frames else b""
        if words == TOO_MANY_SESSIONS.encode():
            return problem(429, "too many sessions of this user")
        return unauthorized("wrong name, secret or key")


def unauthorized(why: str) -> Response:
    """401 with the challenge that a browser asks its user by."""
    return problem(401, why, CHALLENGE)

"""Whoever is at the other end of an HTTP connection: where from, and as whom it acts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol

import attrs
import trio

from amp.core.admission.admission import TOO_MANY_SESSIONS, Visit
from amp.core.ami.auth import Authenticator, User
from amp.core.ami.frame import Frame
from amp.core.http.credentials import Basic, ProxyKey
from amp.core.http.message import Response, problem
from amp.core.http.recognised import Recognised
from amp.errors import LocalProtocolError
from amp.shell.inner import End, InnerClient
from amp.shell.wire import Wire

__all__ = ["CHALLENGE", "Visitor", "sign_in", "unauthorized"]

CHALLENGE: Final = (b"www-authenticate", b'Basic realm="amp", charset="UTF-8"')


class MakeClient(Protocol):
    """Makes a client of this process for whoever is at the other end."""

    def __call__(
        self, visit: Visit, *, accounts: Authenticator | None = None, quiet: bool = True,
        build: Callable[..., InnerClient] = InnerClient,
    ) -> InnerClient:  # fmt: skip
        """See `amp.shell.doors.Doors.inner_client`."""


@attrs.define(kw_only=True, eq=False)
class Visitor:
    """One connection's other end.

    Attributes:
        number: of the connection.
        address: where it comes from, for people.
        host: the same without the port; ``None`` for a unix socket.
        visit: its stay, as the entrance counts it; failed logins are judged there.
        tls: what protects it; empty if nothing does.
        make_client: a client that acts for it, not yet started; see `amp.shell.doors.Doors.inner_client`.
        serve_ami: serves a client of the manager protocol on a wire, until it is gone.
        offers: what the listener offers: ``http``, ``websocket`` or both.
        user: who signed in last, for the log.
    """

    number: int
    address: str
    host: str | None
    visit: Visit
    tls: str
    make_client: MakeClient
    serve_ami: Callable[[Wire], Awaitable[None]]
    offers: frozenset[str] = frozenset(("http",))
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
        client = self.make_client(self.visit)
        await client.start(self.nursery)
        refusal = await sign_in(client, who)
        if refusal is not None:
            client.close_soon("refused")
            return refusal
        self._client, self._who = client, who
        self.user = self.visit.user or None
        return client

    async def fail_to_sign_in(self, username: bytes) -> None:
        """Somebody could not show to be that user: that is delayed, counted and logged as with any login."""
        assert self.nursery is not None  # the connection runs
        client = self.make_client(self.visit, accounts=Recognised(None))
        await client.start(self.nursery)
        with suppress(LocalProtocolError):
            await client.perform(Frame.of(("Action", "Login"), ("Username", username), ("Secret", "")))
        client.close_soon("refused")

    def vouched_for(self, user: User | None) -> None:
        """A session of that user is used here, so this is no stranger."""
        self.user = user.name if user is not None else self.user
        if not self.visit.signed_in:
            self.visit.judge("", trio.current_time())

    def leave(self) -> None:
        """Nobody is signed in any more."""
        if self._client is not None:
            self._client.close_soon("request done")
            self._client = None


async def sign_in(
    client: InnerClient, who: Basic | ProxyKey | None, events: bytes = b"off"
) -> Response | None:
    """Sign in a client of this process.

    Args:
        events: what it wants to see.

    Returns:
        Why it could not be: 400, 401 after the delay of a failed login, 429; ``None`` if it is.
    """
    if who is None:
        return None if client.is_signed_in else unauthorized("a login is required")
    if isinstance(who, ProxyKey):
        action = Frame.of(("Action", "Ping"), ("ProxyKey", who.key))
    else:
        action = Frame.of(
            ("Action", "Login"), ("Username", who.username), ("Secret", who.secret), ("Events", events)
        )
    try:
        answer = await client.perform(action)
    except LocalProtocolError:
        return problem(400, "CR, LF or NUL in the credentials")
    first = Frame.parse(answer.frames[0] if answer.frames else b"")
    if answer.end is End.COMPLETE and first.name == b"Success":
        return None
    words = first.get(b"Message", b"")
    if words == TOO_MANY_SESSIONS.encode():
        return problem(429, "too many sessions of this user")
    return unauthorized("wrong name, secret or key")


def unauthorized(why: str) -> Response:
    """401 with the challenge that a browser asks its user by."""
    return problem(401, why, CHALLENGE)

"""Who asks the API: by Basic, by a bearer token, or by the cookie that a login gave."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import attrs

from amp.core.ami.auth import User
from amp.core.http.api_error import as_api_error
from amp.core.http.credentials import Basic, cookies, read_authorization
from amp.core.http.message import Request, Response, problem
from amp.shell.http.sessions import Session, Sessions
from amp.shell.http.visitor import Visitor, sign_in
from amp.shell.inner import InnerClient

__all__ = ["COOKIE", "Access"]

COOKIE: Final = b"amp_session"

SHOWN_BY_BROWSER: Final = (None, b"navigate")
"""Fetch modes of requests that nobody but the browser can answer a challenge for. To a page's own requests it
would answer with a dialogue of the browser's."""


@attrs.frozen(kw_only=True)
class Access:
    """Finds out whom a request acts as.

    Attributes:
        sessions: those that logins began.
    """

    sessions: Sessions

    def session(self, request: Request) -> Session | None:
        """The session of its cookie, if there is one still."""
        key = cookies(request.header(b"cookie") or b"").get(COOKIE)
        return None if key is None else self.sessions.find(key)

    @asynccontextmanager
    async def acting(self, request: Request, visitor: Visitor) -> AsyncIterator[InnerClient | Response]:
        """A client to act with while the block runs, or why there is none.

        An ``Authorization`` counts before a cookie.
        """
        authorization = request.header(b"authorization")
        session = self.session(request) if authorization is None else None
        if session is not None and session.client.user is not None:
            visitor.vouched_for(session.client.user)
            with session:
                yield session.client
            return
        who = None
        if authorization is not None:
            who = read_authorization(authorization)
            if who is None:
                yield refused(request, problem(401, "expected Basic or Bearer credentials"))
                return
        client = await visitor.client_for(who)
        yield refused(request, client) if isinstance(client, Response) else client

    async def log_in(self, request: Request, visitor: Visitor, who: Basic) -> tuple[bytes, User] | Response:
        """Begin a session; gives its key."""
        key = secrets.token_urlsafe(32).encode()
        session = await self.sessions.open(key, visitor)
        if isinstance(session, Response):
            return as_api_error(session)
        refusal = await sign_in(session.client, who)
        user = session.client.user
        if refusal is not None or user is None:
            session.client.close_soon("refused")
            return refused(request, refusal or problem(401, "wrong name or secret"))
        visitor.vouched_for(user)
        self.sessions.keep_to_share(user.name)
        return key, user


def refused(request: Request, refusal: Response) -> Response:
    """A refusal as the API says it, with a challenge only for who can show it to its user."""
    if request.header(b"sec-fetch-mode") not in SHOWN_BY_BROWSER:
        kept = tuple(header for header in refusal.headers if header[0] != b"www-authenticate")
        refusal = attrs.evolve(refusal, headers=kept)
    return as_api_error(refusal)

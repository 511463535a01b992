"""Asterisk's own HTTP interface: ``/rawman``, ``/mxml``, ``/manager``, and the same with digests.

As recorded (http-rawman, http-mxml, http-waitevent, http-digest, http-other): every answer to an action is
200, errors included; a login begins a session that a cookie finds again; events gather in the session and are
fetched by WaitEvent. On purpose different: cookies and nonces cannot be guessed, a dropped event leaves a
``ProxyGap``, and ``Events: off`` counts for WaitEvent, too.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs
import trio

from amp.core.ami import replies
from amp.core.ami.auth import User
from amp.core.ami.frame import Frame
from amp.core.ami.framing import BadAction
from amp.core.http.ajam import Dialect
from amp.core.http.credentials import cookies
from amp.core.http.digest import REALM, Digest, Nonces, expected_response, read_digest
from amp.core.http.message import Request, Response, problem
from amp.core.http.recognised import Recognised
from amp.errors import LocalProtocolError
from amp.shell.http.classic import form_of
from amp.shell.http.rendering import rendered
from amp.shell.http.sessions import Session, Sessions
from amp.shell.http.visitor import Visitor
from amp.shell.inner import Answer, End

__all__ = ["Ajam"]

COOKIE: Final = b"mansession_id"
COOKIES: Final = b"cookie "
DIGESTS: Final = b"digest "
"""What sessions' keys begin with: a nonce crosses the network in the open, and no cookie must find it."""
BEGINNERS: Final = frozenset((b"login", b"challenge"))
"""Actions that begin a session."""

LONGEST_TIMEOUT_DIGITS: Final = 6
TERMINATOR: Final = b"\r\n\r\n"

WHY: Final = {
    End.TOO_LARGE: "The answer is larger than a client may have waiting (outlet_bytes)",
    End.CLOSED: "Outcome unknown: the session was closed",
    End.BUSY: "Not sent: too many actions are unanswered already",
}


@attrs.frozen(kw_only=True)
class Ajam:
    """The handlers.

    Attributes:
        sessions: of cookies and of nonces.
        nonces: for digests.
        users: who can sign in by digest, as of now.
        most: bytes of a line and lines of an action, as of now.
        timeout_s: of a session, as of now.
        everybody: whether nobody has to sign in, as of now.
    """

    sessions: Sessions
    nonces: Nonces
    users: Callable[[], Mapping[bytes, User]]
    most: Callable[[], tuple[int, int]]
    timeout_s: Callable[[], float]
    everybody: Callable[[], bool]

    # -- by cookie -----------------------------------------------------------------------------------

    async def by_cookie(self, dialect: Dialect, request: Request, visitor: Visitor) -> Response:
        """One action in the session of the request's cookie."""
        action = form_of(request, *self.most())
        if isinstance(action, Response):
            return action
        key = cookies(request.header(b"cookie") or b"").get(COOKIE, b"")
        session = self.sessions.find(COOKIES + key)
        if session is None:
            key = _new_key()
        if isinstance(action, BadAction):
            return await self._said(dialect, [_error(action.message, action.action_id)], key, visitor)
        if session is None:
            if action.name.lower() not in BEGINNERS and not self.everybody():
                denied = _error("Permission denied", action.get(b"ActionID"))
                return await self._said(dialect, [denied], key, visitor)
            opened = await self.sessions.open(COOKIES + key, visitor)
            if isinstance(opened, Response):
                return opened
            session = opened
        frames = await self._act(session, action, visitor)
        return await self._said(dialect, frames, key, visitor)

    async def _said(
        self, dialect: Dialect, frames: Sequence[bytes], key: bytes, visitor: Visitor
    ) -> Response:
        cookie = b'%s="%s"; Version=1; Max-Age=%d; Path=/; HttpOnly; SameSite=Strict%s' % (
            COOKIE, key, self.timeout_s(), b"; Secure" if visitor.tls else b"",
        )  # fmt: skip
        return await _written(dialect, frames, (b"set-cookie", cookie), (b"pragma", b"SuppressEvents"))

    # -- by digest -----------------------------------------------------------------------------------

    async def by_digest(self, dialect: Dialect, request: Request, visitor: Visitor) -> Response:
        """One action of whoever the request's Authorization shows to be a user."""
        session = await self._session_of(request, visitor)
        if isinstance(session, Response):
            return session
        action = form_of(request, *self.most())
        if isinstance(action, Response):
            return action
        if isinstance(action, BadAction):
            return await _written(dialect, [_error(action.message, action.action_id)])
        return await _written(dialect, await self._act(session, action, visitor))

    async def _session_of(self, request: Request, visitor: Visitor) -> Session | Response:
        digest = read_digest(request.header(b"authorization") or b"")
        if digest is None:
            return self._challenge("a digest is required")
        if digest.uri != request.target:
            return problem(400, "the digest is for another target")
        session = self.sessions.find(DIGESTS + digest.nonce)
        user = self.users().get(digest.username)
        secret = user.secret if user is not None else b""
        expected = expected_response(digest, request.method, secret)
        if not hmac.compare_digest(expected, digest.response.lower()) or not secret:
            await visitor.fail_to_sign_in(digest.username)
            return self._challenge("wrong name or secret")
        if session is None:
            return await self._begin(digest, user, visitor)
        if digest.username != session.username or int(digest.count, 16) <= session.count:
            return self._challenge("the nonce was used for this already", stale=True)
        session.count = int(digest.count, 16)
        return session

    async def _begin(self, digest: Digest, user: User | None, visitor: Visitor) -> Session | Response:
        if not self.nonces.spend(digest.nonce, trio.current_time()):
            return self._challenge("the nonce is too old", stale=True)
        session = await self.sessions.open(DIGESTS + digest.nonce, visitor, Recognised(user))
        if isinstance(session, Response):
            return session
        session.count, session.username = int(digest.count, 16), digest.username
        with session:
            login = Frame.of(("Action", "Login"), ("Username", digest.username), ("Secret", ""))
            answer = await session.client.perform(login)
        first = Frame.parse(answer.frames[0] if answer.frames else b"")
        if first.name == b"Success":
            return session
        words = first.get(b"Message")
        return problem(429, (words or b"refused").decode("ascii", "replace"))

    def _challenge(self, why: str, *, stale: bool = False) -> Response:
        nonce = self.nonces.make(trio.current_time(), secrets.token_bytes(8))
        header = b'Digest algorithm=MD5, realm="%s", nonce="%s", qop="auth", opaque="%s"%s' % (
            REALM, nonce, nonce[:8], b", stale=true" if stale else b"",
        )  # fmt: skip
        return problem(401, why, (b"www-authenticate", header))

    # -- in a session --------------------------------------------------------------------------------

    async def _act(self, session: Session, action: Frame, visitor: Visitor) -> list[bytes]:
        name, action_id = action.name.lower(), action.get(b"ActionID")
        if session.client.is_signed_in:
            visitor.vouched_for(session.client.user)
        with session:
            if name == b"waitevent" and session.client.is_signed_in:
                return await self._wait_for_events(session, action, action_id)
            try:
                answer = await session.client.perform(action)
            except LocalProtocolError as error:
                return [_error(str(error), action_id)]
            if name == b"login":
                return list(answer.frames[:1])  # no FullyBooted follows here (recording http-waitevent)
            return [*answer.frames, *_rest(answer, action_id)]

    async def _wait_for_events(self, session: Session, action: Frame, action_id: bytes | None) -> list[bytes]:
        """Like Asterisk's: ends soon after the first event, and before the session would."""
        most_s = max(1.0, session.timeout_s - 10)
        text = (action.get(b"Timeout") or b"").strip()
        if text.isdigit() and len(text) <= LONGEST_TIMEOUT_DIGITS:
            most_s = min(most_s, float(text))
        events = await session.wait_for_events(most_s)
        response, complete = replies.wait_event_done(action_id).split(TERMINATOR)[:2]
        return [response, *events, complete]


def _new_key() -> bytes:
    return secrets.token_hex(16).encode()


def _rest(answer: Answer, action_id: bytes | None) -> list[bytes]:
    """What is said behind an answer that is not whole."""
    return [_error(WHY[answer.end], action_id)] if answer.end in WHY else []


def _error(why: str | bytes, action_id: bytes | None = None) -> bytes:
    return replies.error(action_id, why).removesuffix(TERMINATOR)


async def _written(dialect: Dialect, frames: Sequence[bytes], *headers: tuple[bytes, bytes]) -> Response:
    return Response(
        content_type=dialect.content_type,
        body=await rendered(frames, dialect.piece, dialect.document),
        headers=((b"cache-control", b"no-cache, no-store"), *headers),
    )

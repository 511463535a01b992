"""Who may sign in: users, MD5 keys, comparisons that take the same time whatever they find."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Protocol

import attrs

__all__ = ["Accounts", "Authenticator", "User", "md5_key", "same_secret"]


def md5_key(challenge: bytes, secret: bytes) -> bytes:
    """The ``Key`` of a Login with ``AuthType: MD5``: MD5 of challenge then secret, in small hex digits.

    Source: recording login-challenge-md5.
    """
    return hashlib.md5(challenge + secret, usedforsecurity=False).hexdigest().encode()


def same_secret(left: bytes, right: bytes) -> bool:
    """Compare two secrets without telling by the time it takes where they differ."""
    return hmac.compare_digest(left, right)


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(names)


def _as_bytes(secret: str | bytes) -> bytes:
    return secret.encode() if isinstance(secret, str) else secret


@attrs.frozen(kw_only=True)
class User:
    """Who a signed-in client is, and what it may do.

    Attributes:
        name: the login name.
        secret: the password; never shown by ``repr``. An empty one lets nobody in.
        read: event classes the user may see, in Asterisk's words (``all`` among them).
        write: action classes the user may use.
        server: the one server this user's actions go to when the action names none.
        servers: further servers that the user may name.
    """

    name: str
    secret: bytes = attrs.field(default=b"", repr=False, converter=_as_bytes)
    read: frozenset[str] = attrs.field(default=frozenset(("all",)), converter=_names)
    write: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    server: str | None = None
    servers: tuple[str, ...] = ()


class Authenticator(Protocol):
    """What a client session asks when somebody signs in. Both answers must not tell *why* it is no."""

    def verify_secret(self, username: bytes, secret: bytes) -> User | None:
        """The user of that name, if this is the secret."""

    def verify_md5(self, username: bytes, challenge: bytes, key: bytes) -> User | None:
        """The user of that name, if ``key`` is `md5_key` of the challenge and the user's secret."""


@attrs.define(init=False)
class Accounts:
    """An `Authenticator` over a set of users, which may be replaced as a whole.

    An unknown name is compared as well, against a secret nobody has, so that names cannot be told
    from the time an answer takes.
    """

    users: Mapping[bytes, User]

    def __init__(self, users: Iterable[User] = ()) -> None:
        self.replace(users)

    def replace(self, users: Iterable[User]) -> None:
        """These are the users from now on; sessions that are signed in stay so."""
        self.users = {user.name.encode(): user for user in users}

    def verify_secret(self, username: bytes, secret: bytes) -> User | None:
        """The user of that name, if this is the secret; an empty secret is nobody's."""
        return self._checked(username, secret, b"")

    def verify_md5(self, username: bytes, challenge: bytes, key: bytes) -> User | None:
        """The user of that name, if the key fits; hex digits count without case."""
        return self._checked(username, key.lower(), challenge)

    def _checked(self, username: bytes, given: bytes, challenge: bytes) -> User | None:
        user = self.users.get(username)
        secret = user.secret if user else b""
        expected = md5_key(challenge, secret) if challenge else secret
        return user if same_secret(given, expected) and secret else None

"""Who may sign in: users, MD5 keys, comparisons that take the same time whatever they find."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

import attrs

from amp.core.ami.secret_hash import decoy
from amp.core.fanout.autofilter import Autofilter
from amp.core.policy.authorise import Policy
from amp.core.policy.calls.call_filter import CallFilter
from amp.core.policy.event_filter import NO_FILTER, EventFilter
from amp.core.voipmonitor.rights import SnifferGrant

__all__ = ["Accounts", "Authenticator", "OnServerLoss", "SlowClient", "User", "md5_key", "same_secret"]

OnServerLoss = Literal["disconnect", "event"]
SlowClient = Literal["disconnect", "gap"]


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
        secret_hash: a bcrypt hash in its place, see `amp.core.ami.secret_hash`; ``""`` for none.
        read: event classes the user may see, in Asterisk's words (``all`` among them).
        policy: what the user may do.
        event_filter: what of the classes in ``read`` it gets; a session can add filters to it.
        server: the one server this user's actions go to when the action names none.
        servers: further servers that the user may name.
        calls: what of the events and lists is about its calls; ``None`` if it sees everybody's.
        sniffers: what it may do with sniffers.
        input_format: the format of its actions once it has signed in; ``None`` for its listener's.
        output_format: the format of what it gets, from the answer to its login on; the same.
        autofilter: how it is shown ActionIDs in events until it asks; ``None`` for as everybody.
        on_server_loss: whether it is disconnected when ``server`` is lost, or stays and is told.
        slow_client: whether it is disconnected when it does not keep up, or events are dropped and told as a
            gap; ``None`` for what its listener says.
        unpinned: who it would be on a listener that is not pinned to a server; ``None`` if it is on one.
    """

    name: str
    secret: bytes = attrs.field(default=b"", repr=False, converter=_as_bytes)
    secret_hash: str = attrs.field(default="", repr=False)
    read: frozenset[str] = attrs.field(default=frozenset(("all",)), converter=_names)
    policy: Policy = attrs.field(factory=Policy)
    event_filter: EventFilter = NO_FILTER
    calls: CallFilter | None = None
    server: str | None = None
    servers: tuple[str, ...] = ()
    sniffers: SnifferGrant = attrs.field(factory=SnifferGrant)
    input_format: str | None = None
    output_format: str | None = None
    autofilter: Autofilter | None = None
    on_server_loss: OnServerLoss = "disconnect"
    slow_client: SlowClient | None = None
    unpinned: User | None = attrs.field(default=None, repr=False)

    @property
    def member(self) -> User:
        """Who it is wherever it connects: itself, unless a listener's pin made it less."""
        return self.unpinned or self

    @property
    def leaves_with(self) -> str | None:
        """The server with whose loss it is disconnected; ``None`` if it stays whatever is lost."""
        return self.server if self.on_server_loss == "disconnect" else None

    @property
    def write(self) -> frozenset[str]:
        """The classes, rights and doors of its policy."""
        return self.policy.write

    @property
    def bound_to(self) -> frozenset[str] | None:
        """The only servers whose events it sees and which it may name; ``None`` for all."""
        return None if self.server is None else frozenset((self.server, *self.servers))


class Authenticator(Protocol):
    """What a client session asks when somebody signs in. No answer may tell *why* it is no."""

    def verify_secret(self, username: bytes, secret: bytes) -> User | None:
        """The user of that name, if this is the secret."""

    def hash_to_check(self, username: bytes) -> str | None:
        """The hash that a secret has to match which `verify_secret` has not found right.

        Also for a name that has none or is nobody's, where somebody else has one: then it is a hash of
        nothing. ``None`` if nobody has one.
        """

    def verify_hashed(self, username: bytes, hashed: str) -> User | None:
        """The user of that name, if this is still its hash; the secret was found to match."""

    def verify_md5(self, username: bytes, challenge: bytes, key: bytes) -> User | None:
        """The user of that name, if ``key`` is `md5_key` of the challenge and the user's secret.

        Nobody whose secret is kept as a hash: the key is made of the secret itself.
        """

    def verify_proxy_key(self, key: bytes) -> User | None:
        """Who the client is, if this is the key to give in ``ProxyKey`` instead of a login."""


@attrs.define(init=False)
class Accounts:
    """An `Authenticator` over a set of users, which may be replaced as a whole.

    An unknown name is compared as well, against a secret nobody has, so that names cannot be told
    from the time an answer takes. Where somebody's secret is kept as a hash, every wrong secret is checked
    against a hash for the same reason.

    Args:
        users: who may sign in by name.
        key_user: who comes in by the proxy key, which is its secret; ``None`` if nobody does.
    """

    users: Mapping[bytes, User]
    key_user: User | None
    _decoy: str | None

    def __init__(self, users: Iterable[User] = (), key_user: User | None = None) -> None:
        self.replace(users, key_user)

    def replace(self, users: Iterable[User], key_user: User | None = None) -> None:
        """These are the users from now on; sessions that are signed in stay so."""
        self.users = {user.name.encode(): user for user in users}
        self.key_user = key_user
        self._decoy = decoy(user.secret_hash for user in self.users.values() if user.secret_hash)

    def verify_secret(self, username: bytes, secret: bytes) -> User | None:
        """The user of that name, if this is the secret; an empty secret is nobody's."""
        return self._checked(username, secret, b"")

    def hash_to_check(self, username: bytes) -> str | None:
        """See `Authenticator`."""
        user = self.users.get(username)
        return (user.secret_hash if user else "") or self._decoy

    def verify_hashed(self, username: bytes, hashed: str) -> User | None:
        """See `Authenticator`."""
        user = self.users.get(username)
        return user if user and hashed and user.secret_hash == hashed else None

    def verify_md5(self, username: bytes, challenge: bytes, key: bytes) -> User | None:
        """The user of that name, if the key fits; hex digits count without case."""
        return self._checked(username, key.lower(), challenge)

    def verify_proxy_key(self, key: bytes) -> User | None:
        """The user of the proxy key, if this is it; an empty key is none."""
        secret = self.key_user.secret if self.key_user else b""
        return self.key_user if same_secret(key, secret) and secret else None

    def _checked(self, username: bytes, given: bytes, challenge: bytes) -> User | None:
        user = self.users.get(username)
        secret = user.secret if user else b""
        expected = md5_key(challenge, secret) if challenge else secret
        return user if same_secret(given, expected) and secret else None

"""What a listener for one server makes of the users who sign in there."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from amp.core.ami.auth import Authenticator, OnServerLoss, User

__all__ = ["Pin", "PinnedAccounts"]


@attrs.frozen(kw_only=True)
class Pin:
    """Binds everybody on a listener to one server.

    Attributes:
        server: its name.
        on_server_loss: what happens to the clients when it is lost; counts instead of the user's own.
    """

    server: str
    on_server_loss: OnServerLoss = "disconnect"

    def narrow(self, user: User) -> User | None:
        """The user as it is here: bound to this server and no other.

        A user's own bond is never loosened: ``None`` if this server is not among the user's. To give such a
        client the user's server instead would be to do on one PBX what was meant for another.
        """
        if user.bound_to is not None and self.server not in user.bound_to:
            return None
        return attrs.evolve(
            user, server=self.server, servers=(), on_server_loss=self.on_server_loss, unpinned=user
        )


@attrs.frozen
class PinnedAccounts:
    """An `Authenticator` that knows the same users as another one, as they are behind a pin.

    Attributes:
        accounts: decides who somebody is.
        pin: narrows it.
        on_stranger: told of who was right about the secret and is not for this server.
    """

    accounts: Authenticator
    pin: Pin
    on_stranger: Callable[[User], None]

    def verify_secret(self, username: bytes, secret: bytes) -> User | None:
        """See `Authenticator`."""
        return self._narrowed(self.accounts.verify_secret(username, secret))

    def hash_to_check(self, username: bytes) -> str | None:
        """See `Authenticator`."""
        return self.accounts.hash_to_check(username)

    def verify_hashed(self, username: bytes, hashed: str) -> User | None:
        """See `Authenticator`."""
        return self._narrowed(self.accounts.verify_hashed(username, hashed))

    def verify_md5(self, username: bytes, challenge: bytes, key: bytes) -> User | None:
        """See `Authenticator`."""
        return self._narrowed(self.accounts.verify_md5(username, challenge, key))

    def verify_proxy_key(self, key: bytes) -> User | None:
        """See `Authenticator`."""
        return self._narrowed(self.accounts.verify_proxy_key(key))

    def _narrowed(self, user: User | None) -> User | None:
        if user is None:
            return None
        narrowed = self.pin.narrow(user)
        if narrowed is None:
            self.on_stranger(user)
        return narrowed

"""What becomes of a signed-in client when the users change under it."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from amp.core.ami.auth import User

__all__ = ["Membership"]


def _by_name(users: Iterable[User]) -> dict[str, User]:
    return {user.name: user for user in users}


@attrs.frozen(kw_only=True)
class Membership:
    """Everybody that a client can be.

    Attributes:
        users: who signs in by name and secret.
        key_user: who comes in by the proxy key, which is its secret; ``None`` if nobody does.
        anonymous: who everybody is before a login; ``None`` if a login is required.
    """

    users: dict[str, User] = attrs.field(factory=dict, converter=_by_name)
    key_user: User | None = None
    anonymous: User | None = None

    def successor(self, user: User, new: Membership) -> User | str:
        """Who a client that is ``user`` among these is among the new ones.

        Returns:
            The user with its new rights, or why the client has to go: what let it in (a name, a secret, the
            proxy key, being let in without a login) lets nobody in any more. A changed secret counts as such:
            it is changed because somebody knew the old one.
        """
        if user == self.anonymous:
            return new.anonymous or "a login is required now"
        if user == self.key_user:
            return _still(user, new.key_user, "proxy key")
        return _still(user, new.users.get(user.name), "user", "secret")


def _still(old: User, new: User | None, what: str, secret: str = "") -> User | str:
    if new is None:
        return f"{what} removed"
    same = new.secret == old.secret and new.secret_hash == old.secret_hash
    return new if same else f"{secret or what} changed"

"""Who clients are, and what becomes of those that are in when that changes."""

from __future__ import annotations

from collections.abc import Iterable

from amp.core.ami.auth import Accounts, User
from amp.core.ami.renewal import Membership
from amp.shell.client import Client
from amp.shell.log import get_logger

__all__ = ["Members"]


class Members:
    """The users of today.

    Attributes:
        accounts: what sessions ask; the same object for ever.
        anonymous: who a client is before it logs in; ``None`` if it has to.
    """

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.accounts = Accounts(membership.users.values(), membership.key_user)

    @property
    def anonymous(self) -> User | None:
        """See the class."""
        return self._membership.anonymous

    def replace(self, new: Membership, clients: Iterable[Client]) -> None:
        """From now on these. Clients that are signed in get their new rights, or a reason and the end."""
        old, self._membership = self._membership, new
        self.accounts.replace(new.users.values(), new.key_user)
        for client in clients:
            if client.user is None:
                continue
            member = client.user.member
            user = old.successor(member, new)
            if isinstance(user, str):
                client.log_off(user)
            elif user != member:
                get_logger(client=client.number).info("rights_changed", user=user.name)
                client.change_user(user)

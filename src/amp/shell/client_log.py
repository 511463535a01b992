"""What the log tells of one client."""

from __future__ import annotations

import attrs

from amp.core.admission.admission import Visit
from amp.shell.log import get_logger

__all__ = ["ClientLog"]


@attrs.frozen
class ClientLog:
    """Writes a client's lines but the last one.

    Attributes:
        number: the client's.
        address: where it connects from, for people.
        tls: what protects it; empty if nothing does.
        visit: its stay, as the entrance counts it.
    """

    number: int
    address: str
    tls: str
    visit: Visit

    def login(self, user: str) -> None:
        """It is that user from now on."""
        get_logger(client=self.number).info("login", address=self.address, user=user, tls=self.tls or None)

    def failure(self, user: str, reason: str) -> None:
        """It could not show to be that user."""
        get_logger(client=self.number, address=self.address).warning(
            "login_failed", user=user, reason=reason, failures=self.visit.failures
        )
        self.ban()

    def ban(self) -> None:
        """Its address is banned, if it is."""
        if self.visit.ban_s:
            get_logger(client=self.number).warning(
                "address_banned", address=self.visit.origin.key, seconds=self.visit.ban_s
            )

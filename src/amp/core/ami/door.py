"""Who may come in besides knowing a secret: what a session asks when somebody signs in."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

__all__ = [
    "AUTHENTICATION_FAILED",
    "FAILURE_DELAY_S",
    "NO_KEYS_FOR_HASHES",
    "OPEN_DOOR",
    "TOO_MANY_LOGINS",
    "Door",
    "Verdict",
]

FAILURE_DELAY_S: Final = 1.0
"""Asterisk answers a failed login after exactly this long (recording login-wrong-secret)."""

AUTHENTICATION_FAILED: Final = "Authentication failed"
"""Asterisk's words, the same for an unknown name, a wrong secret and a banned address."""

NO_KEYS_FOR_HASHES: Final = "; a user whose secret is kept as a hash logs in with Secret, not with Key"
"""Follows the words for a wrong MD5 key, whoever it was for, where anybody's secret is kept as a hash: it
tells that somebody's is, and not whose."""

TOO_MANY_LOGINS: Final = "Too many logins at the same time; try again later"
"""For a secret that could not be checked in time. That is no failed login: nobody knows if it was right."""


class Verdict(NamedTuple):
    """What becomes of a login.

    Attributes:
        refusal: what the client is told; ``""`` lets it in.
        delay_s: seconds until it is told a refusal.
    """

    refusal: str
    delay_s: float = 0.0


class Door(Protocol):
    """One connection's doorkeeper. Synchronous, and it remembers what it was asked."""

    def judge(self, user: str | None, now: float) -> Verdict:
        """Somebody tries to sign in.

        Args:
            user: who it is; ``None`` if name or secret were wrong, which is always refused; ``""`` for
                somebody without a name (``authentication = "none"``), who is never refused.
            now: monotonic seconds.
        """


class _OpenDoor:
    def judge(self, user: str | None, now: float) -> Verdict:
        del now
        return Verdict(AUTHENTICATION_FAILED, FAILURE_DELAY_S) if user is None else Verdict("")


OPEN_DOOR: Final[Door] = _OpenDoor()
"""Lets in whoever knows a secret."""

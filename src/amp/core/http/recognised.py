"""Who was recognised otherwise than by a secret that a session could check."""

from __future__ import annotations

import attrs

from amp.core.ami.auth import User

__all__ = ["Recognised"]


@attrs.frozen
class Recognised:
    """An `Authenticator` that lets in one user whatever is given, or nobody.

    For sessions whose client has shown already who it is: its login is then counted, limited and, if it has
    failed, delayed as any other.

    Attributes:
        user: who it is; ``None`` if what it has shown was wrong.
    """

    user: User | None

    def verify_secret(self, username: bytes, secret: bytes) -> User | None:
        """See `Authenticator`."""
        del username, secret
        return self.user

    def hash_to_check(self, username: bytes) -> str | None:
        """See `Authenticator`."""
        del username
        return None

    def verify_hashed(self, username: bytes, hashed: str) -> User | None:
        """See `Authenticator`."""
        del username, hashed
        return None

    def verify_md5(self, username: bytes, challenge: bytes, key: bytes) -> User | None:
        """See `Authenticator`."""
        del username, challenge, key
        return None

    def verify_proxy_key(self, key: bytes) -> User | None:
        """See `Authenticator`."""
        del key
        return None

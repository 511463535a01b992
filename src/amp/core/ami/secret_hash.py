"""Secrets that are kept as bcrypt hashes, as in the users of astmanproxy's 1.30.

That fork hands a secret that begins with ``$`` to ``crypt()``, at first the C library's, later its own copy
of Openwall's crypt_blowfish, which knows bcrypt only (``$2a$ $2b$ $2x$ $2y$``). A hash cannot answer a
Challenge: the MD5 key is made of the secret itself, which nobody here knows.

Checking one takes milliseconds to a third of a second on purpose, so it must not be done where others wait.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import bcrypt

__all__ = ["MAX_COST", "decoy", "hash_problem", "matches"]

BCRYPT: Final = re.compile(r"\$2[abxy]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
MIN_COST: Final = 4
MAX_COST: Final = 12
"""About 0.25 s. Each step doubles it, and whoever reaches the port may make amp spend it."""
MAX_SECRET_BYTES: Final = 72
"""What bcrypt takes of a secret; crypt_blowfish passes over the rest, and so does this."""


def hash_problem(text: str) -> str:
    """Why a text is no hash that can be checked here; ``""`` if it is one. The text is not repeated."""
    found = BCRYPT.fullmatch(text)
    if found is None:
        return 'expected a bcrypt hash, which begins with "$2y$" or the like and has 60 characters'
    if not MIN_COST <= int(found[1]) <= MAX_COST:
        return f"expected a bcrypt hash of a cost from {MIN_COST} to {MAX_COST}"
    return ""


def matches(secret: bytes, hashed: str) -> bool:
    """Whether this is the secret. Takes as long for a wrong one as for the right one.

    Args:
        secret: what a client gave; an empty one never matches.
        hashed: one without a `hash_problem`. ``$2x$`` marks hashes of an old, wrong crypt_blowfish; for
            secrets in ASCII they are the same as others, with other secrets they never match.
    """
    right = bcrypt.checkpw(secret[:MAX_SECRET_BYTES], hashed.encode())
    return right and bool(secret) and b"\0" not in secret


def decoy(hashes: Iterable[str]) -> str | None:
    """A hash that costs as much as the dearest of these and is nobody's; ``None`` if there are none."""
    costs = [found[1] for text in hashes if (found := BCRYPT.fullmatch(text))]
    return f"$2b${max(costs)}$" + "." * 53 if costs else None

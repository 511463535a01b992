"""Digest authentication (RFC 2617, MD5, ``auth``) as Asterisk has it on ``/arawman`` and its likes.

Source: recording http-digest. A nonce is a value that only we can make, so nothing has to be kept for
somebody who never comes back. One that began a session is remembered until it is too old to begin anything:
what it may still do is for that session, and when that is over a recorded request must not begin another.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

import attrs

__all__ = ["REALM", "Digest", "Nonces", "expected_response", "read_digest"]

REALM: Final = b"asterisk"

FIELD: Final = re.compile(rb'([a-z]+)=(?:"([^"]*)"|([^",\s]*))\s*(?:,\s*|$)', re.IGNORECASE)
NONCE: Final = re.compile(rb"([0-9a-f]{8})([0-9a-f]{16})([0-9a-f]{32})")
COUNT: Final = re.compile(rb"[0-9a-f]{8}", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Digest:
    """What a client answered to a challenge."""

    username: bytes
    nonce: bytes
    uri: bytes = attrs.field(repr=False)
    count: bytes
    cnonce: bytes = attrs.field(repr=False)
    response: bytes = attrs.field(repr=False)


def read_digest(header: bytes) -> Digest | None:
    """Read ``Authorization: Digest …``.

    Returns:
        ``None`` for another scheme, for what cannot be read or repeats a field, and for another realm,
        algorithm or quality than ours.
    """
    scheme, _, rest = header.strip().partition(b" ")
    if scheme.lower() != b"digest":
        return None
    fields: dict[bytes, bytes] = {}
    end = 0
    rest = rest.strip()
    for found in FIELD.finditer(rest):
        name = found[1].lower()
        if found.start() != end or name in fields:
            return None
        fields[name] = found[2] if found[2] is not None else found[3]
        end = found.end()
    ours = fields.get(b"realm") == REALM and fields.get(b"qop") == b"auth"
    if end != len(rest) or not ours or fields.get(b"algorithm", b"MD5").upper() != b"MD5":
        return None
    return _digest(fields)


def _digest(fields: dict[bytes, bytes]) -> Digest | None:
    count = fields.get(b"nc", b"")
    names = (b"username", b"nonce", b"uri", b"cnonce", b"response")
    if not COUNT.fullmatch(count) or not all(name in fields for name in names):
        return None
    return Digest(count=count, **{name.decode(): fields[name] for name in names})


def expected_response(digest: Digest, method: str, secret: bytes) -> bytes:
    """What the response has to be, in small hex digits."""
    who = _md5(b"%s:%s:%s" % (digest.username, REALM, secret))
    what = _md5(b"%s:%s" % (method.encode(), digest.uri))
    return _md5(b":".join((who, digest.nonce, digest.count, digest.cnonce, b"auth", what)))


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()


@attrs.frozen
class Nonces:
    """Makes nonces and knows its own.

    Attributes:
        key: secret, drawn at start.
        good_s: how long a nonce may begin something.
    """

    key: bytes = attrs.field(repr=False)
    good_s: float = 60.0
    _spent: dict[bytes, float] = attrs.field(factory=dict, init=False, repr=False, eq=False)
    """Those that began something, the earliest first, and when."""

    def make(self, now: float, random: bytes) -> bytes:
        """A new one.

        Args:
            now: monotonic seconds.
            random: eight bytes that nobody can guess.
        """
        text = b"%08x%s" % (int(now), random.hex().encode())
        return text + self._proof(text)

    def is_good(self, nonce: bytes, now: float) -> bool:
        """Whether it is one of ours and not too old."""
        found = NONCE.fullmatch(nonce)
        if found is None or not hmac.compare_digest(self._proof(found[1] + found[2]), found[3]):
            return False
        return now - int(found[1], 16) <= self.good_s

    def spend(self, nonce: bytes, now: float) -> bool:
        """Begin something with a nonce whose user has shown the secret.

        Returns:
            Whether it is good and has begun nothing before: each does so once.
        """
        while self._spent and now - self._spent[oldest := next(iter(self._spent))] > self.good_s:
            del self._spent[oldest]
        if not self.is_good(nonce, now) or nonce in self._spent:
            return False
        self._spent[nonce] = now
        return True

    def _proof(self, text: bytes) -> bytes:
        return hmac.new(self.key, text, hashlib.sha256).hexdigest()[:32].encode()

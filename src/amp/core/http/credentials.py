"""Who a request says it is from: HTTP Basic, bearer tokens, and cookies."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import attrs

__all__ = ["Basic", "ProxyKey", "cookies", "read_authorization", "read_basic"]

UNSAFE: Final = frozenset(b"\r\n\0")
TO_BASE64: Final = bytes.maketrans(b"-_", b"+/")


@attrs.frozen
class Basic:
    """A name and a secret."""

    username: bytes
    secret: bytes = attrs.field(repr=False)


@attrs.frozen
class ProxyKey:
    """The key that stands in for a login."""

    key: bytes = attrs.field(repr=False)


def read_basic(header: bytes) -> Basic | None:
    """Read ``Authorization: Basic …`` (RFC 7617).

    Returns:
        ``None`` for another scheme, for what is no base64 or has no colon inside, and for a line end or NUL
        in the name or the secret.
    """
    scheme, _, encoded = header.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return None
    username, colon, secret = text.partition(b":")
    if not colon or not UNSAFE.isdisjoint(text):
        return None
    return Basic(username, secret)


def read_authorization(header: bytes) -> Basic | None:
    """Read ``Authorization: Basic …``, or ``Bearer …`` with the same inside.

    A bearer token is ``NAME:SECRET`` in base64 or base64url (RFC 6750 allows both), with or without its
    padding: for programs that can send nothing else.

    Returns:
        As `read_basic`.
    """
    scheme, _, token = header.strip().partition(b" ")
    if scheme.lower() != b"bearer":
        return read_basic(header)
    token = token.strip().translate(TO_BASE64).rstrip(b"=")
    return read_basic(b"Basic " + token + b"=" * (-len(token) % 4))


def cookies(header: bytes) -> dict[bytes, bytes]:
    """The cookies of a ``Cookie`` header by name, values without quotes; the first of a name counts."""
    found: dict[bytes, bytes] = {}
    for part in header.split(b";"):
        name, equals, value = part.strip().partition(b"=")
        if equals and name not in found:
            found[name] = value.strip().strip(b'"')
    return found

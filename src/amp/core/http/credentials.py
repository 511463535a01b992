"""Who a request says it is from: HTTP Basic, and cookies."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import attrs

__all__ = ["Basic", "ProxyKey", "cookies", "read_basic"]

UNSAFE: Final = frozenset(b"\r\n\0")


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


def cookies(header: bytes) -> dict[bytes, bytes]:
    """The cookies of a ``Cookie`` header by name, values without quotes; the first of a name counts."""
    found: dict[bytes, bytes] = {}
    for part in header.split(b";"):
        name, equals, value = part.strip().partition(b"=")
        if equals and name not in found:
            found[name] = value.strip().strip(b'"')
    return found

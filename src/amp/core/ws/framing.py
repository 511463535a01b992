"""WebSocket frames as bytes (RFC 6455 §5.2): a server's are not masked, so one encoding serves every client.

permessage-deflate (RFC 7692) is used without context takeover: each message stands for itself, so a message
is compressed once for all clients, too.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import chain
from struct import pack
from typing import Final

__all__ = [
    "WINDOW_BITS",
    "close_frame",
    "deflated_frame",
    "message_frame",
    "ping_frame",
    "text_frame",
    "text_frames",
]

FIN_TEXT: Final = 0x81
FIN_BINARY: Final = 0x82
FIN_CLOSE: Final = 0x88
FIN_PING: Final = 0x89
COMPRESSED: Final = 0x40
"""RSV1: the payload is deflated."""

WINDOW_BITS: Final = 12
"""An event has about 1 KB. A greater window makes it no smaller and takes longer to set up; a client that
asks for a smaller one gets no compression."""

LEAST_BYTES: Final = 128
"""Smaller messages are sent as they are."""

MOST_REMEMBERED: Final = 4096
"""Bytes of a text, up to which its head is remembered: a quarter megabyte at most for all."""

MOST_REASON_BYTES: Final = 123
"""A control frame carries 125 bytes, and two are the code (RFC 6455 §5.5)."""


def text_frame(payload: bytes) -> bytes:
    """A whole text message; the payload is UTF-8."""
    return _frame(FIN_TEXT, payload)


def text_frames(payloads: Sequence[bytes]) -> bytes:
    """A text message for each."""
    heads = map(TEXT_HEADS.__getitem__, map(len, payloads))
    return b"".join(chain.from_iterable(zip(heads, payloads, strict=True)))


def message_frame(payload: bytes, *, binary: bool) -> bytes:
    """A whole message of either kind."""
    return _frame(FIN_BINARY if binary else FIN_TEXT, payload)


def deflated_frame(payload: bytes) -> bytes:
    """A whole text message, compressed if that is worth it, for clients that agreed to permessage-deflate."""
    if len(payload) < LEAST_BYTES:
        return text_frame(payload)
    deflate = zlib.compressobj(1, zlib.DEFLATED, -WINDOW_BITS, 5)
    data = deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return _frame(FIN_TEXT | COMPRESSED, data[:-4])


def ping_frame(payload: bytes = b"") -> bytes:
    """A ping."""
    return _frame(FIN_PING, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """The end, with a code and a reason for people, which is cut where it does not fit."""
    text = reason.encode()[:MOST_REASON_BYTES].decode(errors="ignore").encode()
    return _frame(FIN_CLOSE, pack("!H", code) + text)


def _frame(first: int, payload: bytes) -> bytes:
    return _head(first, len(payload)) + payload


def _head(first: int, size: int) -> bytes:
    """What stands before a payload."""
    if size < 126:
        return bytes((first, size))
    if size < 65536:
        return pack("!BBH", first, 126, size)
    return pack("!BBQ", first, 127, size)


class _TextHeads(dict[int, bytes]):
    """What stands before a text, by its size; remembered, since events are of few sizes."""

    def __missing__(self, size: int) -> bytes:
        head = _head(FIN_TEXT, size)
        if size < MOST_REMEMBERED:
            self[size] = head
        return head


TEXT_HEADS: Final = _TextHeads()

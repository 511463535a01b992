"""A reply as a sniffer sends it, in clear or as one encrypted stream."""

from __future__ import annotations

from amp.core.voipmonitor.cipher import Cipher, Encryption
from amp.core.voipmonitor.reply import ENCRYPTED

__all__ = ["ReplyEncoder", "encode_reply"]


class ReplyEncoder:
    """The reply to one request, piece by piece.

    Args:
        cipher: what the request was encrypted with; ``None`` if it was plain.

    A reply without any bytes stays without any (recording aes128-no-reply-command).
    """

    def __init__(self, cipher: Cipher | None) -> None:
        self._cipher = cipher
        self._encryption: Encryption | None = None

    def feed(self, data: bytes) -> bytes:
        """The bytes to send for the next piece."""
        if self._cipher is None or not data:
            return data
        if self._encryption is None:
            self._encryption = self._cipher.encryption()
            return ENCRYPTED + self._encryption.feed(data)
        return self._encryption.feed(data)

    def finish(self) -> bytes:
        """The bytes to send before closing."""
        return self._encryption.finish() if self._encryption is not None else b""


def encode_reply(data: bytes, cipher: Cipher | None) -> bytes:
    """A whole reply at once."""
    encoder = ReplyEncoder(cipher)
    return encoder.feed(data) + encoder.finish()

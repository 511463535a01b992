"""AES as the sniffers use it: CBC, one key and one IV for every request and every reply.

The IV never changes and nothing is authenticated, so this hides contents from a passer-by and no more:
equal commands give equal bytes, and old requests can be sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs
from cryptography.hazmat.primitives.ciphers import Cipher as Aes
from cryptography.hazmat.primitives.ciphers import algorithms, modes

from amp.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["BLOCK", "CIPHERS", "Cipher", "Decryption", "Encryption", "SnifferKey"]

BLOCK: Final = 16
MIN_KEY_BYTES: Final = 16

CIPHERS: Final[Mapping[str, int]] = {"aes-128-cbc": 16, "aes-192-cbc": 24, "aes-256-cbc": 32}
"""The ciphers amp asks with, and the bytes of key that each takes. Other modes are weak with a fixed IV."""


def _long_enough(_: object, field: attrs.Attribute[bytes], value: bytes) -> None:
    if len(value) < MIN_KEY_BYTES:
        raise LocalProtocolError(
            f"the sniffer's {field.name} has {len(value)} bytes, at least {MIN_KEY_BYTES} are needed"
        )


def _first_block(iv: bytes) -> bytes:
    return iv[:BLOCK]


@attrs.frozen
class SnifferKey:
    """A sniffer's key and IV as raw bytes; neither is ever shown by ``repr``.

    Attributes:
        key: 16 bytes or more. A cipher takes the first 16, 24 or 32 of them.
        iv: 16 bytes; what is longer is cut, as the sniffer does.

    Raises:
        LocalProtocolError: one of them is too short.
    """

    key: bytes = attrs.field(repr=False, validator=_long_enough)
    iv: bytes = attrs.field(repr=False, validator=_long_enough, converter=_first_block)


class Encryption:
    """One message on its way out, piece by piece; padded once, at its end."""

    def __init__(self, aes: Aes[modes.CBC]) -> None:
        self._encryptor = aes.encryptor()
        self._bytes = 0

    def feed(self, data: bytes) -> bytes:
        """The ciphertext of the whole blocks so far."""
        self._bytes += len(data)
        return self._encryptor.update(data)

    def finish(self) -> bytes:
        """The last block, with its padding."""
        missing = BLOCK - self._bytes % BLOCK
        return self._encryptor.update(bytes([missing]) * missing) + self._encryptor.finalize()


class Decryption:
    """One message on its way in, piece by piece. The last block is kept back, as it holds the padding."""

    def __init__(self, aes: Aes[modes.CBC]) -> None:
        self._decryptor = aes.decryptor()
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What is certainly text so far."""
        text = self._decryptor.update(data)
        if not text:
            return b""
        held, self._held = self._held, text[-BLOCK:]
        return b"".join((held, memoryview(text)[:-BLOCK]))  # a file is copied once and not twice

    def finish(self) -> bytes:
        """The text of the last block.

        Raises:
            RemoteProtocolError: no whole block, or no padding: another key, or a message cut short.
        """
        try:
            self._decryptor.finalize()
        except ValueError:
            raise RemoteProtocolError("encrypted text that does not end with a whole block") from None
        held = self._held
        size = held[-1] if held else 0
        if not 1 <= size <= BLOCK or held[-size:] != bytes([size]) * size:
            raise RemoteProtocolError("encrypted text with bad padding: another key, or cut short")
        return held[:-size]


@attrs.frozen
class Cipher:
    """A cipher with its key, ready for any number of messages.

    Attributes:
        name: one of `CIPHERS`; it goes in front of a request in clear.
        key: cut here to what the cipher takes.

    Raises:
        LocalProtocolError: an unknown name, or a key that is too short for it. The sniffer would read
            past the end of such a key, and nobody could read its reply (recording aes128-key-as-aes256).
    """

    name: str
    key: SnifferKey
    _aes: Aes[modes.CBC] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Cut the key, or refuse it."""
        size = CIPHERS.get(self.name)
        if size is None:
            raise LocalProtocolError(f"unknown cipher {self.name!r}, expected one of {', '.join(CIPHERS)}")
        if len(self.key.key) < size:
            raise LocalProtocolError(
                f"{self.name} needs a key of {size} bytes, the given one has {len(self.key.key)}"
            )
        aes = Aes(algorithms.AES(self.key.key[:size]), modes.CBC(self.key.iv))
        object.__setattr__(self, "_aes", aes)

    def encryption(self) -> Encryption:
        """Begin a message out."""
        return Encryption(self._aes)

    def decryption(self) -> Decryption:
        """Begin a message in."""
        return Decryption(self._aes)

    def encrypt(self, text: bytes) -> bytes:
        """A whole message at once, padding included."""
        message = self.encryption()
        return message.feed(text) + message.finish()

    def decrypt(self, ciphertext: bytes) -> bytes:
        """A whole message at once.

        Raises:
            RemoteProtocolError: see `Decryption.finish`.
        """
        message = self.decryption()
        return message.feed(ciphertext) + message.finish()

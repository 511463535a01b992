"""The sniffer's cipher: any of the crypto library's, as the client names it, with one key and one IV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

__all__ = ["Key", "Sealing", "unseal"]

_SIZES: Final[Mapping[str, int]] = {
    "aes-128": 16,
    "aes128": 16,
    "aes-192": 24,
    "aes192": 24,
    "aes-256": 32,
    "aes256": 32,
}
_BLOCK_BITS: Final = 128


@attrs.frozen
class Key:
    """The raw bytes that the sniffer has."""

    key: bytes = attrs.field(repr=False)
    iv: bytes = attrs.field(repr=False)


_Any = Cipher[modes.CBC] | Cipher[modes.ECB] | Cipher[modes.CTR]


def _cipher(name: str, key: Key) -> tuple[_Any, bool]:
    """The cipher of a name, and whether it pads. A name that is not known is AES-128-CBC."""
    base, _, mode = name.lower().rpartition("-")
    if mode.startswith("aes"):
        base, mode = mode, "cbc"
    size = _SIZES.get(base)
    if size is None or mode not in ("cbc", "ecb", "ctr"):
        size, mode = 16, "cbc"
    # A key that is too short is read past its end; what is there cannot be known, so zeros will do.
    aes = algorithms.AES(key.key[:size].ljust(size, b"\0"))
    if mode == "ecb":
        return Cipher(aes, modes.ECB()), True  # noqa: S305 -- the real one takes it too
    if mode == "ctr":
        return Cipher(aes, modes.CTR(key.iv)), False
    return Cipher(aes, modes.CBC(key.iv)), True


def unseal(name: str, key: Key, ciphertext: bytes) -> bytes | None:
    """The text of a request; ``None`` if it cannot be read."""
    cipher, padded = _cipher(name, key)
    decryptor = cipher.decryptor()
    try:
        text = decryptor.update(ciphertext) + decryptor.finalize()
        if padded:
            unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
            text = unpadder.update(text) + unpadder.finalize()
    except ValueError:
        return None
    return text


class Sealing:
    """A reply on its way out: one stream, padded once, and nothing at all if it is empty."""

    def __init__(self, name: str, key: Key) -> None:
        cipher, padded = _cipher(name, key)
        self._encryptor: CipherContext = cipher.encryptor()
        self._padder = padding.PKCS7(_BLOCK_BITS).padder() if padded else None
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """The bytes to send by now."""
        prefix = b"" if self._begun or not data else b"aes:"
        self._begun = self._begun or bool(data)
        return prefix + self._encryptor.update(self._padder.update(data) if self._padder else data)

    def finish(self) -> bytes:
        """The last bytes."""
        if not self._begun:
            return b""
        return (
            self._encryptor.update(self._padder.finalize() if self._padder else b"")
            + self._encryptor.finalize()
        )

"""A second, plainer reading of the sniffers' encryption, to hold amp's own against."""

from __future__ import annotations

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SIZES = {"aes-128": 16, "aes128": 16, "aes-192": 24, "aes192": 24, "aes-256": 32, "aes256": 32}


def aes(name: str, key: bytes, iv: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(key[: SIZES[name.removesuffix("-cbc")]]), modes.CBC(iv))


def seal(name: str, key: bytes, iv: bytes, text: bytes) -> bytes:
    padder = padding.PKCS7(128).padder()
    encryptor = aes(name, key, iv).encryptor()
    return encryptor.update(padder.update(text) + padder.finalize()) + encryptor.finalize()


def unseal(name: str, key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    decryptor = aes(name, key, iv).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()

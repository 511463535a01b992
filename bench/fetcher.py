"""A client that fetches a file from a sniffer, decrypts it as it comes and checks it when it is there.

``python -m bench.fetcher --port P --bytes N``, with the key of the bench: each line on standard input is
answered with ``{"bytes": n, "seconds": s, "cpu_s": c, "right": true}``. It uses nothing of amp's.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import time

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

__all__ = ["IV", "KEY", "opened", "sealed", "talk"]

KEY, IV = b"the bench's key!", b"the bench's i.v."
CHUNK = 256 << 10
LIFETIME_S = 180
REQUEST = b"getfile big\r\n\r\n"


def aes() -> Cipher[modes.CBC]:
    """The cipher of a message."""
    return Cipher(algorithms.AES(KEY), modes.CBC(IV))


def sealed(text: bytes) -> bytes:
    """A request."""
    padder, encryptor = padding.PKCS7(128).padder(), aes().encryptor()
    padded = padder.update(text) + padder.finalize()
    return b"aes-128-cbc:" + encryptor.update(padded) + encryptor.finalize() + b":sea"


def opened(reply: bytes) -> bytes:
    """The text of a whole reply."""
    assert reply.startswith(b"aes:"), reply[:40]
    decryptor, unpadder = aes().decryptor(), padding.PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(reply[4:]) + decryptor.finalize()) + unpadder.finalize()


def talk(port: int, request: bytes) -> bytes:
    """Send a request, and give all that comes."""
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.sendall(request)
        return b"".join(iter(lambda: sock.recv(CHUNK), b""))


def fetch(port: int) -> list[bytes]:
    """The file in pieces, padding removed."""
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.sendall(sealed(REQUEST))
        decryptor, unpadder = aes().decryptor(), padding.PKCS7(128).unpadder()
        opening = b""
        while len(opening) < 4:
            opening += sock.recv(4 - len(opening))
        assert opening == b"aes:", opening
        pieces = []
        while data := sock.recv(CHUNK):
            pieces.append(unpadder.update(decryptor.update(data)))
        pieces.append(unpadder.update(decryptor.finalize()) + unpadder.finalize())
    return pieces


def content(size: int) -> bytes:
    """What the file must hold: byte n is n modulo 251."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def main(port: int, size: int) -> None:
    """Fetch once for each line."""
    expected = content(size)
    for _ in sys.stdin:
        began, cpu = time.monotonic(), time.process_time()
        pieces = fetch(port)
        took, used = time.monotonic() - began, time.process_time() - cpu
        found = b"".join(pieces)
        report = {"bytes": len(found), "seconds": took, "cpu_s": used, "right": found == expected}
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    signal.alarm(LIFETIME_S)  # nothing of the bench stays behind
    words = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    main(int(words["--port"]), int(words["--bytes"]))

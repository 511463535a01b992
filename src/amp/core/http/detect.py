"""Which protocol a connection speaks, by its first bytes: HTTP and AMI share a port."""

from __future__ import annotations

from typing import Final, Literal

__all__ = ["MOST_BYTES", "Spoken", "spoken"]

Spoken = Literal["ami", "http"]

MOST_BYTES: Final = 32
"""After so many bytes it is decided; no method of HTTP is as long."""

CAPITALS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
LINE_ENDS: Final = b"\r\n"


def spoken(first: bytes) -> Spoken | None:
    """What is spoken; ``None`` if that cannot be told yet.

    A request line of HTTP begins with a method in capitals and a blank. A line of AMI begins with a name
    and a colon; with a blank before the colon Asterisk would not know it (recording login-odd-spelling).
    Line ends before either mean nothing (RFC 9112 §2.2).
    """
    text = first.lstrip(LINE_ENDS)
    for place, byte in enumerate(text):
        if byte not in CAPITALS:
            return "http" if byte == ord(" ") and place else "ami"
    return "ami" if len(first) >= MOST_BYTES else None

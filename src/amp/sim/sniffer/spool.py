"""The sniffer's spool directory, kept in memory; big files are made as they are read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

__all__ = ["ROOT", "Spool"]

ROOT: Final = "/var/spool/voipmonitor"
PIECE: Final = 4096 * 16


class Spool:
    """Files by their name below `ROOT`."""

    def __init__(self) -> None:
        self._files: dict[str, bytes | int] = {}

    def put(self, name: str, content: bytes) -> None:
        """Have a file."""
        self._files[name] = content

    def put_big(self, name: str, size: int) -> None:
        """Have a file of so many bytes, whose content follows from their place (see `big_piece`)."""
        self._files[name] = size

    def size(self, name: str) -> int | None:
        """How big a file is; ``None`` if it is not there."""
        content = self._files.get(name)
        return len(content) if isinstance(content, bytes) else content

    def pieces(self, name: str) -> Iterator[bytes] | None:
        """A file's content, piece by piece; ``None`` if it is not there."""
        content = self._files.get(name)
        if content is None:
            return None
        if isinstance(content, bytes):
            return iter([content])
        return (big_piece(at, min(PIECE, content - at)) for at in range(0, content, PIECE))


_PATTERN: Final = bytes(range(251)) * (PIECE // 251 + 2)


def big_piece(start: int, size: int) -> bytes:
    """``size`` bytes (at most 64 KB) of a big file from ``start`` on: byte n is n modulo 251."""
    first = start % 251
    return _PATTERN[first : first + size]


def packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces as one gzip member."""
    deflate = zlib.compressobj(1, wbits=31)
    for piece in pieces:
        yield deflate.compress(piece)
    yield deflate.flush()

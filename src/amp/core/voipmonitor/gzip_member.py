"""Whether a packed reply is complete: a reply has no length, but gzip has a trailer."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from amp.errors import RemoteProtocolError

__all__ = ["GZIP_MAGIC", "GzipReader", "GzipWriter", "pack"]

GZIP_MAGIC: Final = b"\x1f\x8b"
_WBITS: Final = 16 + zlib.MAX_WBITS
"""gzip's frame, and nothing else."""
PIECE_BYTES: Final = 64 << 10


class GzipReader:
    """Unpacks gzip piece by piece, in bounded memory.

    Args:
        max_bytes: how much may come out; a few bytes in can mean gigabytes out.
    """

    def __init__(self, max_bytes: float) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._inflate = zlib.decompressobj(_WBITS)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the data unpacks to, in pieces of at most 64 KB; to be drained before the next call.

        Raises:
            RemoteProtocolError: no gzip, or more than ``max_bytes``.
        """
        while data:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(_WBITS)  # a packed file may have several members
            try:
                text = self._inflate.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise RemoteProtocolError(f"packed reply that is no gzip ({error})") from None
            self._bytes += len(text)
            if self._bytes > self._max_bytes:
                raise RemoteProtocolError(f"packed reply that unpacks to over {self._max_bytes} bytes")
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            if text:
                yield text

    def finish(self) -> None:
        """Say that this was all.

        Raises:
            RemoteProtocolError: the trailer has not come.
        """
        if not self._inflate.eof:
            raise RemoteProtocolError("packed reply cut short: it has no gzip trailer")


class GzipWriter:
    """Packs a reply again that had to be unpacked, piece by piece."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(wbits=_WBITS)

    def feed(self, data: bytes) -> bytes:
        """The packed bytes so far; often none."""
        return self._deflate.compress(data)

    def finish(self) -> bytes:
        """The rest, with the trailer."""
        return self._deflate.flush()


def pack(data: bytes) -> bytes:
    """A whole text as one gzip member."""
    return zlib.compress(data, wbits=_WBITS)

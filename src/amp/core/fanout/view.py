"""What a set of clients gets to see. Clients with equal views share every byte that is sent."""

from __future__ import annotations

from functools import lru_cache
from itertools import compress
from typing import Final

import attrs

from amp.core.ami.mask import ALL, EventMask
from amp.core.fanout.batch import Batch

__all__ = ["View", "ViewKey"]

CLASSES_REMEMBERED: Final = 256


@attrs.frozen(cache_hash=True)
class ViewKey:
    """Everything that decides what a client sees of the events; equal keys make one view.

    Attributes:
        mask: the classes that the client may and wants to see.
        servers: the names of the servers whose events it sees; ``None`` for all.
        format: how frames are written; ``standard`` is the manager protocol itself.
        sequence: add ``ProxyEpoch`` and ``ProxySeq`` to each event.
    """

    mask: EventMask = ALL
    servers: frozenset[bytes] | None = None
    format: str = "standard"
    sequence: bool = False


class View:
    """Turns batches into bytes, once for all clients with this key.

    Attributes:
        shown: how many frames it has rendered so far.
        hidden: how many it has left out.
    """

    def __init__(self, key: ViewKey) -> None:
        self.key = key
        self.shown = 0
        self.hidden = 0
        self._unfiltered = key.mask == ALL
        self._wants = lru_cache(CLASSES_REMEMBERED)(key.mask.wants)

    def render(self, batch: Batch) -> bytes:
        """The wire form of a batch: whole frames, each with ``Server: NAME`` as last header.

        Returns:
            ``b""`` if nothing in the batch is for this view.
        """
        if self.key.servers is not None and batch.server not in self.key.servers:
            self.hidden += len(batch.frames)
            return b""
        if self._unfiltered and not self.key.sequence:
            self.shown += len(batch.frames)
            return _finish(batch.frames, batch.server)
        frames = _numbered(batch) if self.key.sequence else batch.frames
        if not self._unfiltered:
            frames = list(compress(frames, map(self._wants, batch.privileges)))
        self.shown += len(frames)
        self.hidden += len(batch.frames) - len(frames)
        return _finish(frames, batch.server)

    def render_for_asker(self, batch: Batch) -> bytes:
        """The same for the one client whose ActionID the batch carried; not counted again."""
        counters = self.shown, self.hidden
        data = self.render(batch.for_asker())
        self.shown, self.hidden = counters
        return data


def _finish(frames: list[bytes], server: bytes) -> bytes:
    # The empty piece at the end saves copying the whole text once more for the last frame's ending.
    return (b"\r\nServer: %s\r\n\r\n" % server).join([*frames, b""]) if frames else b""


def _numbered(batch: Batch) -> list[bytes]:
    line = b"%%s\r\nProxyEpoch: %s\r\nProxySeq: %%d" % batch.epoch.replace(b"%", b"%%")
    return [
        line % pair for pair in zip(batch.frames, range(batch.first_seq, batch.last_seq + 1), strict=True)
    ]

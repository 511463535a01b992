"""What a set of clients gets to see. Clients with equal views share every byte that is sent."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import compress
from typing import Final

import attrs

from amp.core.ami.mask import ALL, EventMask
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.batch import Batch
from amp.core.fanout.rendering import Rendering
from amp.core.policy.event_filter import NO_FILTER, EventFilter

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
        filter: the user's and the session's event filters.
        autofilter: how events with ActionIDs are shown.
        asker: for autofilter ``on`` the client's number and the ActionID that it set last; else ``None``,
            so that clients share the view.
    """

    mask: EventMask = ALL
    servers: frozenset[bytes] | None = None
    format: str = "standard"
    sequence: bool = False
    filter: EventFilter = NO_FILTER
    autofilter: Autofilter = Autofilter.UNIQUE
    asker: tuple[int, bytes] | None = None


class View:
    """Turns batches into bytes, once for all clients with this key.

    Args:
        rendering: writes in the key's format; ``None`` for the manager protocol itself.

    Attributes:
        shown: how many frames it has rendered so far.
        hidden: how many it has left out.
    """

    def __init__(self, key: ViewKey, rendering: Rendering | None = None) -> None:
        self.key = key
        self.shown = 0
        self.hidden = 0
        self._rendering = rendering
        self._masked = key.mask != ALL
        self._plain = not (self._masked or key.filter or key.sequence)
        self._wants = lru_cache(CLASSES_REMEMBERED)(key.mask.wants)

    def render(self, batch: Batch) -> bytes:
        """The wire form of a batch: whole frames, each with ``Server: NAME`` as last header.

        Returns:
            ``b""`` if nothing in the batch is for this view.
        Raises:
            Exception: the format is a plug-in's and failed, with whatever it failed.
        """
        frames = self._chosen(batch, asks=False)
        self.shown += len(frames)
        self.hidden += len(batch.frames) - len(frames)
        return self._written(batch, frames)

    def render_for_asker(self, batch: Batch) -> bytes:
        """The same for the one client whose ActionID the batch carried; not counted again."""
        return self._written(batch, self._chosen(batch, asks=True))

    def _written(self, batch: Batch, frames: list[bytes]) -> bytes:
        if self._rendering is not None and frames:
            return self._rendering.write(batch, frames)
        return _finish(frames, batch.server)

    def _chosen(self, batch: Batch, *, asks: bool) -> list[bytes]:
        """The frames that this view shows, without their last header.

        The unfiltered view decides nothing per frame: it takes the batch's own list.
        """
        key = self.key
        if key.servers is not None and batch.server not in key.servers:
            return []
        if key.autofilter is Autofilter.ON and (batch.asker is None or batch.asker[:2] != key.asker):
            return []
        frames = self._dressed(batch, asks)
        return frames if self._plain else self._filtered(batch, frames)

    def _dressed(self, batch: Batch, asks: bool) -> list[bytes]:
        """The frames with the ActionIDs that this view shows."""
        if self.key.autofilter is Autofilter.OFF:
            return batch.as_asterisk
        return batch.for_asker().frames if asks or self.key.autofilter is Autofilter.ON else batch.frames

    def _filtered(self, batch: Batch, frames: list[bytes]) -> list[bytes]:
        if self.key.sequence:
            frames = _numbered(batch, frames)
        judged = batch.as_asterisk
        if self._masked:
            # A broken piece has the classes of its event, so a mask takes both or none, and the filter
            # below still finds each piece behind its event, or first of all and behind the lead.
            wanted = list(map(self._wants, batch.privileges))
            frames, judged = _picked(frames, wanted), _picked(judged, wanted)
        if self.key.filter:
            frames = _picked(frames, self.key.filter.verdicts(judged, batch.lead))
        return frames


def _picked(frames: list[bytes], wanted: Iterable[object]) -> list[bytes]:
    """Those that are wanted; if all are, the very list, by which `Rendering` knows a whole batch."""
    picked = list(compress(frames, wanted))
    return picked if len(picked) < len(frames) else frames


def _finish(frames: list[bytes], server: bytes) -> bytes:
    # The empty piece at the end saves copying the whole text once more for the last frame's ending.
    return (b"\r\nServer: %s\r\n\r\n" % server).join([*frames, b""]) if frames else b""


def _numbered(batch: Batch, frames: list[bytes]) -> list[bytes]:
    line = b"%%s\r\nProxyEpoch: %s\r\nProxySeq: %%d" % batch.epoch.replace(b"%", b"%%")
    return [line % pair for pair in zip(frames, range(batch.first_seq, batch.last_seq + 1), strict=True)]

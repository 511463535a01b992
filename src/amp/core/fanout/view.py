"""What a set of clients gets to see. Clients with equal views share every byte that is sent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from typing import Final

import attrs

from amp.core.ami.mask import ALL, EventMask
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.batch import Batch, classes_of, ending
from amp.core.fanout.call_book import Screen
from amp.core.fanout.gap import Gap
from amp.core.fanout.numbered import Numbered
from amp.core.fanout.rendering import Rendering
from amp.core.policy.calls.call_filter import CallFilter
from amp.core.policy.calls.call_watch import HIDDEN
from amp.core.policy.event_filter import NO_FILTER, EventFilter
from amp.core.ws.selection import Selection

__all__ = ["View", "ViewKey"]

EVERYTHING: Final = Selection()

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
        calls: the user's own calls, and nobody else's; ``None`` if it sees everybody's.
        selection: what the client asks for of all that.
    """

    mask: EventMask = ALL
    servers: frozenset[bytes] | None = None
    format: str = "standard"
    sequence: bool = False
    filter: EventFilter = NO_FILTER
    autofilter: Autofilter = Autofilter.UNIQUE
    asker: tuple[int, bytes] | None = None
    calls: CallFilter | None = None
    selection: Selection = EVERYTHING


class View:
    """Turns batches into bytes, once for all clients with this key.

    Args:
        rendering: writes in the key's format; ``None`` for the manager protocol itself.
        screen: decides whose calls are shown if the key has ``calls``; it has seen each batch already.

    Attributes:
        shown: how many frames it has rendered so far.
        hidden: how many it has left out.
    """

    def __init__(
        self, key: ViewKey, rendering: Rendering | None = None, screen: Screen | None = None
    ) -> None:
        self.key = key
        self._screen = screen
        self.shown = 0
        self.hidden = 0
        self._rendering = rendering
        self._told_again = 0
        self._masked = key.mask != ALL
        self._plain = not (self._masked or key.filter or key.sequence or key.selection or screen)
        self._shows_all = self._plain and rendering is None and key.autofilter is Autofilter.UNIQUE
        """Whatever comes, as it comes; but for the servers."""
        self._wants = lru_cache(CLASSES_REMEMBERED)(key.mask.wants)

    def render(self, batch: Batch) -> bytes:
        """The wire form of a batch: whole frames, each with ``Server: NAME`` as last header.

        Returns:
            ``b""`` if nothing in the batch is for this view.
        Raises:
            Exception: the format is a plug-in's and failed, with whatever it failed.
        """
        servers = self.key.servers
        if self._shows_all and (servers is None or batch.server in servers):
            self.shown += batch.count
            return batch.text
        self._told_again = 0
        frames = self._chosen(batch, asks=False)
        self.shown += len(frames)
        self.hidden += batch.count - (len(frames) - self._told_again)
        return self._written(batch, frames)

    def render_for_asker(self, batch: Batch) -> bytes:
        """The same for the one client whose ActionID the batch carried; not counted again."""
        return self._written(batch, self._chosen(batch, asks=True))

    def render_gap(self, gap: Gap) -> bytes:
        """What tells a client of this view that something is missing; no mask and no filter hides it.

        Raises:
            Exception: as in `render`.
        """
        return self._written(Batch(gap.server, gap.epoch, 0, []), [gap.frame])

    def _written(self, batch: Batch, frames: Sequence[bytes]) -> bytes:
        if self._rendering is not None and frames:
            return self._rendering.write(batch, frames)
        if frames is batch.frames:
            return batch.text
        return ending(batch.server).join([*frames, b""]) if frames else b""

    def render_known(self, server: bytes, epoch: bytes, head: int) -> tuple[bytes, int]:
        """What a client that joins has to see first: the live channels that this view has shown.

        Args:
            epoch: see `Batch`.
            head: the number of the server's newest event, which these carry.
        Returns:
            The wire form, and how many events it is.
        Raises:
            Exception: see `render`.
        """
        hears = self.key.servers is None or server in self.key.servers
        if self._screen is None or not hears or self.key.autofilter is Autofilter.ON:
            return b"", 0
        known = [frame for frame in self._screen.known(server) if self._admits(frame, server)]
        frames = self._told_first(self._screen, known, epoch, head)
        return self._written(Batch(server, epoch, head, known), frames), len(frames)

    def render_alone(self, batch: Batch) -> bytes:
        """One event of amp's own for one client, which everybody else was told before; it is not counted.

        Raises:
            Exception: see `render`.
        """
        key, (frame,) = self.key, batch.frames
        hears = key.servers is None or batch.server in key.servers
        if not hears or key.autofilter is Autofilter.ON or not self._admits(frame, batch.server):
            return b""
        return self._written(batch, _numbered(batch, [frame]) if key.sequence else [frame])

    def _chosen(self, batch: Batch, *, asks: bool) -> Sequence[bytes]:
        """The frames that this view shows, without their last header.

        The unfiltered view decides nothing per frame: it takes the batch's own list.
        """
        key = self.key
        if key.servers is not None and batch.server not in key.servers:
            return []
        if not key.selection.hears(batch.server):
            return []
        if key.autofilter is Autofilter.ON and (batch.asker is None or batch.asker[:2] != key.asker):
            return []
        frames = self._dressed(batch, asks)
        return frames if self._plain else self._filtered(batch, frames, asks)

    def _dressed(self, batch: Batch, asks: bool) -> list[bytes]:
        """The frames with the ActionIDs that this view shows."""
        if self.key.autofilter is Autofilter.OFF:
            return batch.as_asterisk
        return batch.for_asker().frames if asks or self.key.autofilter is Autofilter.ON else batch.frames

    def _filtered(self, batch: Batch, own: list[bytes], asks: bool) -> Sequence[bytes]:
        if self._screen is not None:
            return self._screened(self._screen, batch, own, asks)
        frames: Sequence[bytes] = _numbered(batch, own) if self.key.sequence else own
        if self.key.selection:
            return _picked(frames, self._wanted(batch))
        if not (self._masked or self.key.filter):
            return frames
        judged: Sequence[bytes] = batch.as_asterisk
        if self._masked:
            # A broken piece has the classes of its event, so a mask takes both or none, and the filter
            # below still finds each piece behind its event, or first of all and behind the lead.
            wanted = list(map(self._wants, batch.privileges))
            frames, judged = _picked(frames, wanted), _picked(judged, wanted)
        if self.key.filter:
            frames = _picked(frames, self.key.filter.verdicts(judged, batch.lead))
        return frames

    def _screened(self, screen: Screen, batch: Batch, frames: list[bytes], asks: bool) -> list[bytes]:
        """The frames of the user's calls, each behind those that make its channels known.

        Masks and filters hold for both. What is told first has the number of the event before: whoever
        resumes from there misses nothing.
        """
        numbered = _numbered(batch, frames) if self.key.sequence else frames
        wanted = self._wanted(batch)
        answered = asks or self.key.autofilter is Autofilter.ON
        chosen: list[bytes] = []
        for index, verdict in enumerate(screen.verdicts_on(batch)):
            if verdict and self.key.autofilter is not Autofilter.ON:
                known = [frame for frame in verdict if self._admits(frame, batch.server)]
                self._told_again += len(known)
                chosen += self._told_first(screen, known, batch.epoch, batch.first_seq + index - 1)
            if wanted[index] and (verdict is not HIDDEN or answered):
                chosen.append(screen.filter.dressed(numbered[index]))
        return chosen

    def _wanted(self, batch: Batch) -> list[bool]:
        """Whether the masks and filters let each frame pass."""
        wanted = list(map(self._wants, batch.privileges)) if self._masked else [True] * len(batch.frames)
        if self.key.filter:
            passing = self.key.filter.verdicts(batch.as_asterisk, batch.lead)
            wanted = [both[0] and both[1] for both in zip(wanted, passing, strict=True)]
        if self.key.selection:
            # What is hidden from the client, others' ActionIDs, must not be found out by asking for it.
            passing = self.key.selection.verdicts(batch.frames, batch.lead, batch.server)
            wanted = [both[0] and both[1] for both in zip(wanted, passing, strict=True)]
        return wanted

    def _admits(self, frame: bytes, server: bytes) -> bool:
        """Whether the masks, the filters and what was asked for let an event pass that is told again."""
        if self._masked and not self._wants(classes_of(frame)):
            return False
        passes = not self.key.filter or self.key.filter.passes(frame)
        return passes and self.key.selection.passes(frame, server)

    def _told_first(self, screen: Screen, frames: list[bytes], epoch: bytes, seq: int) -> list[bytes]:
        """Events that are told again, as this view shows them."""
        frames = list(map(screen.filter.dressed, frames))
        return [_number(frame, epoch, seq) for frame in frames] if self.key.sequence else frames


def _picked(frames: Sequence[bytes], wanted: Sequence[object]) -> Sequence[bytes]:
    """Those that are wanted; if all are, the very object, by which `Rendering` knows a whole batch."""
    return frames if all(wanted) else list(compress(frames, wanted))


def _numbered(batch: Batch, frames: list[bytes]) -> Numbered:
    return batch.numbered if frames is batch.frames else batch.with_numbers(frames)


def _number(frame: bytes, epoch: bytes, seq: int) -> bytes:
    return b"%s\r\nProxyEpoch: %s\r\nProxySeq: %d" % (frame, epoch, seq)

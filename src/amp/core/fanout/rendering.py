"""Events in another format than the manager protocol: a whole batch once for all views of a format."""

from __future__ import annotations

from collections.abc import Sequence

from amp.core.fanout.batch import Batch
from amp.core.formats.format import Format

__all__ = ["Rendering"]


class Rendering:
    """Writes events in one format.

    Views of one format that show the same whole batch (users with different rights often do) share what came
    of it; those that show parts of it share the events, where the format writes each by itself. A publish
    goes through all views before the next one, so only the last batch is remembered.
    """

    def __init__(self, form: Format) -> None:
        self._format = form
        self._batch: Batch | None = None
        self._whole: dict[bool, bytes] = {}
        self._pieces: dict[bytes, bytes] = {}

    def write(self, batch: Batch, frames: Sequence[bytes]) -> bytes:
        """Frames of a batch, or made of them, in this format.

        Args:
            frames: at least one; ``batch.frames`` or ``batch.numbered`` itself if a view shows all of it.
        Raises:
            Exception: the format is a plug-in's and failed, with whatever it failed.
        """
        if self._batch is not batch:
            self._batch, self._whole, self._pieces = batch, {}, {}
        numbered = batch.is_numbered(frames)
        if frames is not batch.frames and not numbered:
            return self._parts(batch, frames)
        if numbered not in self._whole:
            self._whole[numbered] = self._format.write(frames, batch.server)
        return self._whole[numbered]

    def _parts(self, batch: Batch, frames: Sequence[bytes]) -> bytes:
        piece, known = self._format.piece, self._pieces
        if piece is None:
            return self._format.write(frames, batch.server)
        for frame in frames:
            if frame not in known:
                known[frame] = piece(frame, batch.server)
        return b"".join([known[frame] for frame in frames])

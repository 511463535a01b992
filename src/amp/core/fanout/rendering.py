"""Events in another format than the manager protocol: a whole batch once for all views of a format."""

from __future__ import annotations

from amp.core.fanout.batch import Batch
from amp.core.formats.format import Format

__all__ = ["Rendering"]


class Rendering:
    """Writes events in one format.

    Views of one format that show the same whole batch (users with different rights often do) share what came
    of it. A publish goes through all views before the next one, so only the last batch is remembered.
    """

    def __init__(self, form: Format) -> None:
        self._format = form
        self._batch: Batch | None = None
        self._data = b""

    def write(self, batch: Batch, frames: list[bytes]) -> bytes:
        """Frames of a batch, or made of them, in this format.

        Args:
            frames: at least one; ``batch.frames`` itself if a view shows all of it as it is.
        Raises:
            Exception: the format is a plug-in's and failed, with whatever it failed.
        """
        if frames is not batch.frames:
            return self._format.write(frames, batch.server)
        if self._batch is not batch:
            self._data = self._format.write(frames, batch.server)
            self._batch = batch
        return self._data

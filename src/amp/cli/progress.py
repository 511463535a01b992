"""How far long work is, for people at a terminal; in a pipe or a file nothing of it is seen."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Final, Self

__all__ = ["Progress", "size"]

DELAY_S: Final = 0.5
"""What takes no longer needs no progress."""
TICK_S: Final = 0.2
ERASE: Final = "\r\x1b[K"

MEGABYTE: Final = 1 << 20


class Progress:
    """A line on standard error while the block runs, from half a second on; it is gone when the block ends.

    Nothing is written unless standard error is a terminal. A thread of its own keeps it moving, so that also
    work which waits for somebody shows that it goes on.

    Args:
        label: what is being done: ``amp key: asking the database``.
        quiet: nothing after all, since what the work itself writes goes to the same terminal.
    """

    def __init__(self, label: str, *, quiet: bool = False) -> None:
        self._label = label
        self._text = ""
        self._over = threading.Event()
        self._shows = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._began = time.monotonic()

    def at(self, text: str) -> None:
        """How far it is: ``3 of 50 sniffers``. Costs nothing; call it as often as there is news."""
        self._text = text

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        if self._shows:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._shows:
            self._thread.join()

    def _show(self) -> None:
        if self._over.wait(DELAY_S):
            return
        while True:
            sys.stderr.write(
                f"{ERASE}{' '.join(filter(None, (self._label, self._text)))} ({self.seconds:.0f} s)"
            )
            sys.stderr.flush()
            if self._over.wait(TICK_S):
                break
        sys.stderr.write(ERASE)
        sys.stderr.flush()


def size(count: int, seconds: float) -> str:
    """Bytes so far, and how fast they come: ``12.3 MB, 4.1 MB/s``."""
    rate = count / seconds if seconds > 0 else 0.0
    return f"{count / MEGABYTE:.1f} MB, {rate / MEGABYTE:.1f} MB/s"

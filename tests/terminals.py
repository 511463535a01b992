"""A real terminal in tests: a private tmux whose screen can be read and whose keys can be pressed."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from programs import program

__all__ = ["Terminal", "terminal"]

PATIENCE_S = 60


class Terminal:
    """One screen. Nothing is asserted about how long anything takes."""

    def __init__(self, tmux: list[str]) -> None:
        self._tmux = tmux

    def screen(self, *, colours: bool = False) -> str:
        """What stands there now."""
        return self._run("capture-pane", "-p", *(["-e"] if colours else []), "-t", "main")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names: ``q``, ``Tab``, ``Enter``, ``C-c``."""
        self._run("send-keys", "-t", "main", *keys)

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self._run("send-keys", "-t", "main", "-l", text)

    def until(self, fits: Callable[[str], bool]) -> str:
        """Wait for a screen; gives it."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            screen = self.screen()
            if fits(screen):
                return screen
            assert time.monotonic() < deadline, f"the screen stays\n{screen}"
            time.sleep(0.05)

    def until_shown(self, *texts: str) -> str:
        """Wait till all of them stand there; gives the screen."""
        return self.until(lambda screen: all(text in screen for text in texts))

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, text=True, check=True, timeout=PATIENCE_S
        )
        return done.stdout


@contextmanager
def terminal(
    folder: Path, *command: str, environ: Mapping[str, str], columns: int = 120, lines: int = 36
) -> Iterator[Terminal]:
    """A program in a terminal of its own, which ends with the block.

    Args:
        folder: for the socket of its tmux; a short path.
        environ: beside that of the tests.
    """
    tmux = [program("tmux", "tmux"), "-S", str(folder / "tmux"), "-f", "/dev/null"]
    size = ["-x", str(columns), "-y", str(lines)]
    subprocess.run(
        [*tmux, "new-session", "-d", "-s", "main", *size, *command],
        check=True,
        timeout=PATIENCE_S,
        env={**os.environ, "LANG": "C.UTF-8", "TERM": "xterm-256color", **environ},
    )
    try:
        yield Terminal(tmux)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, timeout=PATIENCE_S)

"""Where the control socket is: the same rule for the amp that makes it and for the commands that look for it.

Imports nothing that takes time: every command waits for it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

__all__ = ["AUTO", "OFF", "SOCKET", "candidates", "folder_problem", "place_to_make"]

AUTO: Final = "auto"
OFF: Final = "off"
SOCKET: Final = "control.sock"
VARIABLE: Final = "AMP_CONTROL"
SYSTEM: Final = Path("/run/amp")
"""The folder of the unit in docs/systemd; whoever else prepares it for amp is as welcome."""


def place_to_make(setting: str, folder: Path, environ: Mapping[str, str]) -> tuple[Path | None, bool]:
    """Where amp makes its control socket.

    Args:
        setting: ``[proxy] control``.
        folder: the configuration's; relative paths count from it.
        environ: of the process.

    Returns:
        The path, ``None`` for no control socket; and whether somebody named it, so that amp does not start
        without it.
    """
    if setting == AUTO:
        setting, folder = environ.get(VARIABLE) or AUTO, Path()
    if setting == OFF:
        return None, True
    if setting != AUTO:
        return folder / setting, True
    return next(_defaults(environ)), False


def _defaults(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where it is made if nobody says, best first; the last one can always be had."""
    of_unit = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if of_unit:
        yield Path(of_unit) / SOCKET
    if os.access(SYSTEM, os.W_OK | os.X_OK):
        yield SYSTEM / SOCKET
    if given := environ.get("XDG_RUNTIME_DIR"):
        yield Path(given) / "amp" / SOCKET
    yield _own() / SOCKET


def candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where a command looks if nobody says, first things first."""
    yield SYSTEM / SOCKET
    if given := environ.get("XDG_RUNTIME_DIR"):
        yield Path(given) / "amp" / SOCKET
    yield _own() / SOCKET


def _own() -> Path:
    return Path(f"/tmp/amp-{os.geteuid()}")  # noqa: S108  # `folder_problem` sees whose it is


def folder_problem(folder: Path) -> str:
    """Why a socket in this default folder is not to be trusted; ``""`` if it is, or there is no such folder.

    In ``/tmp`` anybody could have made it first.
    """
    if folder != _own():
        return ""
    try:
        found = folder.lstat()
    except OSError:
        return ""
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        return f"{folder} is not a folder of yours alone"
    return ""

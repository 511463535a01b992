"""Writing files so that whoever reads meanwhile reads the old one or the new one."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["sync_folder", "write_whole"]


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Write beside, then take the place, also where the machine stops meanwhile.

    Args:
        path: of the file; it need not exist.
        mode: its permissions, from the moment that there is anything in it.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    fresh = path.with_name(f".{path.name[:100]}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have what a folder names written down.

    Raises:
        OSError: it cannot be.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

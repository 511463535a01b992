"""A sniffer's key in a file of its own or of the GUI's: blocking, without trio, for short commands too."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from amp.core.voipmonitor.cipher import SnifferKey
from amp.core.voipmonitor.key_forms import from_gui_php, from_sniffer_conf

__all__ = ["conf_key", "php_key"]

MAX_FILE_BYTES: Final = 4 << 20


def conf_key(path: Path) -> SnifferKey | None:
    """``manager_aes_key`` and ``manager_aes_iv`` of a ``voipmonitor.conf``; ``None`` if it has none.

    Raises:
        OSError: it cannot be read.
        ConfigError: what it has cannot be used.
    """
    return from_sniffer_conf(_contents(path), source=str(path))


def php_key(path: Path) -> SnifferKey | None:
    """The same for ``VPMANAGER_AES_KEY`` and ``VPMANAGER_AES_IV`` of the GUI's ``configuration.php``."""
    return from_gui_php(_contents(path), source=str(path))


def _contents(path: Path) -> bytes:
    # Without O_NONBLOCK a named pipe would hold up a thread for ever.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "not a regular file", str(path))
        text = file.read(MAX_FILE_BYTES + 1)
    if len(text) > MAX_FILE_BYTES:
        raise OSError(0, f"larger than {MAX_FILE_BYTES >> 20} MB", str(path))
    return text

"""What several commands share: reading a configuration, and saying what they found."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from amp.config.load import load
from amp.config.schema import Config
from amp.errors import ConfigError

__all__ = ["load_or_tell", "say"]


def load_or_tell(path: Path) -> Config | None:
    """The configuration, or None after its problems went to standard error, one a line."""
    try:
        return load(path)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
    return None


def say(*lines: str) -> None:
    """Write lines to standard output, as far as somebody reads them (``amp check ... | head -1``)."""
    try:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at the end, and would complain about the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

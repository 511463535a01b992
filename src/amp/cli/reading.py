"""What the commands that take a configuration share."""

from __future__ import annotations

import sys
from pathlib import Path

from amp.config.load import load
from amp.config.schema import Config
from amp.errors import ConfigError

__all__ = ["load_or_tell"]


def load_or_tell(path: Path) -> Config | None:
    """The configuration, or None after its problems went to standard error, one a line."""
    try:
        return load(path)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
    return None

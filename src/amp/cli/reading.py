"""What several commands share: reading a configuration, and saying what they found."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from amp.errors import ConfigError

if TYPE_CHECKING:
    from amp.config.schema import Config

__all__ = ["DEFAULT_CONFIG", "NO_CONFIG", "config_path", "load_or_tell", "say"]

DEFAULT_CONFIG: Final = Path("/etc/amp/amp.toml")
NO_CONFIG: Final = f"no configuration: name one, here or in AMP_CONFIG, or have {DEFAULT_CONFIG}"


def config_path(given: Path | None) -> Path | None:
    """The configuration file: the one that was given, else AMP_CONFIG's, else the default, if it is there.

    The same rule for every command.
    """
    if given is not None:
        return given
    if named := os.environ.get("AMP_CONFIG"):
        return Path(named)
    return DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None


def load_or_tell(path: Path | None) -> Config | None:
    """The configuration, or None after its problems went to standard error, one a line.

    Args:
        path: see `config_path`; ``None`` is a problem, too.
    """
    if path is None:
        sys.stderr.write(f"Error: {NO_CONFIG}\n")
        return None
    from amp.config.load import load  # late: not every command that says something needs it

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

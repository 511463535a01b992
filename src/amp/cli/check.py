"""``amp check``: everything that ``amp run`` does with a configuration, but open sockets."""

from __future__ import annotations

import sys
from pathlib import Path

from amp.cli.reading import config_path, load_or_tell, say

__all__ = ["check"]


def check(config: Path | None = None, /) -> int:
    """Check a configuration and say what it would start.

    Secrets are looked up as well (files, environment), so run it as the user that amp runs as.
    Problems go to standard error, one a line; the exit code is then 2.

    Parameters
    ----------
    config
        The configuration file (TOML); else AMP_CONFIG names it, else it is /etc/amp/amp.toml.
    """
    path = config_path(config)
    loaded = load_or_tell(path)
    if loaded is None or path is None:
        return 2
    from amp.cli.check_summary import open_files, summary
    from amp.config.places import unusable_files
    from amp.errors import ConfigError

    if problems := list(unusable_files(loaded, path.parent)):
        sys.stderr.write(f"{ConfigError(str(path), problems)}\n")
        return 2
    lines = (*summary(loaded), *(f"warning   {sentence}" for sentence in open_files(loaded, path)))
    say(f"{path}: ok", *(f"  {line}" for line in lines))
    return 0

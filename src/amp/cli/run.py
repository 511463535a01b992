"""``amp run``: the proxy itself."""

from __future__ import annotations

from pathlib import Path

from amp.cli.reading import load_or_tell

__all__ = ["run"]


def run(config: Path, /) -> int:
    """Run the proxy until it is told to stop (SIGTERM, SIGINT).

    Parameters
    ----------
    config
        The configuration file (TOML); see config.toml.example and docs/configuration.md.
    """
    loaded = load_or_tell(config)
    if loaded is None:
        return 2
    from amp.shell.app import run as run_proxy  # trio and all: not needed to tell that a file is wrong

    return run_proxy(loaded, config)

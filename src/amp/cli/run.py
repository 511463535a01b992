"""``amp run``: the proxy itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from amp.cli.reading import config_path, load_or_tell

if TYPE_CHECKING:
    from amp.config.schema import Config

__all__ = ["run"]

NOT_AS_ROOT = (
    "amp run: not as root: whoever found a way into amp would own the machine. Start it as another user"
    " (User= in a systemd unit), or say --allow-root.\n"
)


def run(
    config: Path | None = None,
    /,
    *,
    allow_root: Annotated[bool, Parameter(negative="")] = False,
    debug: Annotated[int, Parameter(alias="-d", count=True)] = 0,
) -> int:
    """Run the proxy until it is told to stop (SIGTERM, SIGINT).

    Parameters
    ----------
    config
        The configuration file (TOML); see config.toml.example and docs/configuration.md. Else AMP_CONFIG
        names it, else it is /etc/amp/amp.toml.
    allow_root
        Run as root. Without it root is refused, but for a mere trial: no server configured, and
        listeners for this machine only.
    debug
        Tell more: -d all of the log, -dd also actions and answers, -ddd also every header that comes or
        goes, secrets hidden.
    """
    path = config_path(config)
    loaded = load_or_tell(path)
    if loaded is None:
        return 2
    if os.geteuid() == 0 and not allow_root and not is_trial(loaded):
        sys.stderr.write(NOT_AS_ROOT)
        return 2
    from amp.shell.app import run as run_proxy  # trio and all: not needed to tell that a file is wrong
    from amp.shell.tracing import Tracing

    return run_proxy(loaded, path, Tracing(debug))


def is_trial(config: Config) -> bool:
    """Whether nobody but this machine can reach it, and it reaches nobody."""
    from amp.config.advice import is_loopback

    return not config.server and all(
        listen.unix is not None or (listen.activation is None and is_loopback(listen.address))
        for listen in config.listen
    )

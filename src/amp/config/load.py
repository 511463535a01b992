"""From a path to a checked `Config`, or to all problems at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from amp.config.certificates import certificate_problems
from amp.config.checks import cross_problems
from amp.config.drop_ins import merged
from amp.config.grouping import grouped
from amp.config.schema import Config
from amp.config.secret import SecretReader
from amp.config.source import read_toml
from amp.config.structure import structure
from amp.errors import ConfigError

__all__ = ["load"]


def load(path: str | Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check a configuration file, secrets included; opens no socket.

    Args:
        path: the TOML file; the servers in ``servers.d/`` beside it belong to it. Relative
            ``{ file = ... }`` secrets count from its folder.
        environ: where ``{ env = ... }`` secrets come from; ``os.environ`` if not given.

    Raises:
        ConfigError: with every problem found. None of them holds a secret or any other value of
            the wrong type, and the error has no cause or context that would.
    """
    folder = Path(path).parent
    secrets = SecretReader(folder=folder, environ=os.environ if environ is None else environ)
    own, problems = read_toml(Path(path))
    if problems:
        raise ConfigError(str(path), problems)
    whole = merged(own, folder)
    config, wrong = structure(whole.data, secrets)
    found = [*wrong, *cross_problems(whole.data), *certificate_problems(whole.data, folder)]
    problems = [*map(whole.placed, found), *whole.problems]
    if config is None or problems:
        raise ConfigError(str(path), grouped(problems, whole.data))
    return config

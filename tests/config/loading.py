"""Shared by the tests of the configuration: a text into a Config or into its problems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from amp.config.load import load
from amp.config.schema import Config
from amp.errors import ConfigError

SERVER = '[[server]]\nname = "pbx1"\nhost = "192.0.2.1"\nusername = "amp"\nsecret = "s"\n'
USER = '[[user]]\nname = "steve"\nsecret = "s"\n'


def load_text(folder: Path, text: str | bytes, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration that a file with this text gives."""
    path = folder / "amp.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path, environ if environ is not None else {})


def problems(folder: Path, text: str | bytes, environ: Mapping[str, str] | None = None) -> list[str]:
    """The problems of a file with this text; fails if there are none."""
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text, environ)
    assert caught.value.__context__ is None, "an error behind the error may hold what it must not show"
    assert all("\n" not in problem and problem.isprintable() for problem in caught.value.problems)
    return list(caught.value.problems)

"""The configuration that the bench writes for amp."""

from __future__ import annotations

from pathlib import Path

from bench.ampproc import configuration

from amp.config.load import load


def test_the_benchs_configuration_is_valid(tmp_path: Path) -> None:
    """amp reads it, with every server under the name that the sinks expect."""
    path = tmp_path / "amp.toml"
    path.write_text(configuration([5001, 5002]))

    found = load(path)

    assert [(server.name, server.port) for server in found.server] == [("pbx1", 5001), ("pbx2", 5002)]

"""The bench's programs, once per run: in C where there is a compiler, and always their Python stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.programs import Programs, build
from bench.scenario import Settings
from bench.stream import RECORDING


@pytest.fixture(scope="session", params=["C", "Python"])
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Programs:
    built = build(tmp_path_factory.mktemp("bench"), ("cc", "gcc", "clang") if request.param == "C" else ())
    if built.kind != request.param:
        pytest.skip("no C compiler")
    return built


@pytest.fixture
def settings(programs: Programs, tmp_path: Path) -> Settings:
    return Settings(
        programs=programs, folder=tmp_path, recording=RECORDING, rounds=1, seconds=0.1, small=True
    )

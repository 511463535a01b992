"""Fixtures of the tests with real servers: two Asterisks and a MariaDB per test run, an sshd per test."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from real.asterisk import DRESSED, PLAIN, Asterisk, sweep_runs, unusable_reason
from real.mariadb import Gui, MariaDb
from real.sshd import Sshd

DRESSES = {"plain": PLAIN, "dressed": DRESSED}


@pytest.fixture(scope="session")
def booted() -> Iterator[Mapping[str, Asterisk]]:
    """The run's servers: ``plain`` as Asterisk ships, ``dressed`` with what changes its events."""
    if reason := unusable_reason():
        if os.environ.get("AMP_REQUIRE_REAL"):
            pytest.fail(f"AMP_REQUIRE_REAL is set, but {reason}")
        pytest.skip(reason)
    sweep_runs()
    servers = {name: Asterisk(name=name, dress=dress) for name, dress in DRESSES.items()}
    try:
        for server in servers.values():
            server.start()
        for server in servers.values():
            server.wait_ready()
        yield servers
    finally:
        for server in servers.values():
            server.kill()
        sweep_runs()


@pytest.fixture
def asterisks(booted: Mapping[str, Asterisk]) -> Mapping[str, Asterisk]:
    """Both servers, running: whoever killed one need not have started it again."""
    down = [server for server in booted.values() if not server.running]
    for server in down:
        server.start()
    for server in down:
        server.wait_ready()
    return booted


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A running sshd of the test's own."""
    folder = tmp_path / "sshd"
    folder.mkdir()
    one = Sshd.installed(folder)
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """The run's MariaDB. Whoever kills it starts it again."""
    server = MariaDb.installed(tmp_path_factory.mktemp("mariadb"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def gui(mariadb: MariaDb) -> Gui:
    """A GUI's database of the test's own."""
    return mariadb.gui()

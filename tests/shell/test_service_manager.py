"""What amp tells a service manager, heard on a real notify socket; and the units of the documentation."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from amp.shell.service_manager import ServiceManager
from programs import program
from shell.harness import PATIENCE_S
from shell.process import running_amp

UNITS = Path(__file__).parents[2] / "docs" / "systemd"
CONFIG = '[log]\nformat = "json"\n[[listen]]\nport = 0\n'


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end: a datagram socket at ``tmp_path / "notify"``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


async def heard(manager: socket.socket, wanted: str) -> dict[str, str]:
    """The next message that has this line."""
    listening = trio.socket.from_stdlib_socket(manager.dup())
    with trio.fail_after(PATIENCE_S), listening:
        while True:
            lines = (await listening.recv(4096)).decode().split("\n")
            if wanted in lines:
                return dict(line.split("=", 1) for line in lines)


async def test_ready_reload_watchdog_and_stop(
    manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    path = tmp_path / "amp.toml"
    await trio.Path(path).write_text(CONFIG)
    async with running_amp(path) as amp:
        ready = await heard(manager, "READY=1")
        assert ready["STATUS"] == f"listening on 127.0.0.1:{amp.port}"
        for _ in range(3):
            await heard(manager, "WATCHDOG=1")
        amp.process.send_signal(signal.SIGHUP)
        begun = await heard(manager, "RELOADING=1")
        assert 0 < int(begun["MONOTONIC_USEC"]) <= trio.current_time() * 1_000_000
        assert (await heard(manager, "READY=1"))["STATUS"] == "reloaded"
        await trio.Path(path).write_text("[[listen]\n")
        amp.process.send_signal(signal.SIGHUP)
        await heard(manager, "RELOADING=1")
        assert (await heard(manager, "READY=1"))["STATUS"] == "reload refused: the log says why"
    await heard(manager, "STOPPING=1")


async def test_a_manager_that_is_gone_is_told_of_once_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    path = tmp_path / "amp.toml"
    await trio.Path(path).write_text(CONFIG)
    async with running_amp(path) as amp:
        line = await amp.logged("service_manager_not_told", message="READY=1")
        assert line["reason"]
        amp.process.send_signal(signal.SIGHUP)
        await amp.logged("reloaded")
        assert amp.count("service_manager_not_told") == 1


def test_the_variables_are_taken_away_and_those_of_another_process_not_followed(tmp_path: Path) -> None:
    environ = {"NOTIFY_SOCKET": "@name", "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1", "HOME": "/"}
    assert ServiceManager(environ).watchdog_s == 0
    assert environ == {"HOME": "/"}
    ours = {"NOTIFY_SOCKET": "@name", "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid())}
    assert ServiceManager(ours).watchdog_s == 5
    assert ServiceManager({"WATCHDOG_USEC": "soon"}).watchdog_s == 0


async def test_an_abstract_socket_and_a_status_that_stays_one_line() -> None:
    name = f"amp-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.setblocking(False)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready("fine\nMAINPID=1")
        assert sock.recv(100) == b"READY=1\nSTATUS=fine MAINPID=1"


async def test_signs_of_life_come_three_times_as_often_as_asked(
    manager: socket.socket, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Virtual time: the socket is only read, never waited for."""
    del autojump_clock
    watched = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}
    with trio.move_on_after(29):
        await ServiceManager(watched).mind_watchdog()
    await wait_all_tasks_blocked()
    assert [manager.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_the_units_are_what_systemd_takes(tmp_path: Path) -> None:
    """Checked by systemd itself; the program stands elsewhere here, so its path is replaced."""
    analyze = program("systemd-analyze", "systemd")
    version = int(re.findall(r"\d+", _output(analyze, "--version"))[0])
    for name in ("amp.service", "amp.socket"):
        text = (
            (UNITS / name)
            .read_text()
            .replace("/opt/amp/bin/amp", "/bin/true")
            .replace("User=amp", "User=root")
        )
        if version < 253:
            text = text.replace("Type=notify-reload", "Type=notify")
        (tmp_path / name).write_text(text)
    assert _output(analyze, "verify", *map(str, sorted(tmp_path.glob("amp.*")))) == ""


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    return "\n".join(
        line for line in (done.stdout + done.stderr).splitlines() if "/amp." in line or "systemd 2" in line
    )

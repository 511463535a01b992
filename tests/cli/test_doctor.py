"""``amp doctor`` as a command: its table, its JSON, its exit codes."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from cli.conftest import Amp
from cli.processes import AMP, PATIENCE_S
from ports import refusing_port


def write(folder: Path, text: str) -> str:
    path = folder / "config.toml"
    path.write_text(f"[[listen]]\nport = 0\n{text}")
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def unreachable() -> Iterator[str]:
    with refusing_port() as port:
        yield (
            f'[[server]]\nname = "pbx"\nhost = "127.0.0.1"\nport = {port}\n'
            'username = "amp"\nsecret = "hunter2"\n'
        )


def test_a_configuration_without_faults(amp: Amp, tmp_path: Path) -> None:
    done = amp("doctor", write(tmp_path, ""))
    assert done.code == 0
    assert b"0 fail" in done.out.splitlines()[-1]
    assert not done.err


def test_a_fault_makes_the_exit_code_1(amp: Amp, tmp_path: Path, unreachable: str) -> None:
    done = amp("doctor", write(tmp_path, unreachable))
    assert done.code == 1
    (line,) = (line for line in done.out.decode().splitlines() if line.startswith("fail"))
    assert "Connection refused" in line
    assert b"-> start it" in done.out
    assert b"hunter2" not in done.out


def test_json_for_programs(amp: Amp, tmp_path: Path, unreachable: str) -> None:
    done = amp("doctor", write(tmp_path, unreachable), "--json")
    assert done.code == 1
    found = orjson.loads(done.out)
    assert {row["check"] for row in found} >= {"file", "port", "descriptors", "reach"}
    assert all(set(row) == {"state", "check", "subject", "found", "advice"} for row in found)


def test_amp_itself_is_known_on_its_port_however_long_its_path(amp: Amp, tmp_path: Path) -> None:
    program = tmp_path / ("folder" * 20) / "amp"
    program.parent.mkdir()
    program.write_text(
        "import socket, sys\n"
        "with socket.create_server(('127.0.0.1', 0)) as sock:\n"
        "    print(sock.getsockname()[1], flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, program, "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:  # fmt: skip
        assert process.stdout is not None
        port = int(process.stdout.readline())
        path = tmp_path / "config.toml"
        path.write_text(f"[[listen]]\nport = {port}\n")
        done = amp("doctor", str(path))
        process.communicate(timeout=PATIENCE_S)
    assert done.code == 0
    assert f"amp itself listens there (pid {process.pid}: " in done.out.decode()
    assert "/amp run)" in done.out.decode()


def test_an_interrupt_ends_it_without_a_word(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE_S)
        server = f'[[server]]\nname = "a"\nhost = "127.0.0.1"\nport = {silent.getsockname()[1]}\n'
        path = write(tmp_path, f'{server}username = "amp"\nsecret = "s"\n')
        with subprocess.Popen(
            [*AMP, "doctor", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            silent.accept()[0].close()  # a hangup is a finding
            output = process.communicate(timeout=PATIENCE_S)
            assert (process.returncode, output[1]) == (1, b"")
        with subprocess.Popen(
            [*AMP, "doctor", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            with silent.accept()[0]:  # it waits for a greeting
                process.send_signal(signal.SIGINT)
                assert process.communicate(timeout=PATIENCE_S) == (b"", b"")
            assert process.returncode == 130


def test_a_configuration_that_cannot_be_used(amp: Amp, tmp_path: Path) -> None:
    done = amp("doctor", write(tmp_path, "nonsense = 1\n"))
    assert done.code == 2
    assert "nonsense" in done.err
    assert not done.out

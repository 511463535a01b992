"""``amp doctor`` as a command: its table, its JSON, its exit codes."""

from __future__ import annotations

import socket
from pathlib import Path

import orjson

from cli.conftest import Amp


def write(folder: Path, text: str) -> str:
    path = folder / "config.toml"
    path.write_text(f"[[listen]]\nport = 0\n{text}")
    path.chmod(0o600)
    return str(path)


def unreachable() -> str:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    return (
        f'[[server]]\nname = "pbx"\nhost = "127.0.0.1"\nport = {port}\nusername = "amp"\nsecret = "hunter2"\n'
    )


def test_a_configuration_without_faults(amp: Amp, tmp_path: Path) -> None:
    done = amp("doctor", write(tmp_path, ""))
    assert done.code == 0
    assert b"0 fail" in done.out.splitlines()[-1]
    assert not done.err


def test_a_fault_makes_the_exit_code_1(amp: Amp, tmp_path: Path) -> None:
    done = amp("doctor", write(tmp_path, unreachable()))
    assert done.code == 1
    (line,) = (line for line in done.out.decode().splitlines() if line.startswith("fail"))
    assert "Connection refused" in line
    assert b"-> start it" in done.out
    assert b"hunter2" not in done.out


def test_json_for_programs(amp: Amp, tmp_path: Path) -> None:
    done = amp("doctor", write(tmp_path, unreachable()), "--json")
    assert done.code == 1
    found = orjson.loads(done.out)
    assert {row["check"] for row in found} >= {"file", "port", "descriptors", "reach"}
    assert all(set(row) == {"state", "check", "subject", "found", "advice"} for row in found)


def test_a_configuration_that_cannot_be_used(amp: Amp, tmp_path: Path) -> None:
    done = amp("doctor", write(tmp_path, "nonsense = 1\n"))
    assert done.code == 2
    assert "nonsense" in done.err
    assert not done.out

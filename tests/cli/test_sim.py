"""``amp sim`` as a process."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from amp.cli import main
from amp.cli.sim_sniffer import FAULTS
from cli.processes import PATIENCE_S


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_when_told(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "amp", "sim", "--user", "ann", "--secret", "let me in"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with socket.create_connection((ready["host"], ready["port"]), timeout=PATIENCE_S) as client:
            client.sendall(b"Action: Login\r\nUsername: ann\r\nSecret: let me in\r\nEvents: off\r\n\r\n")
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += client.recv(4096)
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE_S)
    assert answer.startswith(b"Asterisk Call Manager/")
    assert b"Response: Success\r\n" in answer
    assert (process.returncode, output, errors) == (0, b"", b"")


def test_an_address_that_cannot_be_had_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["sim", "--port", str(port)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"amp sim: cannot listen on 127.0.0.1, port {port}: ")
    assert shown.err.count("\n") == 1


def test_a_sniffer_answers_over_both_its_sockets_and_ends_when_told(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    key, iv = (base64.b64encode(text).decode() for text in (b"sixteen bytes ok", b"an initial value"))
    options = ["--key", key, "--iv", iv, "--unix", str(path), "--calls", "3", "--registers", "2"]
    files = ["--file", "a=1000", "--file", "b=5"]
    command = [sys.executable, "-m", "amp", "sim", "--sniffer", *options, *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        place = (ready["host"], ready["port"])
        replies = [ask(place, line) for line in (b"totalcalls", b"listcalls {}")]
        replies += [ask(str(path), line) for line in (b"totalregisters", b"getfile b", b"file_exists a")]
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=PATIENCE_S)
    assert replies == [b"3", b"need aes!\n", b"2", bytes(range(5)), b"1000"]
    assert (process.returncode, output, errors) == (0, b"", b"")


def ask(place: tuple[str, int] | str, line: bytes) -> bytes:
    """One plain command to a sniffer."""
    with socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET) as client:
        client.settimeout(PATIENCE_S)
        client.connect(place)
        client.sendall(line + b"\r\n\r\n")
        return b"".join(iter(lambda: client.recv(4096), b""))


@pytest.mark.parametrize(
    ("fault", "reply"),
    [("garbage=%%", b"%%"), ("cut-after=4", b"2026"), ("starting", b""), ("delay=0.1", b"2026.04.0")],
)
def test_a_sniffer_can_be_broken(fault: str, reply: bytes) -> None:
    command = [sys.executable, "-m", "amp", "sim", "--sniffer", "--fault", fault]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ask((ready["host"], ready["port"]), b"getversion") == reply
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("--calls 3", "options of a sniffer without --sniffer"),
        ("--sniffer --key AAAA", "--key and --iv belong together"),
        ("--sniffer --key ! --iv !", "--key and --iv: not base64"),
        ("--sniffer --key AAAA --iv AAAA", "--key and --iv: at least 16 bytes each are needed"),
        ("--sniffer --file big", "--file big: expected NAME=SIZE, in bytes"),
        ("--sniffer --fault burn", f"--fault burn: expected one of {', '.join(FAULTS)}"),
        ("--sniffer --fault hang=1", "--fault hang=1: hang takes no value"),
        ("--sniffer --fault delay", "--fault delay: delay takes a value"),
        ("--sniffer --fault cut-after=x", "--fault cut-after=x: expected a number"),
    ],
)  # fmt: skip
def test_wishes_that_cannot_be_met_are_2(
    options: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", *options.split()]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"amp sim: {problem}\n")

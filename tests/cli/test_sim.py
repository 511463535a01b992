"""``amp sim`` as a process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import pytest

from amp.cli import main


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_when_told(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "amp", "sim", "--user", "ann", "--secret", "let me in"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with socket.create_connection((ready["host"], ready["port"]), timeout=20) as client:
            client.sendall(b"Action: Login\r\nUsername: ann\r\nSecret: let me in\r\nEvents: off\r\n\r\n")
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += client.recv(4096)
        process.send_signal(number)
        output, errors = process.communicate(timeout=20)
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

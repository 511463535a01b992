"""What long work shows: something at a terminal, nothing anywhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from amp.cli.progress import ERASE, size
from cli.processes import AMP, PATIENCE_S, sniffer

WORK = """
import sys
from amp.cli.progress import Progress
with Progress("amp test:", quiet="quiet" in sys.argv) as progress:
    progress.at("1 of 3")
    sys.stdin.readline()
sys.stderr.write("done")
"""


class Pty:
    """A terminal that a program has as its standard error."""

    def __init__(self) -> None:
        self._ours, self.theirs = os.openpty()
        self.seen = ""

    def until(self, text: str) -> None:
        while text not in self.seen:
            self.seen += os.read(self._ours, 4096).decode()

    def close(self) -> str:
        """All that was written."""
        os.close(self.theirs)
        try:
            while data := os.read(self._ours, 4096):
                self.seen += data.decode()
        except OSError:  # so ends a terminal that nobody holds any more
            pass
        os.close(self._ours)
        return self.seen


def test_a_terminal_shows_how_far_it_is_until_it_is_done() -> None:
    pty = Pty()
    command = [sys.executable, "-c", WORK]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=pty.theirs) as process:
        pty.until("amp test: 1 of 3 (1 s)")
        process.communicate(b"\n", timeout=PATIENCE_S)
    assert pty.close().endswith(f"{ERASE}done")


def test_what_writes_to_the_terminal_itself_shows_nothing() -> None:
    pty = Pty()
    command = [sys.executable, "-c", WORK, "quiet"]
    subprocess.run(command, input=b"\n", stderr=pty.theirs, timeout=PATIENCE_S, check=True)
    assert pty.close() == "done"


def test_in_a_pipe_nothing_is_seen() -> None:
    """However long it takes: longer than till a terminal shows it."""
    pty, command = Pty(), [sys.executable, "-c", WORK]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as piped:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=pty.theirs) as shown:
            pty.until("(1 s)")
            shown.communicate(b"\n", timeout=PATIENCE_S)
        _, seen = piped.communicate(b"\n", timeout=PATIENCE_S)
    pty.close()
    assert seen == b"done"


def test_a_sniffer_that_takes_its_time(tmp_path: Path) -> None:
    """The line is gone when the error comes."""
    pty = Pty()
    with sniffer("--fault", "hang") as port, (tmp_path / "reply").open("wb") as reply:
        command = [*AMP, "send", "-h", "127.0.0.1", "-p", str(port), "-c", "getfile x", "--timeout", "2"]
        done = subprocess.run(command, stdout=reply, stderr=pty.theirs, timeout=PATIENCE_S, check=False)
    seen = pty.close()
    assert done.returncode == 1
    assert f"{ERASE}amp send: 127.0.0.1:{port} (1 s)" in seen
    assert seen.rpartition(ERASE)[2].startswith("amp send: 127.0.0.1:")
    assert "no answer" in seen.rpartition(ERASE)[2]


def test_sizes() -> None:
    assert size(3 << 20, 2.0) == "3.0 MB, 1.5 MB/s"
    assert size(0, 0.0) == "0.0 MB, 0.0 MB/s"

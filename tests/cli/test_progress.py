"""What long work shows: something at a terminal, nothing anywhere else."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time

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

    def until(self, pattern: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.seen):
            assert select.select([self._ours], [], [], deadline - time.monotonic())[0], self.seen
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
        pty.until(r"amp test: 1 of 3 \(\d+ s\)")
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
            pty.until(r"\(\d+ s\)")
            shown.communicate(b"\n", timeout=PATIENCE_S)
        _, seen = piped.communicate(b"\n", timeout=PATIENCE_S)
    pty.close()
    assert seen == b"done"


def test_a_sniffer_that_takes_its_time() -> None:
    """The line is gone when the error comes."""
    pty = Pty()
    with sniffer("--fault", "hang") as port:
        command = [*AMP, "send", "-h", "127.0.0.1", "-p", str(port), "-c", "totalcalls"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=pty.theirs)
        pty.until(rf"{re.escape(ERASE)}amp send: 127\.0\.0\.1:{port} \(\d+ s\)")
    assert process.wait(PATIENCE_S) == 1  # the sniffer has gone without an answer
    words = pty.close().rpartition(ERASE)[2]
    assert words.startswith(f"amp send: 127.0.0.1:{port}: totalcalls: ")
    assert words.count("\n") == 1


def test_sizes() -> None:
    assert size(3 << 20, 2.0) == "3.0 MB, 1.5 MB/s"
    assert size(0, 0.0) == "0.0 MB, 0.0 MB/s"

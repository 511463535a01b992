"""One `ssh -N -L` as a process that cannot outlive amp, and what it says.

A shell stands between: it waits for the end of its standard input, which only amp holds open, so it ends
`ssh` also when amp is killed. (The parent-death signal of Linux will not do: it comes when the *thread* ends
that made the process.) What `ssh` is asked for goes through as arguments; the shell reads none of it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs
import trio

__all__ = ["SshProcess"]

GUARD: Final = """
exec 3<&0
( trap '' TERM INT HUP QUIT; exec "$@" </dev/null >/dev/null 3<&- ) &
ssh=$!
{ read -r _ <&3; trap '' TERM; kill -KILL "$ssh"; rm -rf -- "$0"; } >/dev/null 2>&1 &
guard=$!
echo "$ssh"
exec >/dev/null 2>&1
wait "$ssh"
code=$?
kill "$guard"
exit "$code"
"""
"""``$0``: the folder of the sockets, which goes with amp; ``$@``: the command. It is shielded from the
signals that `ssh` would end on in its own time: it would first close its connections, and a reply that is cut
short by that looks complete. When it is killed instead, `SshProcess.dying` can tell."""

KEPT_VARIABLES: Final = ("HOME", "PATH", "USER", "LOGNAME", "LANG", "TMPDIR", "SSH_AUTH_SOCK", "KRB5CCNAME")
"""Of amp's environment; the rest may hold secrets."""

PF_EXITING: Final = 0x4
"""Of the flags in ``/proc/PID/stat``: set before the kernel closes a dying process's descriptors."""

MOST_LINES: Final = 20
LINE_BYTES: Final = 300
READ_BYTES: Final = 65536
STOP_S: Final = 3.0

REFUSED_CHANNEL: Final = re.compile(r"channel \d+: open failed: (.*)")
TELLING: Final = re.compile(
    r"IDENTIFICATION HAS CHANGED|host key is known|Permission denied|Bad configuration|not found"
)
"""Of several lines these say most; otherwise the last one does."""
CLEARER: Final = {"IDENTIFICATION HAS CHANGED": "the host key has changed"}


@attrs.define(eq=False)
class SshProcess:
    """A running `ssh`.

    Attributes:
        refusals: how many connections the other host did not let through.
        refusal: why the latest was not.
        lines: what it said last otherwise.
    """

    process: trio.Process
    ssh_pid: int
    refusals: int = 0
    refusal: str = ""
    lines: deque[str] = attrs.field(factory=lambda: deque(maxlen=MOST_LINES))
    _tail: bytes = b""

    @classmethod
    async def start(cls, command: Sequence[str], folder: Path) -> SshProcess:
        """Start it; it may still fail at once, which `wait` tells.

        Args:
            folder: removed if amp is killed.

        Raises:
            OSError: there is no process to be had.
        """
        process = await trio.lowlevel.open_process(
            ["/bin/sh", "-c", GUARD, str(folder), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C is for amp, which ends it in its turn
            env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
        )
        try:
            assert process.stdout is not None
            said = await process.stdout.receive_some(64)
            return cls(process, int(said or b"0"))
        except BaseException:
            await _end(process)
            raise

    @property
    def dying(self) -> bool:
        """Whether `ssh` is ending or has ended; true before any of its connections is closed by that."""
        try:
            text = Path(f"/proc/{self.ssh_pid}/stat").read_bytes()
        except OSError:
            return True
        fields = text.rpartition(b")")[2].split()  # the name before it may hold anything
        return fields[0] in (b"Z", b"X") or bool(int(fields[6]) & PF_EXITING)

    async def wait(self) -> str:
        """Read what it says until it has ended; gives why, for people."""
        over = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, over)
            code = await self.process.wait()
            with trio.move_on_after(STOP_S):  # a ProxyCommand of the user's may hold on to it
                await over.wait()
            nursery.cancel_scope.cancel()
        return self._reason(code)

    async def stop(self) -> None:
        """End it, if it has not ended, and let go of it."""
        with trio.CancelScope(shield=True):
            await _end(self.process)

    def listen_now(self) -> bool:
        """Take in what it has said so far; ``False`` at the end of that."""
        while True:
            try:
                data = os.read(self._voice, READ_BYTES)
            except BlockingIOError:
                return True
            if not data:
                return False
            *lines, self._tail = (self._tail + data).split(b"\n")
            self._tail = self._tail[:LINE_BYTES]
            for line in lines:
                self._take(line)

    async def _listen(self, over: trio.Event) -> None:
        while self.listen_now():
            await trio.lowlevel.wait_readable(self._voice)
        over.set()

    @property
    def _voice(self) -> int:
        assert isinstance(self.process.stderr, trio.lowlevel.FdStream)
        return self.process.stderr.fileno()

    def _take(self, line: bytes) -> None:
        text = line[:LINE_BYTES].decode("utf-8", "replace").strip()
        if match := REFUSED_CHANNEL.search(text):
            self.refusals += 1
            self.refusal = match[1]
        elif text.strip("@ "):
            self.lines.append(text)

    def _reason(self, code: int) -> str:
        for line in self.lines:
            if match := TELLING.search(line):
                return CLEARER.get(match[0], line)
        if self.lines:
            return self.lines[-1]
        return f"it ended with exit code {code}" if code < 128 else f"it was killed by signal {code - 128}"


async def _end(process: trio.Process) -> None:
    """Close what only amp holds, which makes the guard end all; the group is killed if that does not work."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    await process.stdin.aclose()
    with trio.move_on_after(STOP_S):
        await process.wait()
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    await process.stdout.aclose()
    await process.stderr.aclose()

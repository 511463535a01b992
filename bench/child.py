"""A process of the bench: lines in, JSON lines out, never left behind."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO, Any, Self

__all__ = ["BenchError", "Child", "Message"]

Message = dict[str, Any]
"""One JSON object that a child printed on a line of its own."""


class BenchError(Exception):
    """A run that gives no figure: a process failed, fell silent, or an event was not delivered right."""


class Child:
    """A process that is gone when the block is left.

    Only the process that was started is ever signalled, by its own id. Should this process be killed, its
    children end as well: the C programs ask for that themselves, amp is put on a leash (leash.c).

    Args:
        argv: the command line.
        listen_to: where it prints its JSON lines, ``"stdout"`` or ``"stderr"``; the other one is kept for
            error messages (stderr) or thrown away (stdout).
    """

    def __init__(self, argv: Sequence[str], listen_to: str = "stdout") -> None:
        self._started_s = time.monotonic()
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._rest: deque[str] = deque(maxlen=20)
        self._name = argv[0].rpartition("/")[2] if listen_to == "stdout" else "amp"
        other = subprocess.PIPE if listen_to == "stdout" else subprocess.DEVNULL
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if listen_to == "stdout" else other,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._readers = [threading.Thread(target=self._listen, args=(self._stream(listen_to),), daemon=True)]
        if listen_to == "stdout":
            self._readers.append(threading.Thread(target=self._keep, daemon=True))
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def expect(self, wanted: Callable[[Message], bool] | str, timeout_s: float = 30.0) -> Message:
        """The next message that is wanted (a key that it must have, or a test of it); others are skipped.

        Raises:
            BenchError: it ended or said nothing of the kind in time; with what it complained about.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                message = self._messages.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise BenchError(
                    f"{self._name}: no {wanted!r} within {timeout_s:g} s{self._complaint()}"
                ) from None
            if message is None:
                for reader in self._readers:
                    reader.join(1.0)  # what it complained about may still be on its way
                raise BenchError(f"{self._name} ended before {wanted!r}{self._complaint()}")
            if wanted in message if isinstance(wanted, str) else wanted(message):
                return message

    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self._started_s

    def say(self, line: str) -> None:
        """Write a line to its stdin."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def stop(self, patience_s: float = 3.0) -> int:
        """End it, gently first; returns its exit code. Done already if it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        code = self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()
        return code

    def _stream(self, name: str) -> IO[str]:
        stream = self._process.stdout if name == "stdout" else self._process.stderr
        assert stream
        return stream

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            try:
                message = json.loads(line)
            except ValueError:
                message = None
            if isinstance(message, dict):
                self._messages.put(message)
            if not isinstance(message, dict) or message.get("level") not in (None, "debug", "info"):
                self._rest.append(line.rstrip())
        self._messages.put(None)

    def _keep(self) -> None:
        for line in self._stream("stderr"):
            self._rest.append(line.rstrip())

    def _complaint(self) -> str:
        return ":\n  " + "\n  ".join(self._rest) if self._rest else ""

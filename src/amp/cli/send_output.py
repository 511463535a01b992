"""A sniffer's reply on standard output, byte for byte, and what it says about itself."""

from __future__ import annotations

import errno
import os
import select
import sys
from typing import Final

from amp.cli.progress import Progress, size
from amp.cli.send_exchange import Target, ask
from amp.core.voipmonitor.action import failure_text
from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.commands import CommandSpec, Reply, Rights
from amp.core.voipmonitor.exchange_events import ExchangeFailed
from amp.errors import ConfigError

__all__ = ["failure_words", "one_reply", "reply_problem"]

LONGEST_ERROR: Final = 1500
"""Bytes of the longest error text: a path may have 1000."""
ERRORS: Final = (b"error: ", b"command not found\n", b"access denied")
"""What replies begin with that are errors. Nothing else tells a sniffer's error from a reply (FACTS §8)."""


class Output:
    """Standard output, and the beginning of what went there.

    Raises:
        OSError: there is none.
    """

    def __init__(self) -> None:
        self.first = b""
        self.total = 0
        if sys.stdout is None:  # its number may be a socket's by now
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
        self._to = sys.stdout.fileno()

    def write(self, data: bytes) -> None:
        """Write all of it, also where the reader is slow.

        Raises:
            OSError: it cannot be written; ``BrokenPipeError`` if the reader is gone.
        """
        if len(self.first) <= LONGEST_ERROR:
            self.first += data[: LONGEST_ERROR + 1]
        self.total += len(data)
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._to, left) :]
            except BlockingIOError:  # somebody else has made this pipe non-blocking
                select.select([], [self._to], [])


def one_reply(target: Target, command: Command, *, unpack: bool) -> str:
    """Ask, and write the reply; gives what is wrong in words, empty if nothing is."""
    output = Output()
    try:
        with Progress(f"amp send: {target.name}", quiet=sys.stdout.isatty()) as progress:

            def take(data: bytes) -> None:
                output.write(data)
                progress.at(size(output.total, progress.seconds))

            failed = ask(target, command, take, unpack=unpack)
    except ConfigError as error:
        return str(error)
    if failed is not None:
        problem = failure_words(command, failed)
    else:
        problem = reply_problem(command.spec, output.first, output.total)
    if not problem:
        return ""
    place = "" if target.name == str(target.place) else f" ({target.place})"
    return f"{target.name}{place}: {problem}"


def failure_words(command: Command, failed: ExchangeFailed) -> str:
    """Why there is no reply; of a command that changes something also whether it was sent."""
    return failed.message if command.spec.read_only else failure_text(failed)


def reply_problem(spec: CommandSpec, first: bytes, total: int) -> str:
    """What is wrong with a reply that is complete; empty if nothing is.

    Args:
        first: its beginning.
        total: its bytes.
    """
    if not total and (spec.reply is Reply.JSON or spec.rights is Rights.DEFAULT):
        return f"{spec.name}: an empty reply: the sniffer is starting or stopping"
    if total <= LONGEST_ERROR and first.startswith(ERRORS):
        return f"{spec.name}: the reply is an error"
    return ""

"""``amp tail`` on a terminal: a pseudo terminal of a known width."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from amp.core.printable import columns
from cli.processes import AMP
from cli.tailing import WEB, environment, subscribed, url_of
from shell.harness import PATIENCE_S, lab

COLOURS = re.compile("\x1b\\[[0-9;]*m")


@attrs.define(eq=False)
class Terminal:
    """The other side of it."""

    stream: trio.lowlevel.FdStream
    process: trio.Process
    number: int
    text: str = ""
    _decoder: codecs.IncrementalDecoder = attrs.field(factory=codecs.getincrementaldecoder("utf-8"))

    def widen(self, width: int) -> None:
        """Make it so many columns wide."""
        fcntl.ioctl(self.number, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))

    async def shows(self, words: str) -> str:
        """Wait for these words; gives everything to the end of their line and forgets it."""
        with trio.fail_after(PATIENCE_S):
            while not (found := re.search(f".*{re.escape(words)}[^\n]*\n?", self.text, re.DOTALL)):
                self.text += self._decoder.decode(await self.stream.receive_some(65536))
        self.text = self.text[found.end() :]
        return found[0].replace("\r\n", "\n")


def _take_terminal() -> None:
    """In the new process: Ctrl-C is for who has it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@asynccontextmanager
async def terminal(width: int, *arguments: str, **env: str) -> AsyncIterator[Terminal]:
    """``amp tail`` on a terminal of its own."""
    master, slave = pty.openpty()
    stream = trio.lowlevel.FdStream(master)
    process = await trio.lowlevel.open_process(
        [*AMP, "tail", *arguments], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=_take_terminal,
        env=environment({"TERM": "xterm", **env}),
    )  # fmt: skip
    one = Terminal(stream, process, master)
    one.widen(width)
    try:
        yield one
    finally:
        os.close(slave)
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            await stream.aclose()


async def test_lines_have_colours_and_fit() -> None:
    async with (
        lab("a", listen=WEB) as one,
        terminal(50, url_of(one), "--events", "UserEvent") as shown,
    ):
        assert "signed in as anna; 1 servers" in await shown.shows("servers")
        await subscribed(one)
        one.sims["a"].user_event("E", ("Key", "\x1b[31m" + "x" * 100), ("Last", "no"))
        line = await shown.shows("Key")
        assert "\x1b[36ma\x1b[0m \x1b[1;32mUserEvent\x1b[0m" in line
        assert "\x1b[31m" not in line
        plain = COLOURS.sub("", line).rstrip("\n")
        assert columns(plain) == 50
        assert plain.endswith("xxx…")
        shown.widen(300)
        one.sims["a"].user_event("E", ("Key", "日" * 100), ("Last", "yes"))
        assert "Last=yes" in COLOURS.sub("", await shown.shows("Last"))


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
async def test_colours_can_be_turned_off(env: dict[str, str]) -> None:
    async with (
        lab("a", listen=WEB) as one,
        terminal(80, url_of(one), "--events", "UserEvent", **env) as shown,
    ):
        await subscribed(one)
        one.sims["a"].user_event("E", ("Key", "k"))
        assert "\x1b" not in await shown.shows("Key=k")


async def test_a_person_is_asked_for_the_secret_and_told_of_attempts() -> None:
    async with (
        lab("a", listen=WEB) as one,
        terminal(200, url_of(one), AMP_TAIL_SECRET="") as shown,
    ):
        await shown.shows("Secret of anna: ")
        await shown.stream.send_all(b"anna's\n")
        assert "anna's" not in await shown.shows("signed in as anna")
        await subscribed(one)
        one.stop()
        told = await shown.shows("trying again in ")
        assert "amp tail: connection lost: 1001 proxy shutting down" in told
        await shown.stream.send_all(b"\x03")  # Ctrl-C
        with trio.fail_after(PATIENCE_S):
            assert await shown.process.wait() == -signal.SIGINT

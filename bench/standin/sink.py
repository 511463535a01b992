"""Stand-in for sink.c."""

from __future__ import annotations

import re
import time
from pathlib import Path

import attrs
import trio

from bench.standin.common import CHUNK, END, MARK, Options, commands, enter, numbered, say
from bench.stream import read_stream

__all__ = ["Check", "run"]

PATIENCE_S = 8.0
GRACE_S = 0.05
NUMBER = re.compile(MARK + rb"(\d{10})")


@attrs.define
class Tally:
    """What all sinks saw together; the names are those of the C program's report."""

    delivered: int = 0
    missing: int = 0
    duplicated: int = 0
    late: int = 0
    altered: int = 0
    foreign: int = 0
    closed: int = 0
    bytes: int = 0
    done: int = 0
    first_s: float = 0.0
    last_s: float = 0.0


@attrs.define
class Check:
    """One client's stream, frame by frame.

    Attributes:
        wanted: how many events must come.
        expect: the recording as it must arrive; empty: only count.
        server: the header line that the proxy adds, with its CR LF first.
    """

    tally: Tally
    wanted: int
    expect: list[bytes]
    server: bytes = b""
    next: int = 0
    holes: set[int] = attrs.field(factory=set)

    def frame(self, frame: bytes) -> None:
        """Take one frame without its end."""
        found = NUMBER.search(frame)
        if found is None:
            self.tally.foreign += 1
        elif not self.expect:
            self._step()
        else:
            self._judge(int(found[1]), frame)

    def _judge(self, number: int, frame: bytes) -> None:
        if number >= self.wanted:
            self.tally.altered += 1
        elif number >= self.next:
            self.holes.update(range(self.next, number))
            self.tally.missing += number - self.next
            self.next = number
            expected = numbered(self.expect[number % len(self.expect)], number, self.server)
            self.tally.altered += frame + END != expected.lstrip(b"\r\n")
            self._step()
        elif number in self.holes:
            self.holes.discard(number)
            self.tally.missing -= 1
            self.tally.late += 1
            self.tally.delivered += 1
        else:
            self.tally.duplicated += 1

    def _step(self) -> None:
        self.tally.delivered += 1
        self.next += 1
        self.tally.done += self.next == self.wanted


async def run(options: Options) -> None:
    """Connect ``clients``, take the stream, report."""
    count, wanted = int(options.get("clients", "1")), int(options["events"])
    hold = options.get("hold") == "yes"
    expect = [] if hold else read_stream(Path(options["expect"]))
    server = f"\r\nServer: {options['server']}".encode() if "server" in options else b""
    tally = Tally()
    entered = await enter(int(options["port"]), count, options.get("user"), "on")
    say(ready=count)
    began = time.process_time()
    checks = [Check(tally, wanted, expect, server) for _ in entered]
    async with trio.open_nursery() as nursery:
        for check, (stream, rest) in zip(checks, entered, strict=True):
            nursery.start_soon(_collect, check, stream, rest)
        await _until_silent(tally, count)
        nursery.cancel_scope.cancel()
    if not hold:
        tally.missing += sum(max(0, wanted - check.next) for check in checks)
    _report(tally, count, wanted, time.process_time() - began)
    async with commands() as orders:
        while hold and await orders.receive_some(64):
            pass


async def _collect(check: Check, stream: trio.SocketStream, data: bytes) -> None:
    tally = check.tally
    while True:
        before = tally.delivered
        *frames, data = data.split(END)
        for frame in frames:
            check.frame(frame.lstrip(b"\r\n"))
        if tally.delivered > before:
            tally.last_s = time.monotonic()
            tally.first_s = tally.first_s or tally.last_s
        try:
            more = await stream.receive_some(CHUNK)
        except trio.BrokenResourceError:
            more = b""
        if not more:
            tally.closed += 1
            return
        tally.bytes += len(more)
        data += more


async def _until_silent(tally: Tally, count: int) -> None:
    """Until all have everything and a grace has passed, or nobody got a byte for long."""
    seen, since = -1, trio.current_time()
    while tally.closed < count:
        if tally.bytes != seen:
            seen, since = tally.bytes, trio.current_time()
        if trio.current_time() - since > (GRACE_S if tally.done >= count else PATIENCE_S):
            return
        await trio.sleep(0.01)


def _report(tally: Tally, count: int, wanted: int, cpu_s: float) -> None:
    names = ("delivered", "missing", "duplicated", "late", "altered", "foreign", "closed", "bytes")
    figures = {name: getattr(tally, name) for name in names}
    say(clients=count, wanted=wanted * count, seconds=tally.last_s - tally.first_s, cpu_s=cpu_s, **figures)

"""Stand-in for exchanger.c."""

from __future__ import annotations

import math
import time

import attrs
import trio

from bench.standin.common import CHUNK, Options, commands, say

__all__ = ["run"]


@attrs.define
class Tally:
    """What all clients saw together; the names are those of the C program's report."""

    microseconds: list[float] = attrs.field(factory=list)
    wrong: int = 0
    closed: int = 0


@attrs.frozen
class Question:
    """What everybody asks, and what must come back."""

    port: int
    request: bytes
    expected: bytes
    until: float
    each: float


async def run(options: Options) -> None:
    """Wait for a line, let ``clients`` ask for ``milliseconds`` (or ``each`` times), report."""
    count, seconds = int(options.get("clients", "1")), int(options.get("milliseconds", "1000")) / 1000
    request, expected = [await trio.Path(options[name]).read_bytes() for name in ("request", "expect")]
    say(ready=count)
    async with commands() as orders:
        await orders.receive_some(64)
    tally, began, cpu = Tally(), time.monotonic(), time.process_time()
    each = int(options.get("each", "0")) or math.inf
    question = Question(int(options["port"]), request, expected, began + seconds, each)
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(_converse, question, tally)
    _report(tally, count, time.monotonic() - began, time.process_time() - cpu)


async def _converse(question: Question, tally: Tally) -> None:
    asked = 0
    while asked == 0 or (asked < question.each and time.monotonic() < question.until):
        asked += 1
        since, got = time.monotonic(), b""
        try:
            async with await trio.open_tcp_stream("127.0.0.1", question.port) as stream:
                await stream.send_all(question.request)
                while data := await stream.receive_some(CHUNK):
                    got += data
        except (OSError, trio.BrokenResourceError):
            tally.closed += 1
            continue
        if got == question.expected:
            tally.microseconds.append((time.monotonic() - since) * 1e6)
        else:
            tally.wrong += 1


def _report(tally: Tally, count: int, seconds: float, cpu_s: float) -> None:
    times = sorted(tally.microseconds)
    p50, p99 = (times[int((len(times) - 1) * share)] if times else 0.0 for share in (0.5, 0.99))
    figures = {"seconds": seconds, "p50_us": p50, "p99_us": p99, "cpu_s": cpu_s}
    say(clients=count, answers=len(times), wrong=tally.wrong, closed=tally.closed, unanswered=0, **figures)

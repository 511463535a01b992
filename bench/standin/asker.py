"""Stand-in for asker.c."""

from __future__ import annotations

import time

import attrs
import trio

from bench.standin.common import CHUNK, END, Options, commands, enter, say

__all__ = ["run"]


@attrs.define
class Tally:
    """What all askers saw together; the names are those of the C program's report."""

    microseconds: list[float] = attrs.field(factory=list)
    refused: int = 0
    wrong: int = 0
    foreign: int = 0
    closed: int = 0


async def run(options: Options) -> None:
    """Connect ``clients``, wait for a line, ask for ``milliseconds``, report."""
    count, seconds = int(options.get("clients", "1")), int(options.get("milliseconds", "1000")) / 1000
    server = f"Server: {options['server']}\r\n" if "server" in options else ""
    entered = await enter(int(options["port"]), count, options.get("user", "bench"), "off")
    say(ready=count)
    async with commands() as orders:
        await orders.receive_some(64)
    tally, began, cpu = Tally(), time.monotonic(), time.process_time()
    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for number, (stream, rest) in enumerate(entered):
                nursery.start_soon(_converse, tally, stream, rest, number, server)
    _report(tally, count, time.monotonic() - began, time.process_time() - cpu)


async def _converse(tally: Tally, stream: trio.SocketStream, data: bytes, number: int, server: str) -> None:
    asked = 0
    while True:
        action_id = f"\r\nActionID: {number}-{asked}\r\n".encode()
        asked += 1
        since = time.monotonic()
        await stream.send_all(b"Action: Ping" + action_id + server.encode() + b"\r\n")
        answered = False
        while not answered:
            more = await stream.receive_some(CHUNK)
            if not more:
                tally.closed += 1
                return
            *frames, data = (data + more).split(END)
            for frame in frames:
                answered |= _judge(tally, frame + b"\r\n", action_id, since)


def _judge(tally: Tally, frame: bytes, action_id: bytes, since: float) -> bool:
    if action_id in frame:
        tally.microseconds.append((time.monotonic() - since) * 1e6)
        tally.refused += not frame.startswith(b"Response: Success")
        return True
    if frame.startswith(b"Response"):
        tally.wrong += 1
    else:
        tally.foreign += 1
    return False


def _report(tally: Tally, count: int, seconds: float, cpu_s: float) -> None:
    times = sorted(tally.microseconds)
    p50, p99 = (times[int((len(times) - 1) * share)] if times else 0.0 for share in (0.5, 0.99))
    counts = {name: getattr(tally, name) for name in ("refused", "wrong", "foreign", "closed")}
    say(clients=count, answers=len(times), seconds=seconds, p50_us=p50, p99_us=p99, cpu_s=cpu_s, **counts)

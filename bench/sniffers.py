"""Simulated sniffers as a process of their own: ``python -m bench.sniffers --option value ...``.

``--count`` sniffers, each on a free port, with ``--calls`` calls at any time of which every hundredth ends
and begins in a second, with the key of the bench if ``--keyed yes``, and with a file ``big`` of ``--bytes``.
Prints ``{"ports": [...]}``; a line on standard input is answered with
``{"asked": {command: times}, "exchanges": n}``.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from functools import partial

import trio

from amp.sim.sniffer.aes import Key
from amp.sim.sniffer.sniffer import SimSniffer
from bench.fetcher import IV, KEY
from bench.standin.common import commands, say

LIFETIME_S = 180
TALK_S = (60.0, 140.0)
"""So that a hundredth of the calls ends in a second."""


def sniffer(number: int, options: dict[str, str]) -> SimSniffer:
    """One of them."""
    calls = int(options.get("calls", "0"))
    one = SimSniffer(
        sensor_id=number,
        seed=number,
        key=Key(KEY, IV) if options.get("keyed") == "yes" else None,
        calls_at_start=calls,
        calls_per_second=calls / 100,
        call_seconds=TALK_S,
    )
    one.spool.put_big("big", int(options.get("bytes", "0")))
    return one


async def main(options: dict[str, str]) -> None:
    """Serve until standard input ends."""
    sniffers = [sniffer(number, options) for number in range(1, int(options.get("count", "1")) + 1)]
    async with trio.open_nursery() as nursery:
        ports = [(await nursery.start(partial(one.serve, "127.0.0.1", 0)))[1] for one in sniffers]
        say(ports=ports)
        async with commands() as orders:
            while await orders.receive_some(64):
                asked = sum((one.asked for one in sniffers), Counter())
                say(asked=asked, exchanges=sum(one.connections for one in sniffers))
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    signal.alarm(LIFETIME_S)  # nothing of the bench stays behind
    words = zip(sys.argv[1::2], sys.argv[2::2], strict=True)
    trio.run(main, {key.removeprefix("--"): value for key, value in words})

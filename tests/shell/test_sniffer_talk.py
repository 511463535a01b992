"""One exchange over its socket."""

from __future__ import annotations

import gzip
from functools import partial

import trio

from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.exchange import Exchange
from amp.shell.sniffer_reach import TcpReach
from amp.shell.sniffer_talk import talk
from amp.sim.sniffer.sniffer import SimSniffer
from shell.harness import PATIENCE_S


async def test_others_have_their_turn_while_much_is_unpacked() -> None:
    """64 KB of gzip can be 64 MB: seconds of work between two reads."""
    packed = gzip.compress(bytes(100 << 20))
    sniffer = SimSniffer()
    sniffer.faults.garbage = packed
    exchange = Exchange(command=parse_command(b"getfile_zip a"), cipher=None, now=trio.current_time())
    got, turns, turn = b"", set(), 0

    def take(data: bytes) -> None:
        nonlocal got
        got += data
        turns.add(turn)

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            _, port = await nursery.start(partial(sniffer.serve, "127.0.0.1", 0))

            async def others() -> None:
                nonlocal turn
                while True:
                    turn += 1
                    await trio.lowlevel.checkpoint()

            nursery.start_soon(others)
            assert await talk(exchange, TcpReach("127.0.0.1", port), take, trio.CancelScope()) is None
            nursery.cancel_scope.cancel()
    assert got == packed
    assert len(turns) >= len(packed) // 8192, "without turns there is one for each read"

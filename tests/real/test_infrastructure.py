"""The measuring tools measured: two direct connections to one Asterisk must agree."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest
import trio

from real.asterisk import Asterisk
from real.calls import calls_over, hang_up_all, make_calls
from real.oracle import signed_in
from real.streams import Window, assert_same_events, mark, seen_by_oracle, wait_window

pytestmark = pytest.mark.asterisk


async def test_two_direct_connections_see_the_same(asterisks: Mapping[str, Asterisk]) -> None:
    """Else a difference between amp and the oracle would prove nothing."""
    async with AsyncExitStack() as stack:
        for name, asterisk in asterisks.items():
            left = await stack.enter_async_context(signed_in(asterisk.ports.ami))
            right = await stack.enter_async_context(signed_in(asterisk.ports.ami))
            control = await stack.enter_async_context(signed_in(asterisk.ports.ami, events="off"))
            await hang_up_all(control)
            window = Window.at(name)
            await mark(control, window, "begin")
            await make_calls(control, 4, ["simple", "dial", "fail", "ivr"])
            await calls_over(control)
            await mark(control, window, "end")
            await wait_window([left, right], [window])
            expected = seen_by_oracle(left, window)
            assert len(expected) > 100
            assert_same_events(expected, seen_by_oracle(right, window), f"second connection to {name}")


async def test_dressed_server_is_dressed(asterisks: Mapping[str, Asterisk]) -> None:
    """The second server shows what the first does not: system name, times, channel variables, CEL."""
    async with (
        signed_in(asterisks["dressed"].ports.ami) as oracle,
        signed_in(asterisks["dressed"].ports.ami, events="off") as control,
    ):
        await make_calls(control, 1, ["simple"])
        event = await oracle.wait_for(lambda m: m.is_event("Newstate"))
        assert event.get("SystemName") == b"dressed"
        assert event.get("Timestamp")
        assert event.get("ChanVariable") is not None
        await oracle.wait_for(lambda m: m.is_event("CEL"))
        await hang_up_all(control)


async def test_a_killed_server_comes_back_on_its_port(asterisks: Mapping[str, Asterisk]) -> None:
    plain = asterisks["plain"]
    port = plain.ports.ami
    async with signed_in(port) as oracle:
        plain.kill()
        await oracle.wait_closed()
    plain.start()
    await trio.to_thread.run_sync(plain.wait_ready)
    assert plain.ports.ami == port
    async with signed_in(port) as oracle:
        assert await oracle.ask("Ping")

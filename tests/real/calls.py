"""Making calls on a real Asterisk through a direct connection, and clearing up behind them."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from real.background import in_background
from real.oracle import Client, Header

__all__ = ["SCENARIOS", "calls_over", "event_stream", "hang_up_all", "make_calls", "originate_headers"]

SCENARIOS: Sequence[str] = (
    "simple", "dial", "queue", "conf", "ivr", "fail", "park", "sip", "record", "xfer", "sales",
)  # fmt: skip
"""The extensions of context amp-load that a call may run (conf/extensions.conf)."""


def originate_headers(
    leg: str = "phone", exten: str = "simple", talk_s: int = 3, ring_s: int = 20
) -> list[Header]:
    """Headers of an Originate: Local/``leg`` is called and, once it answers, runs ``exten``."""
    return [
        ("Channel", f"Local/{leg}@amp-legs/n"),
        ("Context", "amp-load"),
        ("Exten", exten),
        ("Priority", 1),
        ("Timeout", ring_s * 1000),
        ("CallerID", "Test <70000>"),
        ("Variable", f"__AMPDUR={talk_s}"),
    ]


async def make_calls(control: Client, count: int, scenarios: Sequence[str] = SCENARIOS) -> None:
    """Start ``count`` calls at once, taking the scenarios in turn; no ActionIDs.

    Asterisk answers an asynchronous Originate before there is a channel. So wait for its own count, in which
    both halves of a Local channel are calls: else it may seem that the calls are over before they begin.
    """
    before = await _calls_processed(control)
    for n in range(count):
        headers = originate_headers(exten=scenarios[n % len(scenarios)])
        await control.send_action("Originate", *headers, ("Async", "true"))
    with trio.fail_after(60):
        while await _calls_processed(control) < before + 2 * count:  # noqa: ASYNC110 - no event tells it
            await trio.sleep(0.02)


async def _calls_processed(control: Client) -> int:
    answer = await control.ask("Command", ("Command", "core show calls"))
    found = re.search(rb"(\d+) calls? processed", answer.raw)
    assert found is not None, answer.raw
    return int(found[1])


async def calls_over(control: Client, timeout: float = 60) -> None:
    """Wait until no channel is left.

    Raises:
        AssertionError: some are still there after ``timeout`` seconds; it names them.
    """
    end = trio.current_time() + timeout
    while left := await control.ask_list("CoreShowChannels"):
        if trio.current_time() > end:
            raise AssertionError("\n".join(repr(channel.raw) for channel in left))
        await trio.sleep(0.2)


async def hang_up_all(control: Client) -> None:
    """End every call, so that the next test starts from an idle server."""
    with trio.fail_after(60):
        while await control.ask_list("CoreShowChannels"):
            await control.ask("Hangup", ("Channel", "/.*/"))
            await trio.sleep(0.1)


@asynccontextmanager
async def event_stream(control: Client, per_second: float, text: str = "tick") -> AsyncIterator[None]:
    """Send UserEvents at a steady rate, numbered from 0, as long as the block and the connection last."""

    async def send() -> None:
        begin = trio.current_time()
        for n in itertools.count():
            headers: list[Header] = [("UserEvent", "AmpTick"), ("N", n), ("Text", text)]
            try:
                await control.send_action("UserEvent", *headers)
            except trio.BrokenResourceError:
                return
            await trio.sleep_until(begin + (n + 1) / per_second)

    async with in_background(send):
        yield

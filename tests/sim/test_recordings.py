"""The simulated Asterisk answers the clients of the recordings byte for byte as the real one did."""

from __future__ import annotations

import re

import pytest
import trio

from amp.sim.asterisk import SimAsterisk
from replay import Recording, recording
from sim.talk import serving

SAME = (
    "action-before-login",
    "blank-messages",
    "byte-by-byte",
    "core-show-channels-0",
    "database",
    "half-message-then-close",
    "limit-headers",
    "limit-line",
    "limit-line-100k",
    "limit-line-no-end",
    "limit-message-total",
    "line-endings-cr",
    "line-endings-lf",
    "login-challenge-unknown-type",
    "login-no-actionid",
    "login-no-secret",
    "login-no-username",
    "login-odd-spelling",
    "login-ok",
    "login-timeout",
    "login-timeout-trickle",
    "login-twice",
    "login-unknown-user",
    "login-wrong-secret",
    "login-wrong-then-right",
    "logoff",
    "logoff-no-actionid",
    "malformed-lines",
    "originate-async-events-off",
    "originate-sync",
    "ping",
    "split-at-crlf",
    "unknown-action",
    "userevent-odd",
)

CHANGING = re.compile(
    rb"(System uptime|Last reload|Timestamp|Challenge|EventTV|SessionTV|SessionID|LocalAddress|RemoteAddress"
    rb"|Uptime|LastReload): [^\r]*"
)


def plain(data: bytes) -> bytes:
    """Without what differs from run to run."""
    return CHANGING.sub(rb"\1: .", data)


@pytest.mark.parametrize("case", SAME)
async def test_a_recorded_client_gets_the_recorded_bytes(
    case: str, autojump_clock: trio.testing.MockClock
) -> None:
    """Played back with its pauses, a recorded client gets what the real Asterisk sent it."""
    sim = SimAsterisk(auth_timeout_s=30.5)  # Asterisk counts whole seconds: it hangs up after 30 to 31
    async with serving(sim) as address:
        assert plain(recording(case).received) == plain(await play(recording(case), address))


async def play(case: Recording, address: tuple[str, int]) -> bytes:
    """Do what the recorded client did when it did it; give all that came back."""
    got = bytearray()
    async with await trio.open_tcp_stream(*address) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(_gather, stream, got)
        begun = trio.current_time()
        for step in case.steps:
            if step.what == "s2c-eof":
                break  # what was sent into the closed connection only makes a reset
            await trio.sleep_until(begun + step.at_s)
            if step.what == "c2s":
                await stream.send_all(step.data)
            elif step.what == "c2s-eof":
                await stream.send_eof()
        else:
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    return bytes(got)


async def _gather(stream: trio.SocketStream, into: bytearray) -> None:
    async for data in stream:
        into += data

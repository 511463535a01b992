"""A client that is cut off again and again under load has every event of a real server exactly once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
import pytest

from real.amp_process import AmpProcess, Upstream, open_amp
from real.asterisk import Asterisk
from real.calls import calls_over, event_stream, hang_up_all, make_calls
from real.oracle import Message, signed_in
from real.streams import (
    Window,
    assert_same_events,
    mark,
    seen_by_oracle,
    seen_through_amp,
    wait_window,
)

pytestmark = pytest.mark.asterisk

NUMBERED: Final = re.compile(rb"\r\nProxyEpoch: (\w+)\r\nProxySeq: (\d+)(?=\r\nServer: plain$)")


@attrs.define
class Follower:
    """A client that has an event for good once it has noted its number, as a careful program would.

    Attributes:
        position: where it stands, as Resume takes it.
        kept: all events so far, without their numbers.
        numbers: those numbers.
    """

    amp: AmpProcess
    position: str = ""
    kept: list[Message] = attrs.field(factory=list)
    numbers: list[int] = attrs.field(factory=list)

    async def begin(self) -> None:
        """Stand where the server is now."""
        async with self.amp.client(events="off") as client:
            await client.send(b"ProxyAction: SetSequence\r\n\r\n")
            answer = await client.wait_for(lambda m: m.get("ProxyResponse") is not None)
            self.position = (answer.get("Position") or b"").decode()

    async def follow(self, until: Window | None = None, count: int = 0) -> None:
        """Come back, take so many events or all of a window, and be cut off in the middle of the next."""
        async with self.amp.client(events="off") as client:
            await client.send(f"ProxyAction: Resume\r\nPosition: {self.position}\r\n\r\n".encode())
            answer = await client.wait_for(lambda m: m.get("ProxyResponse") is not None)
            assert answer.get("ProxyResponse") == b"Success", answer.raw
            if until is not None:
                await wait_window([client], [until])
            else:
                enough = len(client.messages) + count
                await client.wait_for(lambda _: len(client.messages) >= enough)
            for message in client.messages:
                if numbered := NUMBERED.search(message.raw):
                    self.position = f"plain {numbered[1].decode()} {numbered[2].decode()}"
                    self.numbers.append(int(numbered[2]))
                    self.kept.append(Message(NUMBERED.sub(b"", message.raw), message.at))


@pytest.mark.parametrize("sessions", ["split", "single"])
async def test_a_client_cut_off_again_and_again_has_every_event_once(
    asterisks: Mapping[str, Asterisk], tmp_path: Path, sessions: str
) -> None:
    """Calls of every kind and 300 UserEvents a second, ten cuts, compared with a direct connection."""
    plain, window = asterisks["plain"], Window.at("plain")
    upstream = Upstream(name="plain", port=plain.ports.ami, sessions=sessions)
    async with (
        signed_in(plain.ports.ami, events="off") as control,
        signed_in(plain.ports.ami, events="off") as ticker,
        open_amp(tmp_path, [upstream]) as amp,
        signed_in(plain.ports.ami) as oracle,
    ):
        await hang_up_all(control)
        follower = Follower(amp)
        await follower.begin()
        await mark(control, window, "begin")
        async with event_stream(ticker, per_second=300):
            await make_calls(control, 12)
            for _ in range(10):
                await follower.follow(count=400)
            await hang_up_all(control)
        await calls_over(control)
        await mark(control, window, "end")
        await wait_window([oracle], [window])
        await follower.follow(window)
    assert follower.numbers == list(range(follower.numbers[0], follower.numbers[0] + len(follower.numbers)))
    assert len(follower.numbers) > 4000
    assert_same_events(seen_by_oracle(oracle, window), seen_through_amp(follower.kept, window), "follower")

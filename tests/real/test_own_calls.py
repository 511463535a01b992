"""Users who see their own calls only, before a real Asterisk: what comes first, and what never comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from amp.core.policy.calls.parties import kind_of, read_event
from real.amp_process import AmpProcess, Upstream, open_amp
from real.asterisk import Asterisk
from real.calls import calls_over, make_calls
from real.oracle import Client, signed_in

pytestmark = pytest.mark.asterisk

CALLEE: Final = "Local/callee@amp-legs"
"""How the called half of a call of extension ``dial`` is named; the caller is Local/phone@amp-legs."""

USERS: Final = f"""
[[user]]
name = "callee"
secret = "s"
write = ["call", "originate", "reporting"]
channel = "{CALLEE}"
"""


@asynccontextmanager
async def amp_before(asterisk: Asterisk, folder: Path) -> AsyncIterator[AmpProcess]:
    async with open_amp(folder, [Upstream(name="plain", port=asterisk.ports.ami)], users=USERS) as amp:
        yield amp


@asynccontextmanager
async def callee_of(amp: AmpProcess, events: str = "on") -> AsyncIterator[Client]:
    async with signed_in(amp.port, user="callee", secret="s", events=events) as client:
        yield client


def events_of(client: Client) -> list[bytes]:
    return [message.raw for message in client.messages if message.raw.startswith(b"Event: ")]


def uniqueids(frame: bytes) -> list[bytes]:
    return [party.uniqueid for party in read_event(frame).parties if party.uniqueid]


def still_up(client: Client) -> set[bytes]:
    """The channels that the client was introduced to and has not seen hang up."""
    kinds = {
        kind: [frame for frame in events_of(client) if kind_of(frame) == kind]
        for kind in (b"newchannel", b"hangup")
    }
    began, ended = ({uniqueids(frame)[0] for frame in frames} for frames in kinds.values())
    return began - ended


def is_own(frame: bytes) -> bool:
    return any(party.name.startswith(CALLEE.encode()) for party in read_event(frame).parties)


async def test_the_caller_is_introduced_before_the_dial(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """A call between a channel of the user's and another: the other's Newchannel comes first, then its
    Newstate, then DialBegin; what follows of it is shown until it hangs up. Strangers' calls are not seen."""
    asterisk = asterisks["plain"]
    async with (
        amp_before(asterisk, tmp_path) as amp,
        callee_of(amp) as client,
        signed_in(asterisk.ports.ami) as oracle,
    ):
        await make_calls(oracle, 2, ["dial", "simple"])
        await client.wait_for(lambda message: message.is_event("BridgeEnter"))
        await calls_over(oracle)
        await client.wait_for(lambda message: message.is_event("Hangup") and not still_up(client))
    got = events_of(client)
    dial = next(frame for frame in got if kind_of(frame) == b"dialbegin" and is_own(frame))
    caller = uniqueids(dial)[0]
    about = [frame for frame in got[: got.index(dial)] if caller in uniqueids(frame)]
    assert [kind_of(frame) for frame in about] == [b"newchannel", b"newstate"]
    seen = [message.raw for message in oracle.messages]
    for frame in about:
        assert frame.removesuffix(b"\r\nServer: plain") in seen
    entered = [frame for frame in got if kind_of(frame) == b"bridgeenter"]
    assert {caller} < {uniqueid for frame in entered for uniqueid in uniqueids(frame)}
    introduced: set[bytes] = set()
    for frame in got:
        if kind_of(frame) == b"newchannel":
            introduced.update(uniqueids(frame))
        if kind_of(frame) != b"cdr":
            assert set(uniqueids(frame)) <= introduced, frame
    assert not still_up(client)
    everybody = {uid for frame in seen if kind_of(frame) == b"newchannel" for uid in uniqueids(frame)}
    assert introduced < everybody


async def test_lists_and_actions_are_about_own_channels(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    asterisk = asterisks["plain"]
    async with (
        amp_before(asterisk, tmp_path) as amp,
        callee_of(amp) as client,
        signed_in(asterisk.ports.ami) as oracle,
    ):
        await make_calls(oracle, 1, ["dial"])
        await client.wait_for(lambda message: message.is_event("BridgeEnter"))
        shown = await client.ask_list("CoreShowChannels")
        there = await oracle.ask_list("CoreShowChannels")
        names = [channel.get("Channel") or b"" for channel in there]
        own = [name for name in names if name.startswith(CALLEE.encode())]
        assert [channel.get("Channel") for channel in shown] == own
        assert 0 < len(own) < len(names)
        end = await client.wait_for(lambda message: message.is_event("CoreShowChannelsComplete"))
        assert end.get("ListItems") == b"%d" % len(own)
        (stranger, *_) = [name for name in names if name not in own]
        refused = await client.ask("Hangup", ("Channel", stranger))
        assert refused.get("Message") == b"Permission denied: the channel in Channel is not the user's"
        assert (await client.ask("Hangup", ("Channel", own[0]))).is_response("Success")
        await calls_over(oracle)

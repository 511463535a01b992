"""Calls of the simulated exchange: whole, repeatable, and ended when told to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pytest
import trio

from amp.sim.asterisk import SimAsterisk
from amp.sim.calls import Plan
from amp.sim.events import Event
from amp.sim.flows import bridged_call, queue_call
from amp.sim.queues import NOT_IN_USE
from sim.talk import connected, serving


class Recorder:
    """Keeps what a server publishes, with trio's time."""

    def __init__(self, sim: SimAsterisk) -> None:
        self.events: list[bytes] = []
        self._publish = sim.publish
        sim.publish = self._record  # type: ignore[method-assign]  # a listener without a socket

    def _record(self, events: Sequence[Event]) -> None:
        self.events += [event.wire for event in events]
        self._publish(events)


async def load(seed: int, seconds: float, rate: float = 3.0) -> tuple[SimAsterisk, list[bytes]]:
    """A server after so many seconds of load, all calls ended, and all it said."""
    sim = SimAsterisk(seed=seed, calls_per_second=rate, started_at=1_800_000_000, call_seconds=(1, 10))
    recorder = Recorder(sim)
    async with serving(sim):
        await trio.sleep(seconds)
        sim.stop()
    return sim, recorder.events


async def test_equal_seeds_make_equal_events(autojump_clock: trio.testing.MockClock) -> None:
    """Same seed, same bytes; another seed, other bytes."""
    first, again, other = [(await load(seed, 30))[1] for seed in (1, 1, 2)]
    assert len(first) > 1000
    assert first == again
    assert first != other


async def test_every_channel_and_bridge_comes_to_an_end(autojump_clock: trio.testing.MockClock) -> None:
    """Each Newchannel has one Hangup behind it, each BridgeEnter a BridgeLeave, each bridge its end."""
    sim, events = await load(3, 120)
    assert not sim.channels
    said = Counter(event.partition(b"\r\n")[0].removeprefix(b"Event: ") for event in events)
    assert said[b"Newchannel"] == said[b"Hangup"] > 100
    assert said[b"BridgeCreate"] == said[b"BridgeDestroy"] > 10
    assert said[b"BridgeEnter"] == said[b"BridgeLeave"]
    ids = [re.findall(rb"\r\nUniqueid: (\S+)", e)[0] for e in events if e.startswith(b"Event: Newchannel")]
    assert len(set(ids)) == len(ids)


async def test_nothing_is_said_about_a_channel_after_its_hangup(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """But for its device's state, and the dial that it was part of, which names it as a destination."""
    _, events = await load(4, 60)
    gone: set[bytes] = set()
    for event in events:
        name = re.findall(rb"\r\nChannel: (\S+)", event)
        if name and not event.startswith((b"Event: Cdr", b"Event: OriginateResponse")):
            assert name[0] not in gone
            if event.startswith(b"Event: Hangup\r\n"):
                gone.add(name[0])


async def test_agents_are_free_again_after_their_calls(autojump_clock: trio.testing.MockClock) -> None:
    """Also after one that was hung up in the middle."""
    sim = SimAsterisk()
    async with serving(sim):
        calls = [sim.start_call(Plan(flow=queue_call, talk_s=5, target=b"support")) for _ in range(9)]
        await trio.sleep(3)
        support = sim.pbx.queues[b"support"]
        assert not support.free_member()
        assert len(support.callers) == 3
        calls[0].end()
        calls[8].end()
        await trio.sleep(60)
        assert {member.status for member in support.members} == {NOT_IN_USE}
        assert support.callers == []
        assert support.completed == 7
        assert not sim.channels


async def test_a_hangup_ends_the_call(autojump_clock: trio.testing.MockClock) -> None:
    """One channel by name, many by pattern, none by a name that is not there."""
    sim = SimAsterisk()
    async with serving(sim) as address, connected(address, b"off") as client:
        sim.start_call(Plan(flow=bridged_call, talk_s=100))
        sim.start_call(Plan(flow=bridged_call, talk_s=100))
        await trio.sleep(5)
        assert len(sim.channels) == 8
        name = next(iter(sim.channels)).decode()
        assert (await client.act("Action: Hangup", f"Channel: {name}")).endswith(b"Channel Hungup")
        await trio.sleep(1)
        assert len(sim.channels) == 4
        answer = await client.act("Action: Hangup", f"Channel: {name}")
        assert answer == b"Response: Error\r\nMessage: No such channel"
        await client.send("Action: Hangup", r"Channel: /^Local\/phone/")
        assert (await client.read_until(b"Event: ChannelsHungup"))[-1].endswith(b"ListItems: 2")
        await trio.sleep(1)
        assert not sim.channels


@pytest.mark.parametrize(
    ("channel", "response", "reason", "after_s"),
    [
        ("Local/phone@x/n", b"Success", 4, 0.31),
        ("PJSIP/1001", b"Success", 4, 0.31),
        ("Local/busy@x/n", b"Failure", 5, 0.01),
        ("Local/late@x/n", b"Failure", 3, 1.51),
        ("Local/nosuch@x/n", b"Failure", 0, 0),
        ("NoTech/1", b"Failure", 0, 0),
    ],
)
async def test_an_asynchronous_originate(
    channel: str, response: bytes, reason: int, after_s: float, autojump_clock: trio.testing.MockClock
) -> None:
    """Queued at once; the outcome comes as an event with the asker's ActionID, to everybody."""
    sim = SimAsterisk()
    async with (
        serving(sim) as address,
        connected(address, b"off") as asker,
        connected(address, b"call") as watcher,
    ):
        begun = trio.current_time()
        order = (
            f"Channel: {channel}",
            "Context: c",
            "Exten: none",
            "Priority: 1",
            "Timeout: 1500",
            "Async: true",
        )
        answer = await asker.act("Action: Originate", "ActionID: me", *order)
        assert answer == b"Response: Success\r\nActionID: me\r\nMessage: Originate successfully queued"
        told = (await watcher.read_until(b"Event: OriginateResponse"))[-1]
        assert trio.current_time() - begun == pytest.approx(after_s)
        assert b"ActionID: me\r\nResponse: %s\r\n" % response in told
        assert b"Reason: %d\r\n" % reason in told
        await trio.sleep(1)
        assert not sim.channels


async def test_an_originate_knows_ids_and_variables(autojump_clock: trio.testing.MockClock) -> None:
    """As recording "originate-variables"."""
    async with serving(SimAsterisk()) as address, connected(address, b"off") as client:
        await client.act(
            "Action: Originate", "Channel: Local/hold@x/n", "Context: c", "Exten: hold", "Priority: 1",
            "Async: true", "ChannelId: mine-1", "OtherChannelId: mine-2", "CallerID: Ann <123>",
            "Variable: A=one,B=two", 'Variable: F="a,b"', "Variable: CALLERID(name)=By Function",
        )  # fmt: skip
        await trio.sleep(1)
        name = "Local/hold@x-00000000;1"
        for variable, value in (("A", "one"), ("B", "two"), ("F", "a,b"), ("UNIQUEID", "mine-1")):
            answer = await client.act("Action: Getvar", f"Channel: {name}", f"Variable: {variable}")
            assert answer.endswith(f"Value: {value}".encode())


async def test_the_load_is_like_the_recorded_one(autojump_clock: trio.testing.MockClock) -> None:
    """About a hundred events and forty kilobytes a call (MEASURED: 115 and 45 kB)."""
    sim, events = await load(5, 300)
    calls = sim.pbx.calls_begun
    assert 60 < len(events) / calls < 150
    assert 330 < sum(map(len, events)) / len(events) < 450

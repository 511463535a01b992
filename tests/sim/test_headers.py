"""What the simulated Asterisk tells has the headers of the recordings: the same names in the same order."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import pytest
import trio

from amp.sim.asterisk import SimAsterisk
from amp.sim.calls import Plan
from amp.sim.flows import bridged_call, busy_call, ivr_call, plain_call, queue_call, trunk_call
from replay import AMI_NAMES, recording
from sim.talk import Client, connected, names, serving

Shapes = dict[bytes, set[tuple[bytes, ...]]]
FLOWS = (plain_call, bridged_call, busy_call, trunk_call, ivr_call, queue_call)
DRESSED = ("second-server",)
OURS = {b"UserEvent"}
"""A UserEvent's headers are its sender's, so only those before them are compared."""
UNSEEN = {(b"OriginateResponse", b"Application")}
"""Shapes that no recording holds: event and a header. Source: Asterisk ``main/manager.c``."""
ACTIONS = (
    ("Action: CoreShowChannels", "ActionID: 1"),
    ("Action: CoreShowChannels",),
    ("Action: Status", "ActionID: 1"),
    ("Action: Status", "ActionID: 1", "AllVariables: true"),
    ("Action: QueueStatus", "ActionID: 1"),
    ("Action: QueueSummary", "ActionID: 1"),
    ("Action: BridgeList", "ActionID: 1"),
    ("Action: DeviceStateList", "ActionID: 1"),
    ("Action: ParkedCalls", "ActionID: 1"),
    ("Action: DBPut", "ActionID: 1", "Family: a", "Key: b", "Val: c"),
    ("Action: DBGetTree", "ActionID: 1"),
    ("Action: QueueAdd", "ActionID: 1", "Queue: sales", "Interface: Local/x@agents/n"),
    ("Action: QueuePause", "ActionID: 1", "Interface: Local/x@agents/n", "Paused: true"),
    ("Action: QueueRemove", "ActionID: 1", "Queue: sales", "Interface: Local/x@agents/n"),
    ("Action: Setvar", "ActionID: 1", "Variable: A", "Value: b"),
    ("Action: Getvar", "ActionID: 1", "Variable: A"),
    ("Action: CoreStatus", "ActionID: 1"),
    ("Action: CoreSettings", "ActionID: 1"),
    ("Action: Command", "ActionID: 1", "Command: core show channels"),
    ("Action: Hangup", "ActionID: 1", "Channel: /^Local/"),
    ("Action: Originate", "ActionID: 1", "Channel: Local/phone@x", "Context: y", "Exten: z", "Priority: 1"),
    ("Action: Originate", "ActionID: 1", "Channel: NoTech/1", "Application: Wait", "Async: true"),
    ("Action: Reload", "ActionID: 1"),
    ("Action: UserEvent", "ActionID: 1", "UserEvent: Odd", "Name: x"),
)


@cache
def recorded(cases: tuple[str, ...]) -> Shapes:
    shapes: Shapes = defaultdict(set)
    for case in cases:
        for frame in recording(case).frames:
            shapes[kind(frame)].add(shape(frame))
    return shapes


def kind(frame: bytes) -> bytes:
    """An event's name; of an answer the first two words that tell it from others."""
    first = frame.partition(b"\r\n")[0]
    return first.removeprefix(b"Event: ") if first.startswith(b"Event: ") else first


def shape(frame: bytes) -> tuple[bytes, ...]:
    """Header names in order; repeats of one name count once, for their number changes."""
    found = [name for name, before in zip(names(frame), (b"", *names(frame)), strict=False) if name != before]
    if kind(frame) in OURS:
        return tuple(found[: found.index(b"UserEvent") + 1])
    return tuple(found)


PLAIN = tuple(name for name in AMI_NAMES if name not in DRESSED)


async def everything_said(sim: SimAsterisk) -> list[bytes]:
    """All frames that a client with every event on gets while calls go on and actions are asked for."""
    async with serving(sim) as address, connected(address, b"on") as client:
        for flow in FLOWS:
            sim.start_call(Plan(flow=flow, talk_s=20, target=b"support" if flow is queue_call else b"1001"))
        frames: list[bytes] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gather, client, frames)
            await trio.sleep(10)
            for action in ACTIONS:
                await client.send(*action)
                await trio.sleep(1)
            await trio.sleep(60)
            sim.stop()
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    return frames


async def gather(client: Client, frames: list[bytes]) -> None:
    with pytest.raises(EOFError):
        while True:
            frames.append((await client.read_frame()).removeprefix(b"\r\n"))


async def test_every_frame_of_a_plain_server_has_a_recorded_shape(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Events, list items and answers come with the headers that the plain server of the lab sent."""
    frames = await everything_said(SimAsterisk(seed=1))
    known = recorded(PLAIN)
    odd = {(kind(frame), shape(frame)) for frame in frames if shape(frame) not in known[kind(frame)]}
    assert {pair for pair in odd if not any((pair[0], name) in UNSEEN for name in pair[1])} == set()


async def test_every_frame_of_a_dressed_server_has_a_recorded_shape(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """With system name, timestamps and channel variables too, as far as that recording has the event."""
    sim = SimAsterisk(seed=1, system_name="ast2", timestamps=True, channel_variables=("AMPTAG", "AMPCUST"))
    known = recorded(DRESSED)
    frames = [
        frame for frame in await everything_said(sim) if frame.startswith(b"Event: ") and kind(frame) in known
    ]
    # Neither answers nor global variables are in that recording.
    frames = [
        f for f in frames if not any(word in f for word in (b"ActionID: 1", b"EventList", b"Channel: none"))
    ]
    assert {plain_name(kind(f), shape(f)) for f in frames} <= {
        plain_name(name, one) for name, shapes in known.items() for one in shapes
    }


def plain_name(name: bytes, found: tuple[bytes, ...]) -> tuple[bytes, tuple[bytes, ...]]:
    """OriginateResponse has the channel in a header's name: cut it off."""
    return name, tuple(dict.fromkeys(part.partition(b"(")[0] for part in found))


async def test_the_usual_events_are_there(autojump_clock: trio.testing.MockClock) -> None:
    """A mixed load shows the events that make up nearly all of a real one (MEASURED)."""
    told = {kind(frame) for frame in await everything_said(SimAsterisk(seed=1))}
    wanted = """VarSet Newexten DeviceStateChange Newstate NewCallerid NewConnectedLine Hangup Newchannel
        Cdr SoftHangupRequest DialEnd DialBegin HangupRequest LocalBridge DialState BridgeLeave BridgeEnter
        UserEvent OriginateResponse BridgeCreate BridgeDestroy QueueMemberStatus MusicOnHoldStart
        MusicOnHoldStop AgentCalled AgentConnect AgentComplete QueueCallerJoin QueueCallerLeave DTMFBegin
        DTMFEnd Reload Shutdown"""
    assert set(wanted.encode().split()) - told == set()


async def test_a_failed_login_is_told(autojump_clock: trio.testing.MockClock) -> None:
    """A failed login is told to who may see class security."""
    sim = SimAsterisk()
    async with (
        serving(sim) as address,
        connected(address, b"security") as watcher,
        connected(address) as stranger,
    ):
        await watcher.read_frame()  # its own SuccessfulAuth
        await stranger.send("Action: Login", "Username: nobody", "Secret: x")
        frame = await watcher.read_frame()
        assert kind(frame) == b"InvalidAccountID"
        assert shape(frame) in recorded(PLAIN)[b"InvalidAccountID"]

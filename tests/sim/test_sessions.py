"""A session of the simulated Asterisk: one action at a time, events in between, slow readers cut off."""

from __future__ import annotations

import re

import pytest
import trio

from amp.sim.asterisk import SimAsterisk
from sim.talk import Client, connected, names, serving

SLOW = (
    "Action: Originate",
    "ActionID: slow",
    "Channel: Local/late@x/n",
    "Context: c",
    "Exten: none",
    "Priority: 1",
)


async def test_an_action_holds_back_events_and_further_actions(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """As in recording "originate-sync-blocks": answer, the events that waited, then the next answer."""
    sim = SimAsterisk()
    async with (
        serving(sim) as address,
        connected(address, b"user") as client,
        connected(address, b"user") as other,
    ):
        await client.send(*SLOW, "Timeout: 2000", "", "Action: Ping", "ActionID: p")
        await trio.sleep(1)
        sim.user_event("Meanwhile")
        assert b"Meanwhile" in await other.read_frame()
        begun = trio.current_time()
        assert await client.read_frame() == b"Response: Error\r\nActionID: slow\r\nMessage: Originate failed"
        assert trio.current_time() - begun == pytest.approx(1, abs=0.1)
        assert b"Meanwhile" in await client.read_frame()
        assert b"ActionID: p" in await client.read_frame()


async def test_no_event_comes_inside_a_list(autojump_clock: trio.testing.MockClock) -> None:
    """Lists are contiguous under a stream of events (recording "core-show-channels-events-on")."""
    sim = SimAsterisk(calls_per_second=20, seed=3)
    async with serving(sim) as address, connected(address, b"on") as client, trio.open_nursery() as nursery:
        nursery.start_soon(ask_for_lists, client)
        for _ in range(20):
            await client.read_until(b"Response: Success")
            items = await client.read_until(b"Event: CoreShowChannelsComplete")
            assert len(items) > 10
            assert {item.partition(b"\r\n")[0] for item in items[:-1]} == {b"Event: CoreShowChannel"}


async def ask_for_lists(client: Client) -> None:
    await trio.sleep(5)
    for number in range(20):
        await client.send("Action: CoreShowChannels", f"ActionID: {number}")
        await trio.sleep(0.05)


async def test_pipelined_actions_are_answered_in_order() -> None:
    """Three hundred actions in one segment, each answered once, in order."""
    async with serving(SimAsterisk()) as address, connected(address, b"off") as client:
        actions = [f"Action: Ping\r\nActionID: {number}\r\n\r\n" for number in range(300)]
        await client.stream.send_all("".join(actions).encode())
        answers = [await client.read_frame() for _ in range(300)]
        assert [re.findall(rb"ActionID: (\d+)", answer) for answer in answers] == [
            [str(number).encode()] for number in range(300)
        ]


async def test_what_was_sent_before_a_half_close_is_answered() -> None:
    """Pending answers are still sent, then the server closes (recording "half-close")."""
    async with serving(SimAsterisk()) as address, connected(address, b"off") as client:
        await client.send("Action: QueueStatus", "ActionID: half", "", "Action: Ping")
        await client.stream.send_eof()
        assert (await client.read_all()).count(b"Response: Success") == 2


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    """It loses its connection in the middle of an event; a reading client gets every event once."""
    sim = SimAsterisk(send_buffer=65536, write_timeout_s=0.05)
    async with (
        serving(sim) as address,
        connected(address, b"user") as deaf,
        connected(address, b"user") as client,
    ):
        numbers: list[int] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_numbers, client, 30_000, numbers)
            await sim.burst(30_000)
        assert numbers == list(range(30_000))
        assert sim.clients_cut == 1
        assert len(sim.sessions) == 1
        rest = await deaf.read_all()
        assert 0 < len(rest) < 30_000 * 390
        assert not rest.endswith(b"\r\n\r\n")


async def take_numbers(client: Client, count: int, numbers: list[int]) -> None:
    while len(numbers) < count:
        numbers.append(int(re.findall(rb"Number: (\d+)", await client.read_frame())[0]))


async def test_a_client_for_which_too_much_waits_is_cut_off() -> None:
    """Memory is bounded even when the time limit is long."""
    sim = SimAsterisk(outbox_bytes=100_000, send_buffer=10_000, write_timeout_s=60)
    async with serving(sim) as address, connected(address, b"user"):
        for _ in range(1000):
            sim.user_event("Burst", ("Padding", "x" * 1000))
        await trio.testing.wait_all_tasks_blocked()
        assert not sim.sessions
        assert sim.clients_cut == 1


async def test_a_client_that_does_not_read_its_answers_is_not_worked_for(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """While an answer is stuck no further action is worked, and soon the client is cut off."""
    sim = SimAsterisk(send_buffer=10_000)
    async with serving(sim) as address, connected(address, b"off") as client:
        ask = b"Action: ListCommands\r\n\r\n"
        with trio.move_on_after(5), pytest.raises(trio.BrokenResourceError):
            while True:
                await client.stream.send_all(ask * 1000)
        assert sim.clients_cut == 1
        assert sim.actions_worked < 10_000


@pytest.mark.parametrize(
    ("mask", "seen"),
    [
        ("on", "user system"),
        ("off", ""),
        ("user", "user"),
        ("call,user", "user"),
        ("64", "user"),
        ("call", ""),
    ],
)
async def test_a_client_gets_the_classes_that_it_asked_for(
    mask: str, seen: str, autojump_clock: trio.testing.MockClock
) -> None:
    """Masks as in recording "events-mask"."""
    sim = SimAsterisk()
    async with serving(sim) as address, connected(address, b"off") as client:
        assert b"Events: O" in await client.act("Action: Events", f"EventMask: {mask}")
        sim.user_event("Probe")
        await client.send("Action: Reload", "", "Action: Logoff")
        got = await client.read_all()
        assert [(b"Privilege: %s,all" % name.encode() in got) for name in ("user", "system")] == [
            name in seen.split() for name in ("user", "system")
        ]


async def test_rights_decide_what_a_user_may_see_and_do(autojump_clock: trio.testing.MockClock) -> None:
    """As recording "readonly-denied": reading two classes, writing none."""
    sim = SimAsterisk()
    sim.add_user("readonly", "secret", read="call,user", write="")
    async with serving(sim) as address, connected(address) as client:
        accepted = await client.act("Action: Login", "Username: readonly", "Secret: secret")
        assert accepted.startswith(b"Response: Success")  # and no FullyBooted: class system
        assert (await client.act("Action: Originate", "ActionID: 1")).endswith(b"Permission denied")
        assert b"Ping: Pong" in await client.act("Action: Ping")
        listed = await client.act("Action: ListCommands")
        assert b"QueueStatus: Show queue status.  (Priv: <none>)" in listed
        assert b"Originate" not in listed


async def test_a_wait_for_an_event_ends_with_one(autojump_clock: trio.testing.MockClock) -> None:
    """WaitEvent answers when its time is over or an event has come (recording "waitevent-tcp")."""
    sim = SimAsterisk()
    async with serving(sim) as address, connected(address, b"user") as client:
        await client.send("Action: WaitEvent", "ActionID: w", "Timeout: 2")
        begun = trio.current_time()
        assert b"Waiting for Event completed." in await client.read_frame()
        assert trio.current_time() - begun == pytest.approx(2)
        assert await client.read_frame() == b"Event: WaitEventComplete\r\nActionID: w"
        await client.send("Action: WaitEvent", "ActionID: w")
        await trio.sleep(100)
        sim.user_event("Wake")
        assert b"Waiting for Event completed." in await client.read_frame()
        assert b"UserEvent: Wake" in await client.read_frame()
        assert await client.read_frame() == b"Event: WaitEventComplete\r\nActionID: w"
        await client.send("Action: WaitEvent")
        await trio.sleep(1)  # a Ping read together with it would wait as well
        assert b"completed" in await client.act("Action: Ping")
        assert await client.read_frame() == b"Event: WaitEventComplete"
        assert b"Pong" in await client.read_frame()


async def test_a_login_by_challenge() -> None:
    """The right key signs in, a wrong one does not."""
    import hashlib

    async with serving(SimAsterisk()) as address:
        for secret, outcome in ((b"secret", b"Response: Success"), (b"wrong", b"Response: Error")):
            async with connected(address) as client:
                challenge = (await client.act("Action: Challenge", "AuthType: MD5")).rpartition(b" ")[2]
                key = hashlib.md5(challenge + secret).hexdigest()
                login = ("Action: Login", "AuthType: MD5", "Username: amp", f"Key: {key}", "Events: off")
                assert (await client.act(*login)).startswith(outcome)


async def test_too_many_strangers(autojump_clock: trio.testing.MockClock) -> None:
    """A new connection is closed without a greeting (recording "login-too-many-strangers")."""
    async with serving(SimAsterisk(auth_limit=1)) as address, connected(address) as client:
        async with await trio.open_tcp_stream(*address) as refused:
            assert await refused.receive_some() == b""
        await client.send("Action: Login", "Username: amp", "Secret: secret", "Events: off")
        await client.read_frame()
        async with connected(address):
            pass


async def test_a_booting_server(autojump_clock: trio.testing.MockClock) -> None:
    """FullyBooted comes later to those who signed in early, its Status first (recording "fully-booted")."""
    async with serving(SimAsterisk(boot_s=3)) as address, connected(address, b"system") as client:
        frame = await client.read_frame()
        assert names(frame) == (b"Event", b"Privilege", b"Status", b"Uptime", b"LastReload")


async def test_a_stopped_server_can_be_started_again(autojump_clock: trio.testing.MockClock) -> None:
    """Shutdown comes last, then the end; the next run starts with no calls on the same port."""
    sim = SimAsterisk(calls_per_second=5)
    async with trio.open_nursery() as nursery:
        host, port = await nursery.start(sim.serve)
        async with connected((host, port), b"call,system") as client:
            await trio.sleep(5)
            assert sim.channels
            sim.stop()
            got = await client.read_all()
        assert got.endswith(
            b"Event: Shutdown\r\nPrivilege: system,all\r\nShutdown: Cleanly\r\nRestart: False\r\n\r\n"
        )
        assert got.count(b"Event: Newchannel") == got.count(b"Event: Hangup\r\n")
        await nursery.start(sim.serve, host, port)
        assert not sim.channels
        async with connected((host, port), b"off"):
            nursery.cancel_scope.cancel()

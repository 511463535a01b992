"""The faults of a simulated Asterisk do what they promise, and can be undone."""

from __future__ import annotations

import pytest
import trio

from amp.sim.actions.simfault import FAULTS
from amp.sim.asterisk import SimAsterisk
from amp.sim.faults import GARBAGE
from amp.sim.fleet import serve_fleet
from sim.talk import connected, serving

PING = ("Action: Ping", "ActionID: p")


async def test_a_stalled_server_keeps_connections_and_says_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Nothing comes, no greeting either, nobody is cut off; afterwards everything comes."""
    sim = SimAsterisk()
    async with serving(sim) as address, connected(address, b"user") as client:
        sim.faults.stall()
        sim.user_event("Stuck")
        await client.send(*PING)
        async with await trio.open_tcp_stream(*address) as late:
            with trio.move_on_after(100) as scope:
                await client.read_frame()
            assert scope.cancelled_caught
            with trio.move_on_after(100) as scope:
                await late.receive_some()
            assert scope.cancelled_caught
            sim.faults.resume()
            assert await late.receive_some() == b"Asterisk Call Manager/11.0.0\r\n"
        frames = [await client.read_frame(), await client.read_frame()]
        assert sorted(frame.partition(b":")[0] for frame in frames) == [b"Event", b"Response"]


async def test_refused_logins(autojump_clock: trio.testing.MockClock) -> None:
    """The right secret fails, after a second, and the connection is closed."""
    sim = SimAsterisk()
    sim.faults.refuse_logins = True
    async with serving(sim) as address, connected(address) as client:
        begun = trio.current_time()
        await client.send("Action: Login", "Username: amp", "Secret: secret")
        assert await client.read_all() == b"Response: Error\r\nMessage: Authentication failed\r\n\r\n"
        assert trio.current_time() - begun == pytest.approx(1)


async def test_a_refused_second_login(autojump_clock: trio.testing.MockClock) -> None:
    """The first stays; the second is refused while the first is there."""
    sim = SimAsterisk()
    sim.faults.refuse_second_login = True
    async with serving(sim) as address:
        async with connected(address, b"off") as first:
            async with connected(address) as second:
                await second.send("Action: Login", "Username: amp", "Secret: secret")
                assert await second.read_all() == b"Response: Error\r\nMessage: Login Already In Use\r\n\r\n"
            assert b"Pong" in await first.act(*PING)
        await trio.sleep(0.1)
        async with connected(address, b"off"):
            pass


async def test_dropped_connections(autojump_clock: trio.testing.MockClock) -> None:
    """All are closed, but for one that is spared."""
    sim = SimAsterisk()
    async with (
        serving(sim) as address,
        connected(address, b"off") as client,
        connected(address, b"off") as other,
    ):
        assert b"Fault begins" in await client.act("Action: SimFault", "Fault: drop-others")
        assert await other.read_all() == b""
        assert b"Pong" in await client.act(*PING)
        sim.faults.drop()
        assert await client.read_all() == b""


async def test_a_cut_frame(autojump_clock: trio.testing.MockClock) -> None:
    """Half an event, then the end."""
    sim = SimAsterisk()
    async with serving(sim) as address, connected(address, b"off") as client:
        sim.faults.cut_frame(b"Event: Half\r\nA: b\r\n\r\n")
        assert await client.read_all() == b"Event: Hal"


async def test_garbage(autojump_clock: trio.testing.MockClock) -> None:
    """Bytes as they are, and the session goes on."""
    sim = SimAsterisk()
    async with serving(sim) as address, connected(address, b"off") as client:
        sim.faults.send_raw()
        await client.send(*PING, "", "Action: Logoff")
        got = await client.read_all()
        assert got.startswith(GARBAGE)
        assert b"Ping: Pong" in got


async def test_muted_answers_and_delays(autojump_clock: trio.testing.MockClock) -> None:
    """Muted: worked, never answered. Delayed: answered later."""
    sim = SimAsterisk()
    async with serving(sim) as address, connected(address, b"off") as client:
        sim.faults.mute = True
        await client.send(*PING)
        await trio.sleep(1)
        assert sim.actions_worked == 2
        sim.faults.clear()
        sim.faults.action_delay_s = 5
        begun = trio.current_time()
        assert b"ActionID: later" in await client.act("Action: Ping", "ActionID: later")
        assert trio.current_time() - begun == pytest.approx(5)


async def test_a_fault_by_action_ends_after_its_seconds(autojump_clock: trio.testing.MockClock) -> None:
    """A server in another process can be stalled for a while; the answer comes first."""
    sim = SimAsterisk()
    async with serving(sim) as address, connected(address, b"off") as client:
        assert b"Fault begins" in await client.act("Action: SimFault", "Fault: stall", "Seconds: 30")
        begun = trio.current_time()
        assert b"Pong" in await client.act(*PING)
        assert trio.current_time() - begun == pytest.approx(30, abs=0.1)


async def test_a_blocking_action_blocks_its_session_alone(autojump_clock: trio.testing.MockClock) -> None:
    """Fault block is a slow action."""
    async with (
        serving(SimAsterisk()) as address,
        connected(address, b"off") as client,
        connected(address, b"off") as other,
    ):
        await client.send("Action: SimFault", "Fault: block", "Seconds: 20", "", *PING)
        begun = trio.current_time()
        assert b"Pong" in await other.act(*PING)
        assert trio.current_time() == begun
        assert b"Blocked" in await client.read_frame()
        assert trio.current_time() - begun == pytest.approx(20)


async def test_a_burst_at_a_rate(autojump_clock: trio.testing.MockClock) -> None:
    """A hundred events at fifty a second take two seconds."""
    async with serving(SimAsterisk()) as address, connected(address, b"user") as client:
        await client.send("Action: SimFault", "Fault: burst", "Count: 100", "PerSecond: 50", "Size: 600")
        await client.read_frame()
        begun = trio.current_time()
        frames = [await client.read_frame() for _ in range(100)]
        assert trio.current_time() - begun == pytest.approx(2, abs=0.1)
        assert all(580 < len(frame) < 600 for frame in frames)


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_every_fault_can_be_asked_for(fault: bytes, autojump_clock: trio.testing.MockClock) -> None:
    """Each name in the table answers and starts."""
    async with serving(SimAsterisk()) as address, connected(address, b"off") as client:
        request = ("Action: SimFault", f"Fault: {fault.decode()}", "Count: 5", "Seconds: 1", "Delay: 1")
        assert b"Fault begins" in await client.act(*request)
        await trio.sleep(3)


async def test_an_unknown_fault_is_an_error() -> None:
    """It says which are known."""
    async with serving(SimAsterisk()) as address, connected(address, b"off") as client:
        answer = await client.act("Action: SimFault", "Fault: earthquake")
        assert answer.startswith(b"Response: Error\r\nMessage: Unknown fault; known are block, burst, ")


class Wanted:
    names = ("sim1", "sim2", "sim3")
    calls_per_second = 1.0
    seed = 7


async def test_a_fleet(autojump_clock: trio.testing.MockClock) -> None:
    """Each server has its own port and its own calls."""
    async with trio.open_nursery() as nursery:
        addresses = await nursery.start(serve_fleet, Wanted())
        assert [address.name for address in addresses] == list(Wanted.names)
        told = []
        for address in addresses:
            async with connected((address.host, address.port)) as client:
                await client.send(
                    "Action: Login",
                    f"Username: {address.username}",
                    f"Secret: {address.secret}",
                    "Events: call",
                )
                await client.read_frame()
                await trio.sleep(20)
                told.append(await client.read_frame())
        assert len(set(told)) == 3
        nursery.cancel_scope.cancel()

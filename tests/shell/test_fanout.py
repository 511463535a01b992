"""``Server: *`` through the whole proxy: two simulated servers, and one where nobody listens."""

from __future__ import annotations

from functools import partial

import attrs
import trio

from amp.config.schema import Limits, User
from amp.config.secret import Secret
from amp.core.ami.frame import Frame
from amp.sim.asterisk import SimAsterisk
from shell.harness import AmiClient, lab, server

MANY = User(name="anna", secret=Secret("anna's"), read=("all",), write=("all", "fanout"))
ONE = attrs.evolve(MANY, write=("all",))
BOUND = attrs.evolve(MANY, server="a", servers=("gone",))
GONE = server("gone", 1)

scene = partial(lab, "a", "b", users=(MANY,), extra=(GONE,))


async def merged(client: AmiClient, action_id: bytes | None = b"7") -> list[Frame]:
    """What a client hears up to the closing frame: nothing but of this action."""
    frames: list[Frame] = []
    while not frames or frames[-1].name != b"ProxyFanoutComplete":
        frames.append(await client.frame())
        assert frames[-1].get(b"ActionID") == action_id, frames[-1]
    return frames


def servers(frames: list[Frame]) -> list[bytes]:
    """Whose frames these are, the closing one left out; Server is the last header."""
    assert all(frame.headers[-1][0] == b"Server" for frame in frames[:-1])
    return [frame.headers[-1][1] for frame in frames[:-1]]


def counts(frame: Frame) -> tuple[int, ...]:
    """Servers, answers, errors, missing."""
    assert frame.get(b"EventList") == b"Complete"
    names = (b"Servers", b"Answers", b"Errors", b"Missing")
    return tuple(int(frame.get(name) or -1) for name in names)


async def assert_quiet(client: AmiClient) -> None:
    """Nothing more came: the next frame is a pong of amp's own."""
    await client.action("Ping", ("ActionID", "quiet"))
    assert (await client.frame()).get(b"ActionID") == b"quiet"


async def test_every_server_answers_and_a_dead_one_is_missing() -> None:
    """Ping to all: amp does not answer that itself."""
    async with scene() as one:
        anna = await one.client(events="off")
        await anna.action("Ping", ("Server", "*"), ("ActionID", "7"))
        frames = await merged(anna)
        assert servers(frames)[0] == b"gone"
        assert (frames[0].name, frames[0].get(b"Message", b"")[:10]) == (b"Error", b"Not sent: ")  # type: ignore[index]  # there is one
        assert sorted(servers(frames)) == [b"a", b"b", b"gone"]
        assert [frame.get(b"Ping") for frame in frames[1:-1]] == [b"Pong", b"Pong"]
        assert counts(frames[-1]) == (3, 2, 0, 1)
        assert frames[-1].get(b"MissingServers") == b"gone"
        await assert_quiet(anna)


async def test_lists_of_several_servers_stand_one_behind_the_other() -> None:
    """Calls go on everywhere meanwhile; start, items, Complete, then the next server."""
    async with scene() as one:
        for sim in one.sims.values():
            await sim.burst(10)
        anna = await one.client()
        await anna.event("FullyBooted")
        for number in range(20):
            await anna.action("CoreShowChannels", ("Server", "a,b"), ("ActionID", str(number)))
            own: list[Frame] = []
            while not own or own[-1].name != b"ProxyFanoutComplete":
                one.sims["a"].user_event("Meanwhile")
                own.append(await anna.until(lambda frame: frame.get(b"ActionID") is not None))
            assert {frame.get(b"ActionID") for frame in own} == {b"%d" % number}
            names = servers(own)
            assert names == sorted(names, key=names.index), "mixed"
            assert [frame.get(b"EventList") for frame in own if frame.get(b"EventList")] == [
                b"start", b"Complete", b"start", b"Complete", b"Complete"
            ]  # fmt: skip
            assert counts(own[-1]) == (2, 2, 0, 0)


async def test_the_deadline_is_kept() -> None:
    """A server that says nothing is missing then; its late answer goes to nobody."""
    async with scene(limits=Limits(fanout_timeout_s=2)) as one:
        anna = await one.client(events="off")
        one.sims["b"].faults.stall()
        begin = trio.current_time()
        await anna.action("CoreStatus", ("Server", "*"), ("ActionID", "7"))
        frames = await merged(anna)
        assert trio.current_time() - begin >= 2
        assert servers(frames) == [b"gone", b"a", b"b"]
        assert frames[2].get(b"Message") == b"Outcome unknown: no answer from server b within 2 s"
        assert counts(frames[-1]) == (3, 1, 0, 2)
        assert frames[-1].get(b"MissingServers") == b"gone, b"
        one.sims["b"].faults.resume()
        await anna.action("CoreStatus", ("Server", "b"), ("ActionID", "later"))
        assert (await anna.frame()).get(b"ActionID") == b"later"


async def test_a_server_that_goes_in_the_middle_is_missing() -> None:
    """At once, not at the deadline."""
    async with scene() as one:
        anna = await one.client(events="off")
        one.sims["b"].faults.mute = True
        await anna.action("CoreStatus", ("Server", "*"), ("ActionID", "7"))
        assert [(await anna.frame()).get(b"Server") for _ in range(2)] == [b"gone", b"a"]
        one.sims["b"].faults.drop()
        frames = await merged(anna)
        assert servers(frames) == [b"b"]
        assert counts(frames[-1]) == (3, 1, 0, 2)


async def test_an_error_of_a_server_is_counted_apart() -> None:
    """It did answer."""
    async with scene() as one:
        anna = await one.client(events="off")
        await anna.action(
            "Getvar", ("Server", "a,b"), ("Channel", "SIP/none-1"), ("Variable", "X"), ("ActionID", "7")
        )
        frames = await merged(anna)
        assert {frame.name for frame in frames[:-1]} == {b"Error"}
        assert counts(frames[-1]) == (2, 0, 2, 0)


async def test_it_needs_the_right_and_a_bound_user_stays_where_it_belongs() -> None:
    """``all`` does not give it."""
    async with scene(users=(ONE,)) as one:
        anna = await one.client(events="off")
        await anna.action("Ping", ("Server", "*"), ("ActionID", "7"))
        answer = await anna.frame()
        assert answer.get(b"Message") == b"Permission denied: several servers at once (right fanout)"
        await assert_quiet(anna)
    async with scene(users=(BOUND,)) as one:
        anna = await one.client(events="off")
        await anna.action("Ping", ("Server", "*"), ("ActionID", "7"))
        assert servers(await merged(anna)) == [b"gone", b"a"]


async def test_without_action_id_what_is_pipelined_keeps_its_order() -> None:
    """All that comes behind it waits till it is closed, amp's own answers too."""
    async with scene() as one:
        anna = await one.client(events="off")
        one.sims["b"].faults.action_delay_s = 0.2
        lines = ["CoreStatus\r\nServer: b", "Ping\r\nServer: *", "CoreStatus\r\nServer: a", "Ping"]
        await anna.stream.send_all("".join(f"Action: {each}\r\n\r\n" for each in lines).encode())
        assert (await anna.frame()).get(b"Server") == b"b"
        frames = await merged(anna, None)
        assert servers(frames) == [b"gone", b"a", b"b"]
        assert (await anna.frame()).get(b"CoreStartupDate")
        pong = await anna.frame()
        assert (pong.get(b"Ping"), pong.get(b"Server")) == (b"Pong", None)


async def test_a_client_that_goes_in_the_middle_hurts_nobody() -> None:
    """Its answers go to nobody."""
    async with scene() as one:
        anna, bert = await one.client(events="off"), await one.client(events="off")
        one.sims["b"].faults.action_delay_s = 0.2
        await anna.action("CoreStatus", ("Server", "*"), ("ActionID", "7"))
        await anna.frame()
        await trio.aclose_forcefully(anna.stream)
        await one.logged("client_done", user="anna")
        await bert.action("CoreStatus", ("Server", "*"), ("ActionID", "7"))
        assert counts((await merged(bert))[-1]) == (3, 2, 0, 1)


async def test_a_fleet_that_is_stopped_still_closes_it() -> None:
    """With who has not answered."""
    async with scene() as one:
        anna = await one.client(events="off")
        one.sims["b"].faults.mute = True
        await anna.action("CoreStatus", ("Server", "a,b"), ("ActionID", "7"))
        assert (await anna.frame()).get(b"Server") == b"a"
        one.stop()
        frames = await merged(anna)
        assert frames[-1].get(b"MissingServers") == b"b"


async def test_one_slow_server_does_not_hold_up_the_others() -> None:
    """Answers come in the order in which they become whole."""
    slow = SimAsterisk(name="slow")
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(slow.serve)
        async with lab("a", "b", users=(MANY,), extra=(server("slow", port),)) as one:
            await one.logged("server_up", server="slow")
            slow.faults.action_delay_s = 0.3
            anna = await one.client(events="off")
            await anna.action("CoreShowChannels", ("Server", "slow,a,b"), ("ActionID", "7"))
            assert servers(await merged(anna))[-1] == b"slow"
        nursery.cancel_scope.cancel()

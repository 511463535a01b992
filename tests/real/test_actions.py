"""Actions of many clients through amp: each answer goes to who asked, and nobody waits for another."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

from real.amp_process import AmpProcess, Upstream, open_amp
from real.asterisk import Asterisk
from real.calls import event_stream, hang_up_all, originate_headers
from real.oracle import Client, Header, Message, answers, encoded, longest_pause, signed_in

pytestmark = pytest.mark.asterisk

CLIENTS = 10


@asynccontextmanager
async def amp_and_controls(
    asterisks: Mapping[str, Asterisk], tmp_path: Path, sessions: str = "split"
) -> AsyncIterator[tuple[AmpProcess, dict[str, Client]]]:
    """amp on these servers, and one direct connection (events off) to each; idle servers afterwards."""
    upstreams = [
        Upstream(name=name, port=one.ports.ami, sessions=sessions) for name, one in asterisks.items()
    ]
    async with AsyncExitStack() as stack:
        controls = {
            name: await stack.enter_async_context(signed_in(one.ports.ami, events="off"))
            for name, one in asterisks.items()
        }
        for control in controls.values():
            await hang_up_all(control)
        yield await stack.enter_async_context(open_amp(tmp_path, upstreams)), controls
        for control in controls.values():
            await hang_up_all(control)


# ---- fifty actions at once


@attrs.frozen(kw_only=True)
class Ask:
    """One action of the fifty; ``holds`` is what its answer and no other answer to this client holds."""

    name: str
    holds: bytes
    headers: tuple[Header, ...] = ()
    action_id: bytes | None
    server: str

    def encoded(self) -> bytes:
        own: list[Header] = [("ActionID", self.action_id)] if self.action_id is not None else []
        return encoded(("Action", self.name), *own, *self.headers, ("Server", self.server))

    @property
    def echoed(self) -> bytes | None:
        """The ActionID as Asterisk gives it back: without leading blanks, and empty counts as none."""
        return (self.action_id or b"").lstrip(b" \t") or None

    def fits(self, answer: Message) -> bool:
        """True if this could be the answer, from what it holds."""
        return (
            self.holds in answer.raw
            and answer.get("ActionID") == self.echoed
            and answer.get("Server") == self.server.encode()
        )


def asks_of(n: int) -> list[Ask]:
    """Client n's five actions, on both servers, with ActionIDs equal to others', odd, empty and absent."""
    here, there = ("plain", "dressed") if n % 2 else ("dressed", "plain")
    odd = None if n % 3 == 0 else b"caf\xe9: {%d} %%s \\r\\n" % n
    empty = b"" if n % 2 else b"same-everywhere"
    call = (*originate_headers(leg="instant", talk_s=1), ("Async", "true"))
    command = (("Command", f"dialplan show marker-{n}"),)
    return [
        Ask(name="Ping", holds=b"Ping: Pong", action_id=b"same-everywhere", server=here),
        Ask(name="CoreShowChannels", holds=b"EventList: start", action_id=b"list-%d" % n, server=there),
        Ask(name="Command", holds=b"'marker-%d'" % n, headers=command, action_id=odd, server=here),
        Ask(name="Originate", holds=b"queued", headers=call, action_id=b"  call-%d" % n, server=there),
        Ask(name="NoSuchAction", holds=b"unknown command: NoSuch", action_id=empty, server=here),
    ]


@pytest.mark.parametrize("sessions", ["split", "single"])
async def test_fifty_actions_at_once_are_answered_to_who_asked(
    sessions: str, asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """Ten clients, five actions each in one segment: five answers each, with the ActionIDs as sent."""
    async with amp_and_controls(asterisks, tmp_path, sessions) as (amp, _), AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(amp.client()) for _ in range(CLIENTS)]
        starts = [len(client.messages) for client in clients]
        async with trio.open_nursery() as nursery:
            for number, client in enumerate(clients):
                nursery.start_soon(client.send, b"".join(ask.encoded() for ask in asks_of(number)))
        for number, client in enumerate(clients):
            await check_answers(client, starts[number], asks_of(number))
        for number, client in enumerate(clients):
            await check_originate_responses(client, starts[number], number)
        for client in clients:
            assert not [m.raw for m in client.messages if b"ActionID: amp" in m.raw]


async def check_answers(client: Client, start: int, asks: list[Ask]) -> None:
    """Each action is answered once, nothing else is, and the list ends."""

    def got() -> list[Message]:
        return [message for message in client.messages[start:] if message.is_response()]

    await client.wait_for(lambda _: len(got()) >= len(asks), start=start)
    assert len(got()) == len(asks), [message.raw for message in got()]
    for ask in asks:
        assert sum(map(ask.fits, got())) == 1, (ask, [message.raw for message in got()])
    wanted = asks[1].action_id
    await client.wait_for(lambda m: m.get("EventList") == b"Complete" and m.get("ActionID") == wanted)


async def check_originate_responses(client: Client, start: int, number: int) -> None:
    """All ten calls' OriginateResponses reach everybody; only one's own carries an ActionID."""

    def got() -> list[Message]:
        return [m for m in client.messages[start:] if m.is_event("OriginateResponse")]

    await client.wait_for(lambda _: len(got()) >= CLIENTS, start=start)
    ids = Counter(message.get("ActionID") for message in got())
    assert ids == Counter({None: CLIENTS - 1, f"call-{number}".encode(): 1})


# ---- nobody waits for another's slow action


async def ping_on(client: Client, server: str, trips: list[float]) -> None:
    """Ping the server through amp for ever; keeps how long each took, in seconds."""
    while True:
        begun = trio.current_time()
        assert (await client.ask("Ping", ("Server", server))).is_response("Success")
        trips.append(trio.current_time() - begun)
        await trio.sleep(0.02)


RING_S = 5


@pytest.mark.parametrize("sessions", ["split", "single"])
async def test_a_synchronous_originate_delays_nobody(
    sessions: str, asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """While one client's call rings for five seconds, the others' events and pings go on.

    With ``single`` the server itself holds everything back, so only the figure is printed.
    """
    plain = {"plain": asterisks["plain"]}
    async with (
        amp_and_controls(plain, tmp_path, sessions) as (amp, controls),
        amp.client(events="off") as caller,
        amp.client() as listener,
        amp.client(events="off") as pinger,
        event_stream(controls["plain"], 50),
        trio.open_nursery() as nursery,
    ):
        trips: list[float] = []
        nursery.start_soon(ping_on, pinger, "plain", trips)
        await listener.wait_for(lambda m: m.is_event("UserEvent"))
        begun = trio.current_time()
        answer = await caller.ask("Originate", *originate_headers(leg="late", ring_s=RING_S))
        ended = trio.current_time()
        assert answer.get("Message") == b"Originate failed"
        assert ended - begun > RING_S - 1
        await trio.sleep(0.2)
        nursery.cancel_scope.cancel()
        ticks = [m.at for m in listener.messages if m.is_event("UserEvent")]
        pause = longest_pause(ticks, begin=begun, end=ended + 0.2)
        print(f"{sessions}: longest pause of a listener {pause:.3f} s, of a ping {max(trips):.3f} s")
        if sessions == "split":
            assert max(pause, *trips) < RING_S / 2


async def test_wait_event_without_timeout_blocks_nobody(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """On an idle server a WaitEvent waits, but neither other clients nor the server's links do."""
    plain = {"plain": asterisks["plain"]}
    async with (
        amp_and_controls(plain, tmp_path) as (amp, controls),
        amp.client() as waiter,
        amp.client(events="off") as other,
    ):
        await waiter.send_action("WaitEvent", ("ActionID", "w1"))
        for _ in range(20):
            assert (await other.ask("Ping", ("Server", "plain"))).is_response("Success")
            assert (await other.ask("Ping")).is_response("Success")
        assert not any(map(partial(answers, b"w1"), waiter.messages))
        await controls["plain"].send_action("UserEvent", ("UserEvent", "AmpWake"))
        await waiter.wait_for(partial(answers, b"w1"))
        await waiter.wait_for(lambda m: m.is_event("UserEvent") and m.get("UserEvent") == b"AmpWake")


# ---- lists in the middle of a stream of events


LOAD_S = 8
STANDING = 15
"""Calls that stay up meanwhile, of three channels each."""


async def short_calls(control: Client, per_second: float) -> None:
    """Calls that last a second, for ever: channels come and go while lists are made."""
    headers = originate_headers(leg="instant", exten="none", talk_s=1)
    while True:
        await control.send_action("Originate", *headers, ("Async", "true"))
        await trio.sleep(1 / per_second)


async def ask_lists(client: Client, until: float) -> None:
    while trio.current_time() < until:
        await client.ask_list("CoreShowChannels", ("Server", "plain"))
        await trio.sleep(0.02)


def check_lists(client: Client) -> tuple[int, int]:
    """Every list is contiguous and shows no channel that is gone; lists and items that there were."""
    gone: set[bytes | None] = set()
    current: bytes | None = None
    lists = items = 0
    for message in client.messages:
        if message.is_event("Hangup"):
            gone.add(message.get("Uniqueid"))
        if message.get("EventList") == b"start":
            current, lists = message.get("ActionID"), lists + 1
        elif current is not None:
            assert message.get("ActionID") == current, f"inside a list: {message.raw!r}"
            if message.get("EventList") == b"Complete":
                assert message.get("ListItems") is not None
                current = None
            else:
                assert message.is_event("CoreShowChannel"), message.raw
                assert message.get("Uniqueid") not in gone, f"after its Hangup: {message.raw!r}"
                items += 1
    assert current is None
    return lists, items


async def test_lists_under_load_are_contiguous_and_show_no_ghosts(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """Lists asked by five clients while 200 events a second come and channels end all the time."""
    plain = {"plain": asterisks["plain"]}
    async with amp_and_controls(plain, tmp_path) as (amp, controls), AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(amp.client()) for _ in range(5)]
        caller = await stack.enter_async_context(signed_in(asterisks["plain"].ports.ami, events="off"))
        for _ in range(STANDING):
            await caller.send_action("Originate", *originate_headers("hold", "hold"), ("Async", "true"))
        async with event_stream(controls["plain"], 220), trio.open_nursery() as load:
            load.start_soon(short_calls, caller, 8)
            await clients[0].wait_for(lambda m: m.is_event("Hangup"))
            begun, first = trio.current_time(), len(clients[0].messages)
            async with trio.open_nursery() as nursery:
                for client in clients:
                    nursery.start_soon(ask_lists, client, begun + LOAD_S)
            spent = trio.current_time() - begun
            load.cancel_scope.cancel()
        events = [m for m in clients[0].messages[first:] if m.get("Privilege") is not None]
        counts = [check_lists(client) for client in clients]
        rate = len(events) / spent
        print(f"{sum(n for n, _ in counts)} lists, {sum(n for _, n in counts)} items, {rate:.0f} events/s")
        assert rate > 200

"""Servers that come and go while amp runs: AddServer, DropServer, and everybody who is concerned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from amp.config.schema import Listen, Proxy, User
from amp.config.secret import Secret
from amp.core.ami.frame import Frame
from amp.sim.asterisk import SimAsterisk
from shell.harness import PATIENCE_S, AmiClient, Lab, lab

BOSS = User(name="boss", secret=Secret("s"), read=("all",), write=("all", "admin"))
PLAIN = User(name="plain", secret=Secret("s"), read=("all",), write=("all",))
FOR_B = User(name="bea", secret=Secret("s"), read=("all",), write=("all", "admin"), server="b")
FOR_B_STAYS = User(
    name="ben", secret=Secret("s"), read=("all",), write=("all",), server="b", on_server_loss="event"
)
USERS = (BOSS, PLAIN, FOR_B, FOR_B_STAYS)


async def ask(client: AmiClient, name: str, *headers: tuple[str, str]) -> Frame:
    """A ProxyAction and its answer."""
    await client.send(("ProxyAction", name), ("ActionID", "ask"), *headers)
    return await client.until(lambda frame: frame.headers[0][0] == b"ProxyResponse")


def said(frame: Frame) -> tuple[bytes, bytes | None]:
    """What the answer is, and its message."""
    return frame.name, frame.get(b"Message")


async def sessions_left(sim: SimAsterisk, count: int) -> None:
    """Wait until no more than these are connected."""
    with trio.fail_after(PATIENCE_S):
        while True:
            if len(sim.sessions) <= count:
                return
            await trio.sleep(0.01)


async def until_usable(client: AmiClient, server: str) -> None:
    """Wait until the server answers."""
    with trio.fail_after(PATIENCE_S):
        while True:
            await client.action("CoreStatus", ("Server", server), ("ActionID", "usable"))
            if (await client.answer("usable")).name == b"Success":
                return
            await trio.sleep(0.02)


@asynccontextmanager
async def another(one: Lab, name: str) -> AsyncIterator[tuple[SimAsterisk, tuple[tuple[str, str], ...]]]:
    """One more Asterisk that amp does not know, and the headers that add it."""
    sim = SimAsterisk(name=name, seed=9, write_timeout_s=PATIENCE_S)
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sim.serve, "127.0.0.1", 0))
        settings = {"Host": "127.0.0.1", "Port": str(port), "Username": "amp", "Secret": "secret"}
        more = {"Events": "on", "ReconnectFirst": "100ms", "ReconnectMax": "200ms"}
        yield sim, (("Server", name), *settings.items(), *more.items())
        nursery.cancel_scope.cancel()


async def test_a_server_is_added_used_and_dropped() -> None:
    """Everybody is told; events and actions reach it like any other; then its name is nobody's."""
    async with lab("a", users=USERS) as one, another(one, "b") as (sim, headers):
        boss, witness = await one.client("boss", "s"), await one.client("plain", "s")
        assert said(await ask(boss, "AddServer", *headers)) == (b"Success", b"Added b")
        up = await witness.event("ServerUp")
        assert up.get(b"Server") == b"b"
        sim.user_event("Hello")
        assert (await witness.event("UserEvent")).get(b"Server") == b"b"
        await witness.action("CoreStatus", ("Server", "b"), ("ActionID", "1"))
        assert (await witness.answer("1")).headers[-1] == (b"Server", b"b")
        listed = await ask(boss, "ListServers")
        assert any(b"H: b U: amp" in value for _, value in listed.headers)
        assert said(await ask(boss, "DropServer", ("Server", "b"))) == (b"Success", b"Dropped b")
        down = await witness.event("ServerDown")
        assert (down.get(b"Reason"), down.get(b"Epoch")) == (b"dropped", up.get(b"Epoch"))
        await witness.action("CoreStatus", ("Server", "b"), ("ActionID", "2"))
        assert (await witness.answer("2")).get(b"Message") == b"Not sent: unknown server b"
        assert not any(b"H: b" in value for _, value in (await ask(boss, "ListServers")).headers)
        await sessions_left(sim, 0)
        await one.logged("added_server", name="b", user="boss")
        await one.logged("dropped_server", name="b", user="boss")


async def test_one_of_that_name_is_another_one() -> None:
    """Its events are numbered from the beginning, under another epoch."""
    async with lab("a", users=USERS) as one, another(one, "b") as (_, headers):
        boss = await one.client("boss", "s")
        epochs = set()
        for _ in range(3):
            assert (await ask(boss, "AddServer", *headers)).name == b"Success"
            epochs.add((await boss.event("ServerUp")).get(b"Epoch"))
            assert (await ask(boss, "DropServer", ("Server", "b"))).name == b"Success"
        assert len(epochs) == 3
        await one.client("boss", "s")
        assert not [line for line in one.lines if line["log_level"] == "error" and "exc_info" in line]


async def test_actions_under_way_end_with_an_error() -> None:
    """Once, and the client's other events are no longer held for them."""
    async with lab("a", "b", users=USERS) as one:
        boss, witness = await one.client("boss", "s"), await one.client("plain", "s")
        one.sims["b"].faults.mute = True
        await witness.action("CoreStatus", ("Server", "b"), ("ActionID", "1"))
        await witness.action("Ping", ("Server", "a"), ("ActionID", "2"))
        await witness.answer("2")
        await ask(boss, "DropServer", ("Server", "b"))
        error = await witness.answer("1")
        assert error.get(b"Message") == b"Outcome unknown: server b was dropped"
        one.sims["a"].user_event("Still")
        await witness.event("UserEvent")


async def test_bound_clients_leave_with_it() -> None:
    """And come back with one of that name; who stays is told that it is unknown."""
    listen = (Listen(port=0), Listen(port=0, server="b"))
    async with lab("a", users=USERS, listen=listen) as one, another(one, "b") as (_, headers):
        boss = await one.client("boss", "s")
        await ask(boss, "AddServer", *headers)
        await boss.event("ServerUp")
        leaves, stays = await one.client("bea", "s"), await one.client("ben", "s")
        there = await one.connect(1)
        assert (await there.login("plain", "s")).name == b"Success"
        await ask(boss, "DropServer", ("Server", "b"))
        await leaves.rest()
        await there.rest()
        await stays.event("ServerDown")
        await stays.action("CoreStatus", ("ActionID", "1"))
        assert (await stays.answer("1")).get(b"Message") == b"Not sent: unknown server b"
        late, elsewhere = await one.connect(), await one.connect(1)
        await late.login("bea", "s")
        await late.rest()
        assert await elsewhere.rest() == b""
        await ask(boss, "AddServer", *headers)
        await stays.event("ServerUp")
        await stays.action("CoreStatus", ("ActionID", "2"))
        assert (await stays.answer("2")).get(b"Server") == b"b"
        assert (await (await one.connect(1)).login("plain", "s")).name == b"Success"


@pytest.mark.parametrize("default", ["first", "a"])
async def test_the_default_server_may_go(default: str) -> None:
    """``first`` is the next one then; a named one is missed until it is back."""
    async with lab("a", "b", users=USERS, proxy=Proxy(name="lab", default_server=default)) as one:
        boss = await one.client("boss", "s")
        await ask(boss, "DropServer", ("Server", "a"))
        await boss.action("CoreStatus", ("ActionID", "1"))
        answer = await boss.answer("1")
        if default == "first":
            assert answer.get(b"Server") == b"b"
        else:
            assert answer.get(b"Message") == b"Not sent: unknown server a"
            async with another(one, "a") as (_, headers):
                await ask(boss, "AddServer", *headers)
                await boss.event("ServerUp")
                await boss.action("CoreStatus", ("ActionID", "2"))
                assert (await boss.answer("2")).get(b"Server") == b"a"


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ((), b": Server: missing; Username: missing; Secret: missing; Host: missing"),
        ((("Server", "a"), ("Host", "h")), b"a: Server: the same name as server a"),
        ((("Server", "A"), ("Host", "h")), b"A: Server: the same name as server a, but for upper"),
        ((("Server", "127.0.0.1"),), b"127.0.0.1: Server: it is the host of server a"),
        ((("Server", "x"), ("Host", "a")), b"x: Host: it is the name of server a"),
        ((("Server", "x"), ("Host", "h:5038")), b"x: Host: expected a host without a port"),
        ((("Server", "x"), ("Host", "h,")), b"x: Host[1]: expected a host name"),
        ((("Server", "a,b"),), b"a,b: Server: expected a server's name without"),
        ((("Server", "x"), ("Port", "http")), b"x: Port: expected a whole number from 1 to 65535"),
        ((("Server", "x"), ("Keepalive", "15")), b"x: Keepalive: expected a duration"),
        ((("Server", "x"), ("TLS", "verify"), ("CA", "no.pem")), b"x: CA: cannot read: No such file"),
        ((("Server", "x"), ("TSL", "verify")), b"x: TSL: unknown header"),
        ((("Server", "x"), ("Save", "true")), b"x: Save: amp was started without a configuration file"),
    ],
)
async def test_what_cannot_be_added_is_told_and_changes_nothing(
    headers: tuple[tuple[str, str], ...], problem: bytes
) -> None:
    account = (("Username", "amp"), ("Secret", "hunter2")) if headers else ()
    async with lab("a", users=USERS) as one:
        boss = await one.client("boss", "s")
        answer = await ask(boss, "AddServer", *headers, *account)
        assert answer.name == b"Failure"
        assert (answer.get(b"Message") or b"").startswith(b"Could not add " + problem)
        assert len((await ask(boss, "ListServers")).headers) == 4
        assert "hunter2" not in repr(one.lines)


async def test_who_may_not_changes_nothing() -> None:
    """The right ``all`` is not ``admin``; who is bound learns of no other server and adds none."""
    async with lab("a", "b", users=USERS) as one:
        plain, bound = await one.client("plain", "s"), await one.client("bea", "s")
        for name in ("AddServer", "DropServer"):
            assert said(await ask(plain, name, ("Server", "b"))) == (b"Error", b"Permission denied")
        assert said(await ask(bound, "DropServer", ("Server", "a"))) == (
            b"Failure",
            b"Cannot Drop Server a, Does Not Exist",
        )
        assert said(await ask(bound, "AddServer", ("Server", "a"))) == (
            b"Failure",
            b"Could not add a: a user bound to servers adds none",
        )


async def test_dropping_by_host() -> None:
    """As astmanproxy does; a host of several servers is no one's."""
    async with lab("a", "b", users=USERS) as one:
        boss, witness = await one.client("boss", "s"), await one.client("plain", "s")
        several = await ask(boss, "DropServer", ("Server", "127.0.0.1"))
        assert said(several)[1] == (
            b"Cannot Drop Server 127.0.0.1, the host is that of several servers: a, b"
        )
        await ask(boss, "DropServer", ("Server", "b"))
        assert said(await ask(boss, "DropServer", ("Server", "127.0.0.1"))) == (
            b"Success",
            b"Dropped 127.0.0.1",
        )
        assert (await witness.event("ServerDown")).get(b"Server") == b"b"
        assert (await witness.event("ServerDown")).get(b"Server") == b"a"


async def test_answers_without_an_action_id_come_in_order() -> None:
    """Nothing behind it is acted on before."""
    async with lab("a", users=USERS) as one:
        boss = await one.client("boss", "s", events="off")
        drop = b"ProxyAction: DropServer\r\nServer: a\r\n\r\n"
        await boss.stream.send_all(b"Action: CoreStatus\r\n\r\n" + drop + b"Action: CoreStatus\r\n\r\n")
        answers = [await boss.frame() for _ in range(3)]
        assert [answer.get(b"Message") for answer in answers] == [
            b"Outcome unknown: server a was dropped",
            b"Dropped a",
            b"Not sent: no server is configured",
        ]


async def test_dropped_while_its_links_are_opening() -> None:
    """At any moment between the first packet and the login; the next of that name gets in all the same."""
    async with lab("a", users=USERS) as one, another(one, "b") as (sim, headers):
        boss = await one.client("boss", "s")
        for turns in range(60):
            await ask(boss, "AddServer", *headers)
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            await ask(boss, "DropServer", ("Server", "b"))
        await ask(boss, "AddServer", *headers, ("MaxSessions", "2"))
        await until_usable(boss, "b")
        assert not [line for line in one.lines if line["event"] in ("link_failed", "client_failed")]
        sim.user_event("Seen")
        assert (await boss.event("UserEvent")).get(b"Server") == b"b"
        await sessions_left(sim, 2)

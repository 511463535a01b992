"""``GET /api/v1/events`` over real sockets: events, gaps, resuming, and how a stream ends."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from typing import Any

import attrs
import orjson
import pytest
import trio

from amp.config.schema import Limits, Listen, User
from amp.config.secret import Secret
from amp.shell.client import Client
from amp.shell.http import event_streams
from browsers import browser_page
from shell.browsing import Browser, basic
from shell.harness import ANNA, PATIENCE_S, Lab, lab
from shell.streaming import Block, EventStream, streaming
from shell.test_slow_clients import flood

ALL = Listen(port=0, protocols=("ami", "http"))
RITA = User(name="rita", secret=Secret("rita's"), read=("user",), write=())
PINNED = attrs.evolve(ANNA, name="pinned", secret=Secret("pinned's"), server="b")
CONFIG = (ANNA, RITA, PINNED)


def tell(one: Lab, server: str, name: str, **headers: str) -> None:
    """Have a server tell a UserEvent."""
    one.sims[server].user_event(name, *headers.items())


def streams(one: Lab) -> list[Client]:
    board = one.app._board
    assert board is not None
    return [client for client in board.clients.values() if client.protocol == "sse"]


async def user_event(stream: EventStream) -> Block:
    """The next UserEvent."""
    while True:
        block = await stream.block()
        assert block is not None
        if block.kind != "message" or block.data["event"] == "UserEvent":
            return block


async def test_events_carry_where_their_reader_stands() -> None:
    async with lab("a", "b", listen=(ALL,)) as one, streaming(one, events="User*") as stream:
        assert stream.head.startswith("HTTP/1.1 200 OK\r\n")
        assert "Content-Type: text/event-stream" in stream.head
        begun = one.app.hub.positions()
        tell(one, "a", "One", Key='é"<b>')
        first = await user_event(stream)
        tell(one, "b", "Two")
        second = await user_event(stream)
        assert (first.kind, first.data["server"], first.data["headers"]["Key"]) == ("message", "a", 'é"<b>')
        stood = orjson.loads(first.last_id)
        assert stood["a"] == {"epoch": first.data["epoch"], "seq": first.data["seq"]}
        assert stood["b"]["seq"] == begun[b"b"].seq
        now = orjson.loads(second.last_id)
        assert (now["a"], now["b"]["seq"]) == (stood["a"], second.data["seq"])
        page = await (await Browser.open(one)).get("/api/v1/sessions", basic())
        sessions = [session for session in orjson.loads(page.body) if session["protocol"] == "sse"]
        assert [(session["user"], session["events"]) for session in sessions] == [("anna", 2)]


async def test_each_of_many_readers_has_its_own_place() -> None:
    async with lab("a", "b", listen=(ALL,)) as one, AsyncExitStack() as stack:
        streams = []
        for number in range(6):
            streams.append(await stack.enter_async_context(streaming(one, events="UserEvent")))
            await first_id(streams[-1])
            tell(one, "b", f"Before{number}")
        for stream in streams:
            while (await user_event(stream)).data["headers"]["UserEvent"] != "Before5":
                pass
        tell(one, "a", "All")
        blocks = [await user_event(stream) for stream in streams]
        assert {block.data["headers"]["UserEvent"] for block in blocks} == {"All"}
        assert {block.last_id for block in blocks} == {blocks[0].last_id}
        assert orjson.loads(blocks[0].last_id).keys() == {"a", "b"}


async def test_rights_pins_and_conditions_decide_what_is_seen() -> None:
    async with (
        lab("a", "b", users=CONFIG, listen=(ALL,)) as one,
        streaming(one, user="rita", where="Key:x*") as rita,
        streaming(one, user="pinned", events="UserEvent") as pinned,
    ):
        assert orjson.loads(await first_id(pinned))  # its own server alone
        for server, key in [("a", "y"), ("a", "x1"), ("b", "x2")]:
            tell(one, server, "E", Key=key)
        assert {(await user_event(rita)).data["headers"]["Key"] for _ in range(2)} == {"x1", "x2"}
        seen = await user_event(pinned)
        assert (seen.data["server"], list(orjson.loads(seen.last_id))) == ("b", ["b"])


async def first_id(stream: EventStream) -> str:
    """The place that a stream begins with; it is no event."""
    with trio.fail_after(PATIENCE_S):
        while not stream.last_id:
            with trio.move_on_after(0.05):
                await stream.block()
    return stream.last_id


@pytest.mark.parametrize("seed", range(3))
async def test_who_comes_again_gets_the_rest_once_and_in_order(seed: int) -> None:
    """Cut wherever it may be, between any two bytes; two servers, each event in one stream only."""
    chance = random.Random(seed)
    async with lab("a", "b", listen=(ALL,)) as one, trio.open_nursery() as nursery:
        seen: dict[str, list[int]] = {"a": [], "b": []}
        last_id = ""
        async with streaming(one, events="UserEvent") as stream:
            last_id = await first_id(stream)

        async def talk() -> None:
            for number in range(400):
                tell(one, chance.choice("ab"), f"E{number}", Pad="x" * chance.randrange(400))
                await trio.sleep(0.0005)

        nursery.start_soon(talk)
        while sum(map(len, seen.values())) < 400:
            async with streaming(one, events="UserEvent", last_id=last_id) as stream:
                for _ in range(chance.randrange(1, 60)):
                    if sum(map(len, seen.values())) == 400:
                        break
                    block = await user_event(stream)
                    assert block.kind == "message"
                    seen[block.data["server"]].append(int(block.data["headers"]["UserEvent"][1:]))
                    last_id = stream.last_id
        assert all(numbers == sorted(set(numbers)) for numbers in seen.values())
        assert sorted(seen["a"] + seen["b"]) == list(range(400))


async def test_another_run_of_amp_and_an_unknown_server_are_gaps() -> None:
    async with lab("a", listen=(ALL,)) as one:
        old = orjson.dumps({"a": {"epoch": "0ld", "seq": 5}, "gone": {"epoch": "x", "seq": 1}}).decode()
        async with streaming(one, last_id=old) as stream:
            gaps: list[Any] = []
            while len(gaps) < 2:
                block = await stream.block()
                assert block is not None
                if block.kind == "gap":
                    gaps.append((block.data["server"], block.data["reason"]))
            assert sorted(gaps) == [("a", "new epoch"), ("gone", "unknown server")]
            tell(one, "a", "One")
            assert orjson.loads((await user_event(stream)).last_id).keys() == {"a"}


async def test_of_a_server_that_came_meanwhile_everything_is_told() -> None:
    async with lab("a", "b", listen=(ALL,)) as one:
        tell(one, "b", "First")
        async with streaming(one, events="UserEvent") as stream:
            place = orjson.loads(await first_id(stream))
        del place["b"]
        async with streaming(one, events="UserEvent", since=orjson.dumps(place).decode()) as stream:
            assert (await user_event(stream)).data["headers"]["UserEvent"] == "First"


async def test_a_slow_reader_is_told_of_what_it_missed() -> None:
    limits = Limits(outlet_bytes=1_000_000, drain_timeout_s=60)
    async with lab("a", limits=limits, listen=(ALL,)) as one:
        watching = await one.client()
        async with streaming(one) as stream:
            place = orjson.loads(await first_id(stream))["a"]
            await flood(one, watching, lambda: one.app.hub.resumes.dropped > 0)
            seq, lost = place["seq"], 0
            while seq < one.app.hub.journal(b"a").head:
                block = await stream.block()
                assert block is not None
                if block.kind == "gap":
                    assert (block.data["from"], block.data["reason"]) == (seq + 1, "slow client")
                    lost += block.data["to"] - seq
                    seq = block.data["to"]
                else:
                    assert block.data["seq"] == seq + 1
                    seq += 1
                    assert orjson.loads(block.last_id)["a"]["seq"] == seq
            assert lost == one.app.hub.resumes.dropped > 0


async def test_signs_of_life_move_the_place_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also past events that the reader does not ask for."""
    monkeypatch.setattr(event_streams, "HEARTBEAT_S", 0.05)
    async with lab("a", listen=(ALL,)) as one, streaming(one, events="Nothing") as stream:
        begun = orjson.loads(await first_id(stream))["a"]["seq"]
        tell(one, "a", "Unasked")
        with trio.fail_after(PATIENCE_S):
            while orjson.loads(stream.last_id)["a"]["seq"] == begun:
                with trio.move_on_after(0.05):
                    await stream.block()
        assert stream.comments > 1


async def test_who_may_not_or_asks_for_nonsense_is_told_so() -> None:
    async with lab("a", users=CONFIG, listen=(ALL,)) as one:
        made_up = orjson.dumps({"a": {"epoch": one.app.hub.positions()[b"a"].epoch.decode(), "seq": 1 << 40}})
        for headers, path, status, words in [
            ((), "", 401, "a login is required"),
            ((basic("anna", "wrong"),), "", 401, "wrong name"),
            ((basic(),), "?server=a", 400, "server: unknown field"),
            (
                (basic(), ("Last-Event-ID", made_up.decode())),
                "",
                400,
                "since: expected a position",
            ),
        ]:
            browser = await Browser.open(one)
            page = await browser.get("/api/v1/events" + path, *headers)
            assert page.status == status
            assert words in orjson.loads(page.body)["error"]["message"]
        browser = await Browser.open(one)
        page = await browser.get("/api/v1/events", basic(), method="HEAD")
        assert "content-length" not in page.headers
        assert (page.status, page.headers["content-type"]) == (200, "text/event-stream")
        assert (await browser.get("/api/v1/events", basic(), method="POST")).status == 405


async def test_too_many_connections_of_a_user() -> None:
    limits = Limits(connections_per_user=1)
    async with lab("a", limits=limits, listen=(ALL,)) as one, streaming(one) as stream:
        await first_id(stream)
        page = await (await Browser.open(one)).get("/api/v1/events", basic())
        assert page.status == 429


async def test_who_talks_on_behind_the_request_is_cut() -> None:
    async with lab("a", listen=(ALL,)) as one, streaming(one) as stream:
        await stream.browser.raw(b"x" * 100_000)
        line = await one.logged("client_done", protocol="sse")
        assert line["reason"] == "sent more than 65536 bytes behind its request"


async def test_http_1_0_gets_the_same_bytes() -> None:
    async with lab("a", listen=(ALL,)) as one:
        browser = await Browser.open(one)
        name, value = basic()
        await browser.raw(f"GET /api/v1/events HTTP/1.0\r\n{name}: {value}\r\n\r\n".encode())
        stream = EventStream(browser)
        await stream.begin()
        await first_id(stream)
        tell(one, "a", "One")
        assert (await user_event(stream)).data["headers"]["UserEvent"] == "One"
        await trio.aclose_forcefully(browser.stream)
        line = await one.logged("client_done", protocol="sse")
        assert line["events"] >= 1


async def test_a_stream_says_why_it_ends() -> None:
    async with lab("a", listen=(ALL,)) as one, streaming(one, events="UserEvent") as stream:
        await first_id(stream)
        one.stop()
        block = await stream.block()
        assert block is not None
        assert (block.kind, block.data["type"]) == ("end", "end")
        assert "shutting down" in block.data["reason"]
        assert await stream.block() is None


def cookie_of(value: str) -> tuple[str, str]:
    return "Cookie", value.partition(";")[0]


async def test_a_logout_ends_the_streams_of_its_login() -> None:
    async with lab("a", listen=(ALL,)) as one:
        browser = await Browser.open(one)
        body = b'{"username":"anna","secret":"anna\'s"}'
        await browser.send("POST", "/api/v1/login", ("Content-Type", "application/json"), body=body)
        cookie = cookie_of((await browser.page("POST")).headers["set-cookie"])
        async with streaming(one, cookie, user="", events="UserEvent") as stream:
            await first_id(stream)
            await browser.send("POST", "/api/v1/logout", cookie)
            assert (await browser.page("POST")).status == 204
            block = await stream.block()
            assert block is not None
            assert (block.kind, block.data["reason"]) == ("end", "logged off: session over")


SCRIPT = """async () => {
    await fetch('/api/v1/login', {method: 'POST', headers: {'Content-Type': 'application/json'},
        body: JSON.stringify({username: 'anna', secret: "anna's"})});
    window.seen = [];
    window.opened = 0;
    window.source = new EventSource('/api/v1/events?events=UserEvent');
    source.onopen = () => { opened += 1; };
    source.onmessage = (event) => { seen.push(JSON.parse(event.data).headers.UserEvent); };
    source.addEventListener('gap', (event) => { seen.push('gap'); });
}"""


async def test_a_browser_comes_again_by_itself_and_misses_nothing() -> None:
    """EventSource in a real Chromium: cut off twice, once before it ever got an event."""
    listen = Listen(port=0, protocols=("http",))

    async with lab("a", listen=(listen,)) as one:
        token = trio.lowlevel.current_trio_token()

        def cut() -> None:
            for client in streams(one):
                client.cut("by the test")
                tell(one, "a", "Missed")

        def use() -> list[str]:
            with browser_page() as page:
                page.goto(f"http://127.0.0.1:{one.port}/manager")
                page.evaluate(SCRIPT)
                page.wait_for_function("opened === 1")
                trio.from_thread.run_sync(cut, trio_token=token)
                page.wait_for_function("opened === 2 && seen.length === 1")
                trio.from_thread.run_sync(tell, one, "a", "Live", trio_token=token)
                page.wait_for_function("seen.length === 2")
                trio.from_thread.run_sync(cut, trio_token=token)
                page.wait_for_function("opened === 3 && seen.length === 3")
                return list(page.evaluate("seen"))

        assert await trio.to_thread.run_sync(use) == ["Missed", "Live", "Missed"]

"""Sniffer commands by HTTP: streamed, with the user's rights, and an answer that breaks off is seen to."""

from __future__ import annotations

import functools
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import h11
import orjson
import pytest
import trio

from amp.config.schema import Listen, User
from amp.config.secret import Secret
from amp.sim.sniffer.aes import Key
from amp.sim.sniffer.sniffer import SimSniffer
from shell.browsing import Browser, Page, basic
from shell.harness import ANNA, PATIENCE_S, Lab
from shell.sniffing import ADMIN, GUI, KEY, READER, sniffer_lab, take_slowly

HTTP = (Listen(port=0, protocols=("http",)),)
Get = Callable[..., Awaitable[Page]]
ELSEWHERE = User(name="ella", secret=Secret("ella's"), server="a")


@asynccontextmanager
async def browsing(
    sniffer: SimSniffer, user: User = READER, key: Key | None = None, **more: object
) -> AsyncIterator[tuple[Lab, Get]]:
    """amp in front of the sniffer, and a function that asks for a path of ``s2`` as that user."""
    users = (ANNA, READER, GUI, ADMIN, ELSEWHERE)
    async with sniffer_lab(sniffer, "a", users=users, listen=HTTP, key=key, **more) as one:  # type: ignore[arg-type]
        browser = await Browser.open(one)
        assert user.secret is not None
        who = basic(user.name, user.secret.reveal())
        yield one, functools.partial(_get, browser, who)


async def _get(
    browser: Browser, who: tuple[str, str], command: str, server: str = "s2", method: str = "GET"
) -> Page:
    return await browser.get(f"/api/v1/servers/{server}/commands/{command}", who, method=method)


def error_of(page: Page) -> tuple[int, str]:
    """Status and code of an API error."""
    assert page.headers["content-type"] == "application/json"
    return page.status, orjson.loads(page.body)["error"]["code"]


@pytest.mark.parametrize("key", [None, KEY])
async def test_a_reply_as_the_sniffer_gave_it_with_its_type(key: Key | None) -> None:
    sniffer = SimSniffer(key=key)
    for _ in range(3):
        sniffer.start_call()
    async with browsing(sniffer, key=key) as (one, get):
        version = await get("getversion")
        assert (version.status, version.text) == (200, "2026.04.0")
        assert version.headers["content-type"] == "text/plain; charset=utf-8"
        assert version.headers["x-content-type-options"] == "nosniff"
        calls = await get("listcalls?arguments=%7B%22limit%22%3A%222%22%7D")
        assert calls.headers["content-type"] == "application/json"
        assert b'"0x' not in calls.body
        line = await one.logged("sniffer_command", command='listcalls {"limit":"2"}')
        assert (line["user"], line["sniffer"], line["result"]) == ("rita", "s2", "done")
        assert line["bytes"] == len(calls.body)


async def test_who_has_the_preset_sees_references() -> None:
    sniffer = SimSniffer()
    sniffer.start_call()
    async with browsing(sniffer, GUI) as (_, get):
        assert b'"0x' in (await get("listcalls")).body


async def test_a_head_asks_the_sniffer_nothing() -> None:
    sniffer = SimSniffer()
    async with browsing(sniffer) as (_, get):
        page = await get("getversion", method="HEAD")
        assert (page.status, page.body) == (200, b"")
        assert "content-length" not in page.headers  # a GET's answer has none either, and is not empty
        assert not sniffer.asked


@pytest.mark.parametrize(
    ("user", "server", "command", "status", "code"),
    [
        (READER, "s9", "getversion", 404, "unknown_server"),
        (READER, "a", "getversion", 404, "unknown_server"),
        (READER, "s2", "getversions", 404, "unknown_command"),
        (READER, "s2", "getfile?arguments=x", 403, "not_permitted"),
        (ELSEWHERE, "s2", "getversion", 403, "not_permitted"),
        (GUI, "s2", "login_screen_popup?arguments=a+b", 400, "bad_request"),
        (GUI, "s2", "getfile", 400, "bad_request"),
        (GUI, "s2", "getfile?arguments=x%0d%0agetversion", 400, "bad_request"),
        (GUI, "s2", "getfile?arguments=x&arguments=y", 400, "bad_request"),
        (GUI, "s2", "getfile?argument=x", 400, "bad_request"),
        (GUI, "s2", "getfile?x", 400, "bad_request"),
        (ADMIN, "s2", "manager_file?arguments=stop", 405, "method_not_allowed"),
    ],
)
async def test_what_is_refused_never_reaches_the_sniffer(
    user: User, server: str, command: str, status: int, code: str
) -> None:
    sniffer = SimSniffer()
    async with browsing(sniffer, user) as (_, get):
        assert error_of(await get(command, server)) == (status, code)
        assert not sniffer.asked


async def test_who_is_nobody_gets_a_challenge() -> None:
    async with browsing(SimSniffer()) as (one, _):
        browser = await Browser.open(one)
        page = await browser.get("/api/v1/servers/s2/commands/getversion")
        assert error_of(page) == (401, "not_signed_in")
        assert page.headers["www-authenticate"].startswith("Basic")


async def test_long_arguments_are_posted_and_what_changes_the_sniffer_as_well() -> None:
    sniffer = SimSniffer()
    sniffer.spool.put("file", b"content")
    async with browsing(sniffer, GUI) as (one, _):
        browser = await Browser.open(one)
        target = "/api/v1/servers/s2/commands/getfile"
        page = await browser.post(target, {"arguments": "file"}, basic("gui", "gui's"))
        assert (page.status, page.body) == (200, b"content")
        target = "/api/v1/servers/s2/commands/manager_file"
        page = await browser.post(target, {"arguments": "stop"}, basic("root", "root's"))
        assert page.status == 200


async def test_a_sniffer_that_is_not_there_is_502_and_one_that_hangs_504() -> None:
    async with browsing(SimSniffer(), at=1) as (_, get):
        page = await get("getversion")
        assert error_of(page) == (502, "not_done")
        assert b"Not sent: getversion: Connection refused" in page.body
    sniffer = SimSniffer()
    sniffer.faults.hang()
    async with browsing(sniffer, answer_timeout_s=0.2) as (_, get):
        assert error_of(await get("getversion")) == (504, "timeout")


async def test_a_reply_that_breaks_off_breaks_the_connection() -> None:
    sniffer = SimSniffer()
    sniffer.spool.put_big("big", 1 << 20)
    sniffer.faults.cut_after, sniffer.faults.reset = 500_000, True
    async with browsing(sniffer, GUI) as (one, get):
        with pytest.raises((h11.RemoteProtocolError, trio.BrokenResourceError)):
            await get("getfile?arguments=big")
        line = await one.logged("sniffer_command", command="getfile ...")
        assert line["result"] != "done"


async def test_a_file_of_50_mb_passes_in_little_memory() -> None:
    sniffer = SimSniffer(key=KEY)
    size = 50 << 20
    sniffer.spool.put_big("big", size)
    async with browsing(sniffer, GUI, key=KEY) as (one, get):
        await get("getversion")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        received = 0
        with trio.fail_after(PATIENCE_S):
            async with await trio.open_tcp_stream("127.0.0.1", one.port) as stream:
                request = "GET /api/v1/servers/s2/commands/getfile?arguments=big HTTP/1.0"
                lines = (request, "Host: localhost", ": ".join(basic("gui", "gui's")), "", "")
                await stream.send_all("\r\n".join(lines).encode())
                await trio.sleep(0.3)
                while data := await stream.receive_some(1 << 16):
                    received += len(data)
        assert received > size
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10


async def test_a_client_that_takes_a_little_now_and_then_keeps_no_place() -> None:
    sniffer = SimSniffer()
    sniffer.spool.put_big("big", 200 << 20)
    sniffer.spool.put("a", b"content")
    async with (
        browsing(sniffer, GUI, exchanges=1, stall=1.0, slowest=1 << 30) as (one, get),
        trio.open_nursery() as nursery,
    ):
        trickler = await Browser.open(one)
        await trickler.send("GET", "/api/v1/servers/s2/commands/getfile?arguments=big", basic("gui", "gui's"))
        nursery.start_soon(take_slowly, trickler.stream)
        with trio.fail_after(PATIENCE_S):
            while not sniffer.open_now:  # noqa: ASYNC110 - the simulation has no event for it
                await trio.sleep(0.01)
        assert (await get("getfile?arguments=a")).body == b"content"
        line = await one.logged("http_done")
        assert line["reason"] == f"too slow: took fewer than {1 << 30} bytes a second of its reply"


async def test_a_client_that_leaves_ends_the_exchange() -> None:
    sniffer = SimSniffer()
    sniffer.spool.put_big("big", 50 << 20)
    async with browsing(sniffer, GUI) as (one, _):
        browser = await Browser.open(one)
        await browser.send("GET", "/api/v1/servers/s2/commands/getfile?arguments=big", basic("gui", "gui's"))
        with trio.fail_after(PATIENCE_S):
            while not sniffer.open_now:  # noqa: ASYNC110 - the simulation has no event for it
                await trio.sleep(0.01)
            browser.stream.socket.close()
            while sniffer.open_now:  # noqa: ASYNC110
                await trio.sleep(0.05)
        line = await one.logged("sniffer_command", command="getfile ...")
        assert line["result"] == "the client left"

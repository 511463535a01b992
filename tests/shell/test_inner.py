"""Clients inside the process, and routes of later work: what they can rely on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import pytest
import trio

from amp.config.schema import Limits, Listen
from amp.core.ami.frame import Frame
from amp.core.fanout.batch import Span
from amp.core.http.message import Request, Response
from amp.errors import LocalProtocolError
from amp.shell.http.site import Upgrade
from amp.shell.http.visitor import Visitor
from amp.shell.inner import Answer, End, InnerClient
from amp.shell.wire import Wire
from shell.browsing import Browser
from shell.harness import ANNA, PATIENCE_S, Lab, lab

HTTP = (Listen(port=0, protocols=("http",)),)
USERS = (attrs.evolve(ANNA, write=("all", "command", "fanout")),)


async def with_client(one: Lab, work: Callable[[InnerClient], Awaitable[None]], events: str = "off") -> None:
    """Do something with an inner client of anna's, as a route's handler gets one."""

    async def handle(request: Request, visitor: Visitor) -> Response:
        assert visitor.nursery is not None
        client = visitor.make_client(visitor.visit)
        await client.start(visitor.nursery)
        answer = await ask(client, "Login", ("Username", "anna"), ("Secret", "anna's"), ("Events", events))
        assert answer.frames[0].startswith(b"Response: Success")
        await work(client)
        client.close_soon("done")
        return Response(body=b"worked")

    one.app.site.routes.add("GET", "/test", handle)
    page = await (await Browser.open(one)).get("/test")
    assert page.body == b"worked", one.lines


async def ask(client: InnerClient, action: str, *headers: tuple[str, str]) -> Answer:
    with trio.fail_after(PATIENCE_S):
        return await client.perform(Frame.of(("Action", action), *headers))


async def test_several_actions_are_in_flight_at_once_and_none_gets_anothers_answer() -> None:
    async with lab("a", "b", listen=HTTP, users=USERS) as one:

        async def work(client: InnerClient) -> None:
            answers: dict[int, Answer] = {}

            async def one_of_many(n: int) -> None:
                server = "*" if n % 5 == 0 else "ab"[n % 2]
                own = (("ActionID", f"own-{n}"),) if n % 3 else ()
                answers[n] = await ask(client, "CoreShowChannels", ("Server", server), *own)

            async with trio.open_nursery() as nursery:
                for n in range(40):
                    nursery.start_soon(one_of_many, n)
            for n, answer in answers.items():
                assert answer.end is End.COMPLETE
                assert len(answer.frames) == (5 if n % 5 == 0 else 2)
                ids = {Frame.parse(raw).get(b"ActionID") for raw in answer.frames}
                assert ids == {f"own-{n}".encode() if n % 3 else None}

        await with_client(one, work)


async def test_every_kind_of_action_ends() -> None:
    async with lab("a", listen=HTTP, users=USERS) as one:

        async def work(client: InnerClient) -> None:
            for headers, first in [
                ((("Action", "Ping"),), b"Response: Success"),
                ((("Action", "Events"), ("EventMask", "off")), b"Response: Success"),
                ((("Action", "SnifferCommand"), ("Command", "listcalls")), b"Response: Error"),
                ((("ProxyAction", "ListSessions"),), b"ProxyResponse: Success"),
                ((("ProxyAction", "AddServer"), ("Server", "x")), b"ProxyResponse: Error"),
                ((("Action", "ModuleLoad"),), b"Response: Error\r\nMessage: Permission denied"),
                ((("Action", "WaitEvent"), ("Timeout", "0")), b"Response: Success"),
                ((("Action", ""),), b"Response: Error\r\nMessage: Missing action"),
                (
                    (("Action", "Getvar"), ("Variable", "x" * 1100)),
                    b"Response: Error\r\nMessage: Fail",
                ),
                ((("Action", "Logoff"),), b"Response: Goodbye"),
            ]:
                with trio.fail_after(PATIENCE_S):
                    answer = await client.perform(Frame.of(*headers))
                assert answer.end is End.COMPLETE
                assert answer.frames[0].startswith(first), answer
            assert (await ask(client, "Ping")).end is End.CLOSED

        await with_client(one, work)


async def test_bounds_and_bad_text() -> None:
    async with lab("a", listen=HTTP, users=USERS, limits=Limits(actions_per_client=2)) as one:

        async def work(client: InnerClient) -> None:
            with pytest.raises(LocalProtocolError):
                await ask(client, "Ping", ("X", "a\r\nAction: Logoff"))
            with pytest.raises(LocalProtocolError, match="ActionID"):
                await ask(client, "Ping", ("ActionID", "x" * 900))
            answer = await client.perform(Frame.of(("Action", "ListCommands")), most_bytes=100)
            assert answer == Answer((), End.TOO_LARGE)
            one.sims["a"].faults.stall()
            ends: list[End] = []

            async def hang() -> None:
                ends.append((await client.perform(Frame.of(("Action", "CoreStatus")), 0.3)).end)

            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(hang)
            assert sorted(end.value for end in ends) == ["busy", "timeout", "timeout"]
            one.sims["a"].faults.resume()

        await with_client(one, work)


async def test_who_is_closed_is_told_at_once() -> None:
    async with lab("a", listen=HTTP, users=USERS) as one:

        async def work(client: InnerClient) -> None:
            one.sims["a"].faults.stall()
            ends: list[Answer] = []

            async def wait() -> None:
                ends.append(await ask(client, "CoreStatus"))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await trio.testing.wait_all_tasks_blocked(0.02)
                client.log_off("for a test")
            assert ends == [Answer((), End.CLOSED)]
            one.sims["a"].faults.resume()

        await with_client(one, work)


async def test_events_come_as_the_view_shows_them() -> None:
    async with lab("a", listen=HTTP, users=USERS) as one:

        async def work(client: InnerClient) -> None:
            seen, came = [], trio.Event()

            def take(data: bytes, span: Span) -> None:
                assert span.server == b"a"
                seen.append(client.restored(data.removesuffix(b"\r\n\r\n")))
                if b"UserEvent: Mine" in data:
                    came.set()

            client.on_events = take
            await ask(client, "UserEvent", ("UserEvent", "Mine"), ("ActionID", "me"))
            with trio.fail_after(PATIENCE_S):
                await came.wait()
            assert b"ActionID: me\r\n" in seen[-1]

        await with_client(one, work, events="user")


async def test_streams_and_failing_handlers() -> None:
    async with lab("a", listen=HTTP) as one:

        async def pieces() -> AsyncIterator[bytes]:
            for n in range(3):
                yield b"%d" % n * 100_000

        async def stream(request: Request, visitor: Visitor) -> Response:
            return Response(body=pieces(), content_type=b"text/event-stream")

        async def broken(request: Request, visitor: Visitor) -> Response:
            raise RuntimeError("a bug")

        one.app.site.routes.add("GET", "/stream/{name}", stream)
        one.app.site.routes.add("GET", "/broken", broken)
        browser = await Browser.open(one)
        page = await browser.get("/stream/x")
        assert (len(page.body), page.headers["transfer-encoding"]) == (300_000, "chunked")
        assert (await browser.get("/stream/x", method="HEAD")).body == b""
        assert (await browser.get("/broken")).status == 500
        assert (await browser.get("/stream/x")).status == 200
        await one.logged("http_handler_failed")


async def test_another_protocol_takes_over_with_what_was_read_already() -> None:
    async with lab("a", listen=HTTP) as one:

        async def echo(wire: Wire) -> None:
            wire.write_now(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n")
            while data := await wire.receive():
                wire.write_now(data.upper())

        async def handle(request: Request, visitor: Visitor) -> Upgrade:
            return Upgrade(echo)

        one.app.site.routes.add("GET", "/echo", handle)
        browser = await Browser.open(one)
        head = "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        await browser.raw(head.encode() + b"early ")
        await browser.raw(b"late")
        assert isinstance(browser.stream, trio.SocketStream)
        await browser.stream.send_eof()
        heard = b""
        with trio.fail_after(PATIENCE_S):
            while data := await browser.stream.receive_some(1000):
                heard += data
        assert heard.startswith(b"HTTP/1.1 101 ")
        assert heard.endswith(b"\r\n\r\nEARLY LATE")
        await one.logged("http_done", reason="upgraded")

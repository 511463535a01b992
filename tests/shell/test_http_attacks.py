"""What must not work over HTTP: smuggling, floods, slow bytes, readers that do not read."""

from __future__ import annotations

import socket

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amp.config.schema import Limits, Listen
from shell.browsing import Browser, basic, query
from shell.harness import PATIENCE_S, lab

HTTP = (Listen(port=0, protocols=("http",)),)
HEAD = "Host: localhost\r\nAuthorization: " + basic()[1] + "\r\n"


async def raw_answer(data: bytes, limits: Limits | None = None) -> tuple[int, str, bool]:
    """Status and body of what is answered first, and whether the connection is closed behind it."""
    async with lab("a", listen=HTTP, limits=limits) as one:
        browser = await Browser.open(one)
        await browser.raw(data)
        page = await browser.page()
        closed = page.headers.get("connection") == "close" and await browser.is_closed()
        assert (await (await Browser.open(one)).get(query("Ping"), basic())).status == 200
        return page.status, page.text, closed


def post(headers: str, body: str = "") -> bytes:
    return f"POST / HTTP/1.1\r\n{HEAD}{headers}\r\n{body}".encode()


SMUGGLED = "GET /?Action=Logoff HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + SMUGGLED), 400),
        (post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + SMUGGLED), 400),
        (post("Content-Length: 0\r\nContent-Length: 44\r\n", SMUGGLED), 400),
        (post("Content-Length: 0, 44\r\n", SMUGGLED), 400),
        (post("Content-Length: -1\r\n"), 400),
        (post("Content-Length: +5\r\n", "a=b&c"), 400),
        (post("Content-Length: 0x5\r\n", "a=b&c"), 400),
        (post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"), 501),
        (post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400),
        (post("Transfer-Encoding: chunked\r\n", "zz\r\nAction=Ping\r\n0\r\n\r\n"), 400),
        (post("X: a\rY: b\r\n"), 400),
        (post("X: a\0b\r\n"), 400),
        (post("Host: other\r\n"), 400),
        (post(": x\r\n"), 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /?Action=Ping\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET /" + b"a" * 200_000, 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000, 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (post("Content-Length: 99999999\r\n"), 413),
        (post("Transfer-Encoding: chunked\r\n", "200000\r\n" + "a" * 0x200000 + "\r\n0\r\n\r\n"), 413),
        (b"\x16\x03\x01 garbage\r\n\r\n", 400),
    ],
)
async def test_what_is_no_clean_request_ends_the_connection(data: bytes, status: int) -> None:
    """So nothing behind it is ever taken for a request."""
    got, text, closed = await raw_answer(data)
    assert got == status, text
    assert closed or got == 400
    assert "Goodbye" not in text


async def test_folded_lines_are_joined_and_never_two_headers() -> None:
    status, _, _ = await raw_answer(
        f"GET {query('Ping')} HTTP/1.1\r\n{HEAD}X: a\r\n Host: evil\r\n\r\n".encode()
    )
    assert status == 200


async def test_a_slow_request_is_given_up() -> None:
    limits = Limits(http_request_timeout_s=0.3)
    status, text, closed = await raw_answer(b"GET / HTTP/1.1\r\nHost: loc", limits)
    assert (status, closed) == (408, True)
    assert "0.3 s" in text
    status, _, closed = await raw_answer(post("Content-Length: 100\r\n", "Action="), limits)
    assert (status, closed) == (408, True)


async def test_slow_bytes_do_not_extend_the_time() -> None:
    async with lab("a", listen=HTTP, limits=Limits(http_request_timeout_s=0.5)) as one:
        browser = await Browser.open(one)

        async def drip() -> None:
            try:
                while True:
                    await browser.raw(b"G")
                    await trio.sleep(0.02)
            except trio.BrokenResourceError:
                pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            await one.logged("http_done")
            nursery.cancel_scope.cancel()


async def test_an_idle_connection_is_closed() -> None:
    async with lab("a", listen=HTTP, limits=Limits(http_idle_timeout_s=0.5)) as one:
        browser = await Browser.open(one)
        assert await browser.is_closed()
        kept = await Browser.open(one)
        assert (await kept.get(query("Ping"), basic())).status == 200
        assert await kept.is_closed()


async def test_a_thousand_pipelined_requests_are_answered_in_order() -> None:
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        request = "GET /?Action=Ping&ActionID={} HTTP/1.1\r\n" + HEAD + "\r\n"

        async def send() -> None:
            await browser.raw("".join(request.format(n) for n in range(1000)).encode())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            for n in range(1000):
                assert f"ActionID: {n}\r\n" in (await browser.page()).text


async def test_blank_lines_before_a_request_mean_nothing() -> None:
    """RFC 9112 §2.2; some clients put one behind a form. Sent with the request before, or by itself."""
    form = f"POST / HTTP/1.1\r\n{HEAD}Content-Length: 11\r\n\r\nAction=Ping\r\n"
    async with lab("a", listen=HTTP, limits=Limits(http_idle_timeout_s=0.5)) as one:
        browser = await Browser.open(one)
        await browser.raw(f"\r\n\r\n{form}\r\n{form}".encode())
        assert [(await browser.page()).status for _ in range(2)] == [200, 200]
        await browser.raw(f"\r\n{form}".encode())
        assert (await browser.page()).status == 200
        assert await browser.is_closed(), "silence behind it is no request that came too slowly"
        await one.logged("http_done", reason="idle")


async def test_a_connection_has_so_many_requests() -> None:
    async with lab("a", listen=HTTP, limits=Limits(http_requests=2)) as one:
        browser = await Browser.open(one)
        assert "connection" not in (await browser.get(query("Ping"), basic())).headers
        assert (await browser.get(query("Ping"), basic())).headers["connection"] == "close"
        assert await browser.is_closed()


async def test_who_shuts_its_sending_side_is_still_answered() -> None:
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        await browser.send("GET", query("CoreStatus"), basic())
        assert isinstance(browser.stream, trio.SocketStream)
        await browser.stream.send_eof()
        assert (await browser.page()).status == 200
        assert await browser.is_closed()


async def test_expect_100_continue() -> None:
    """Asked for a body within the limit, refused before one beyond it."""
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        expect = ("Expect", "100-continue")
        await browser.send("POST", "/", kind, basic(), expect, ("Content-Length", "11"))
        with trio.fail_after(PATIENCE_S):
            assert (await browser.stream.receive_some(1000)).startswith(b"HTTP/1.1 100 ")
        await browser.raw(b"Action=Ping")
        assert "Pong" in (await browser.page()).text
        await browser.send("POST", "/", kind, basic(), expect, ("Content-Length", "99999999"))
        assert (await browser.page()).status == 413


async def test_who_takes_nothing_of_its_answer_is_cut() -> None:
    """And what waits for it is bounded meanwhile."""
    async with lab("a", listen=HTTP, limits=Limits(stall_timeout_s=0.3)) as one:
        client = await one.connect()
        assert isinstance(client.stream, trio.SocketStream)
        client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET {query('ListCommands')} HTTP/1.1\r\n{HEAD}\r\n".encode()

        async def flood() -> None:
            try:
                while True:
                    await client.stream.send_all(request * 10)
            except trio.BrokenResourceError:
                pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            line = await one.logged("http_done")
            nursery.cancel_scope.cancel()
        assert "stalled" in line["reason"]
        assert line["peak_bytes"] < 2_000_000


async def test_strangers_may_ask_only_so_often() -> None:
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        began = trio.current_time()
        for _ in range(24):
            assert (await browser.get("/nothing")).status == 404
        assert trio.current_time() - began > 0.2


async def test_chunking_makes_no_difference_and_garbage_no_harm() -> None:
    """Any bytes in any pieces: an answer or the end, and the next connection is served as ever."""
    body = b"Action=Ping&ActionID=x"
    whole = f"POST / HTTP/1.1\r\n{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body
    async with lab("a", listen=HTTP) as one:
        for step in (1, 2, 7, 50):
            browser = await Browser.open(one)
            for start in range(0, len(whole), step):
                await browser.raw(whole[start : start + step])
            assert "ActionID: x\r\n" in (await browser.page()).text

        @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.binary(max_size=200))
        def garbage(data: bytes) -> None:
            pieces.append(data)

        pieces: list[bytes] = []
        garbage()
        for data in pieces:
            browser = await Browser.open(one)
            await browser.raw(b"GET " + data)
            assert isinstance(browser.stream, trio.SocketStream)
            await browser.stream.send_eof()
            with trio.fail_after(PATIENCE_S):
                while await browser.stream.receive_some(10_000):
                    pass
        assert (await (await Browser.open(one)).get(query("Ping"), basic())).status == 200
        assert not [line for line in one.lines if line["event"] in ("http_failed", "http_handler_failed")]

"""The listener in a sniffer's place: what its clients get, plain and encrypted, and how replies stream."""

from __future__ import annotations

import functools
import resource
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest
import trio
import trio.testing

from amp.config.schema import Listen
from amp.sim.sniffer.aes import Key
from amp.sim.sniffer.sniffer import SimSniffer
from independent_aes import seal, unseal
from shell.harness import PATIENCE_S, Lab
from shell.sniffing import KEY, OTHER_KEY, secrets_of, sniffer_lab, take_slowly


def door(user: str = "gui", key: Key | None = None, unix: Path | None = None) -> tuple[Listen, ...]:
    """A listener in the place of s2."""
    pair = secrets_of(key) if key is not None else (None, None)
    return (
        Listen(
            port=0, unix=unix, protocols=("voipmonitor",), server="s2", user=user, key=pair[0], iv=pair[1]
        ),
    )


async def ask(one: Lab, request: bytes, *, half_close: bool = False) -> bytes:
    """Send these bytes and read to the end."""
    with trio.fail_after(PATIENCE_S):
        place = one.addresses[0]
        if place.startswith("/"):
            stream = await trio.open_unix_socket(place)
        else:
            stream = await trio.open_tcp_stream("127.0.0.1", one.port)
        async with stream:
            await stream.send_all(request)
            if half_close:
                await stream.send_eof()
            return b"".join([bytes(data) async for data in stream])


def sealed(text: bytes, key: Key = OTHER_KEY, name: bytes = b"aes-128-cbc") -> bytes:
    """A request as the GUI makes it."""
    return name + b":" + seal(name.decode(), key.key, key.iv, text) + b":sea"


def opened(reply: bytes, key: Key = OTHER_KEY) -> bytes:
    """A reply's text."""
    assert reply[:4] == b"aes:"
    return unseal("aes-128-cbc", key.key, key.iv, reply[4:])


@pytest.mark.parametrize("upstream_key", [None, KEY])
async def test_a_plain_client_needs_to_know_nothing_of_amp(upstream_key: Key | None) -> None:
    sniffer = SimSniffer(key=upstream_key)
    async with sniffer_lab(sniffer, listen=door(), key=upstream_key) as one:
        assert await ask(one, b"getversion\r\n\r\n") == b"2026.04.0"
        assert await ask(one, b"getversion\n", half_close=True) == b"2026.04.0"
        assert await ask(one, b"getversion") == b"2026.04.0"
        assert await ask(one, b"stoplivesniffer 5\r\n\r\n") == b""
        line = await one.logged("sniffer_command", user="gui", command="stoplivesniffer ...")
        assert line["result"] == "done"


async def test_the_listener_has_a_key_of_its_own() -> None:
    sniffer = SimSniffer(key=KEY, calls_at_start=2)
    async with sniffer_lab(sniffer, listen=door(key=OTHER_KEY), key=KEY) as one:
        rows = orjson.loads(opened(await ask(one, sealed(b"listcalls {}\r\n\r\n"))))
        assert len(rows) == 4
        assert await ask(one, b"listcalls\r\n\r\n") == b"need aes!\n"
        assert await ask(one, b"getversion\r\n\r\n") == b"2026.04.0"
        assert opened(await ask(one, sealed(b"listcalls", KEY))) == b"command not found\n"
        packed = opened(await ask(one, sealed(b'listcalls {"zip":"yes"}')))
        assert packed[:2] == b"\x1f\x8b"


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"xxgetversionyy", b"command not found\n"),
        (b"manager_file start /x", b"error: manager_file: not among your sniffer commands\n"),
        (b'startlivesniffer {"uid":"5"}', b"error: startlivesniffer: not among your sniffer commands\n"),
        (b"getversion x", b"error: getversion: too many arguments, at most 0\n"),
        (b"", b""),
    ],
)
async def test_what_is_refused_never_reaches_the_sniffer(request_: bytes, reply: bytes) -> None:
    sniffer = SimSniffer()
    async with sniffer_lab(sniffer, listen=door()) as one:
        assert await ask(one, request_ + b"\r\n\r\n") == reply
        await one.logged("sniffer_request", user="gui")
        assert sniffer.connections == 0


async def test_a_user_without_the_preset_sees_no_references() -> None:
    async with sniffer_lab(SimSniffer(calls_at_start=2), listen=door("rita")) as one:
        reply = await ask(one, b"listcalls\r\n\r\n")
        assert [row[0] for row in orjson.loads(reply)[1:]] == ["hidden", "hidden"]


async def test_a_unix_socket_takes_everything_plain(tmp_path: Path) -> None:
    async with sniffer_lab(SimSniffer(), listen=door(key=OTHER_KEY, unix=tmp_path / "s")) as one:
        assert await ask(one, b"totalregisters\r\n\r\n") == b"0"


async def test_a_reply_that_breaks_off_resets_the_connection() -> None:
    sniffer = SimSniffer()
    sniffer.spool.put_big("big", 1 << 20)
    sniffer.faults.cut_after, sniffer.faults.reset = 500_000, True
    async with sniffer_lab(sniffer, listen=door()) as one:
        with pytest.raises(trio.BrokenResourceError):
            await ask(one, b"getfile big\r\n\r\n")


async def test_a_sniffer_that_cannot_be_asked_is_told_in_words() -> None:
    async with sniffer_lab(SimSniffer(), listen=door(), at=1) as one:
        assert await ask(one, b"getversion\r\n\r\n") == b"error: getversion: Connection refused\n"


async def test_a_file_of_50_mb_passes_in_little_memory() -> None:
    """Encrypted on both sides; its client reads slowly at first, so the sniffer has to wait."""
    sniffer = SimSniffer(key=KEY)
    size = 50 << 20
    sniffer.spool.put_big("big", size)
    async with sniffer_lab(sniffer, listen=door(), key=KEY) as one:
        await ask(one, b"getversion\r\n\r\n")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        received = 0
        with trio.fail_after(60):
            async with await trio.open_tcp_stream("127.0.0.1", one.port) as stream:
                await stream.send_all(b"getfile big\r\n\r\n")
                await trio.sleep(0.3)
                while data := await stream.receive_some(1 << 16):
                    received += len(data)
        assert received == size
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10


async def test_a_stream_is_passed_on_as_it_comes() -> None:
    sniffer = SimSniffer(popup_users={"agent": "secret"})
    async with sniffer_lab(sniffer, listen=door()) as one:
        with trio.fail_after(PATIENCE_S):
            async with await trio.open_tcp_stream("127.0.0.1", one.port) as stream:
                await stream.send_all(b"login_screen_popup agent secret\r\n\r\n")
                seen = b""
                while b"ping" not in seen:
                    seen += await stream.receive_some(4096)
        assert seen.startswith(b"login_ok ")
        await one.logged("sniffer_command", command="login_screen_popup ...")
        with trio.fail_after(PATIENCE_S):
            while sniffer.open_now:  # noqa: ASYNC110 - the simulation has no event for it
                await trio.sleep(0.05)


async def test_a_client_that_takes_nothing_is_cut(tmp_path: Path) -> None:
    sniffer = SimSniffer()
    sniffer.spool.put_big("big", 50 << 20)
    limits = functools.partial(trio.fail_after, PATIENCE_S)
    async with sniffer_lab(sniffer, listen=door(), stall=0.3) as one:
        sock = socket.create_connection(("127.0.0.1", one.port))
        with sock, limits():
            sock.sendall(b"getfile big\r\n\r\n")
            while not sniffer.open_now:  # noqa: ASYNC110
                await trio.sleep(0.01)
            while sniffer.open_now:  # noqa: ASYNC110
                await trio.sleep(0.05)


async def test_a_client_that_takes_a_little_now_and_then_keeps_no_place() -> None:
    """Its replies stall never, and yet would keep the one turn for ever; others are served soon."""
    sniffer = SimSniffer()
    sniffer.spool.put_big("big", 200 << 20)
    sniffer.spool.put("a", b"content")
    async with (
        sniffer_lab(sniffer, listen=door(), exchanges=1, stall=1.0, slowest=1 << 30) as one,
        trio.open_nursery() as nursery,
    ):
        ends: list[str] = []

        async def taker() -> None:
            async with await trio.open_tcp_stream("127.0.0.1", one.port) as stream:
                await stream.send_all(b"getfile big\r\n\r\n")
                ends.append(await take_slowly(stream))

        nursery.start_soon(taker)
        with trio.fail_after(PATIENCE_S):
            while not sniffer.open_now:  # noqa: ASYNC110 - the simulation has no event for it
                await trio.sleep(0.01)
        assert await ask(one, b"getfile a\r\n\r\n") == b"content"
        line = await one.logged("sniffer_command", user="gui", command="getfile ...")
        assert line["result"] == f"too slow: took fewer than {1 << 30} bytes a second of its reply"
    assert ends == ["reset"]


async def test_a_stream_that_has_nothing_to_deliver_is_not_slow() -> None:
    sniffer = SimSniffer(popup_users={"agent": "secret"})
    async with sniffer_lab(sniffer, listen=door(), stall=0.1, slowest=1 << 30) as one:
        with trio.fail_after(PATIENCE_S):
            async with await trio.open_tcp_stream("127.0.0.1", one.port) as stream:
                await stream.send_all(b"login_screen_popup agent secret\r\n\r\n")
                seen = b""
                while seen.count(b"ping") < 2:
                    seen += await stream.receive_some(4096)


async def test_who_has_to_wait_gets_a_turn_or_is_told() -> None:
    """One at a time, and one that may wait: the first is held up, the second waits, the third is told."""
    sniffer = SimSniffer()
    sniffer.spool.put("a", b"content")
    sniffer.faults.hang()
    replies: dict[int, bytes] = {}
    async with (
        sniffer_lab(sniffer, listen=door(), exchanges=1, waiting=1) as one,
        trio.open_nursery() as nursery,
    ):

        async def client(number: int) -> None:
            replies[number] = await ask(one, b"getfile a\r\n\r\n")

        for number in range(2):
            nursery.start_soon(client, number)
            await trio.testing.wait_all_tasks_blocked(0.05)
        assert await ask(one, b"getfile a\r\n\r\n") == (
            b"error: getfile: 1 commands wait for this sniffer already\n"
        )
        sniffer.faults.resume()
    assert replies == {0: b"content", 1: b"content"}
    assert sniffer.open_most == 1


async def test_a_client_that_leaves_gives_its_turn_back() -> None:
    sniffer = SimSniffer()
    sniffer.spool.put("a", b"content")
    sniffer.spool.put_big("big", 50 << 20)
    async with sniffer_lab(sniffer, listen=door(), exchanges=1) as one:
        async with await trio.open_tcp_stream("127.0.0.1", one.port) as stream:
            await stream.send_all(b"getfile big\r\n\r\n")
            assert await stream.receive_some(1) == b"\0"
        assert await ask(one, b"getfile a\r\n\r\n") == b"content"
        line = await one.logged("sniffer_command", result="the client left")
        assert line["command"] == "getfile ..."


async def test_who_says_nothing_takes_nobodys_place() -> None:
    """The bound on the connections of one user is for those who have asked something."""
    async with sniffer_lab(SimSniffer(), listen=door(), per_user=4) as one, AsyncExitStack() as open_now:
        for _ in range(8):
            await open_now.enter_async_context(await trio.open_tcp_stream("127.0.0.1", one.port))
        assert await ask(one, b"getversion\r\n\r\n") == b"2026.04.0"


async def test_popups_keep_nobody_elses_turn() -> None:
    sniffer = SimSniffer(popup_users={"anna": "secret"})
    async with sniffer_lab(sniffer, listen=door()) as one, AsyncExitStack() as open_now:
        for _ in range(8):
            stream = await open_now.enter_async_context(await trio.open_tcp_stream("127.0.0.1", one.port))
            await stream.send_all(b"login_screen_popup anna secret key\r\n\r\n")
            with trio.fail_after(PATIENCE_S):
                assert (await stream.receive_some(8)) == b"login_ok"
        assert await ask(one, b"getversion\r\n\r\n") == b"2026.04.0"


async def test_popups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amp.shell.sniffer.MOST_ENDLESS", 0)
    sniffer = SimSniffer(popup_users={"anna": "secret"})
    async with sniffer_lab(sniffer, listen=door()) as one:
        refused = await ask(one, b"login_screen_popup anna secret key\r\n\r\n")
        assert refused == b"error: login_screen_popup: 0 of them are open already\n"

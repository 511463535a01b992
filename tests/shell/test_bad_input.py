"""Bad input at every entrance: clear errors, and a well-behaved client never notices.

How long things take is not asserted here; ``python -m bench abuse`` measures it.
"""

from __future__ import annotations

import resource
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from amp.config.schema import Limits
from shell.harness import PATIENCE_S, AmiClient, Lab, lab
from shell.process import Running, amp_process

HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
CROWD = 10_000
"""Connections that say nothing; fewer where the machine does not let one process have so many."""

HOSTILE_ACTIONS = [
    pytest.param(b"Action: Ping\r\nX: " + b"x" * 2000, b"Failed to parse message: line too long", id="line"),
    pytest.param(
        b"Action: Ping" + b"\r\nVariable: a=b" * 200,
        b"Too many lines in message or allocation failure",
        id="headers",
    ),
    pytest.param(b"Ping: Action", b"Missing action in request", id="no-action"),
    pytest.param(b"Action: Ping\r\nX: a\rEvent: Forged", b"CR or NUL in a line", id="lone-cr"),
    pytest.param(b"Action: Ping\r\nX: a\0b", b"CR or NUL in a line", id="nul"),
    pytest.param(b"Action: NoSuch\xff\xfe\r\nServer: a", b"", id="not-utf8"),
    pytest.param(b"Action: Ping\r\nServer: " + b"z" * 900, b"unknown server", id="unknown-server"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x", b"Missing action in request", id="http"),
]


async def well(client: AmiClient) -> None:
    """The client's action goes to the server and back, and the next event arrives."""
    await client.action("Ping", ("Server", "a"), ("ActionID", "well"))
    assert (await client.answer("well")).get(b"Ping") == b"Pong"


@asynccontextmanager
async def witnessed() -> AsyncIterator[tuple[Lab, AmiClient]]:
    """amp, and a client that must be as well at the end as it was at the beginning."""
    async with lab("a", limits=Limits(login_timeout_s=1.0)) as one:
        witness = await one.client()
        await well(witness)
        yield one, witness
        one.sims["a"].user_event("AfterAll")
        await witness.event("UserEvent")
        await well(witness)
        assert not [line for line in one.lines if line["event"] in ("client_failed", "connection_failed")]


@pytest.mark.parametrize(("action", "words"), HOSTILE_ACTIONS)
async def test_a_bad_action_is_answered_and_the_session_goes_on(action: bytes, words: bytes) -> None:
    """With the ActionID if it came early enough; what follows is an action again."""
    async with witnessed() as (one, _):
        client = await one.client(events="off")
        await client.stream.send_all(action + b"\r\n\r\n")
        answer = await client.frame()
        assert answer.name == b"Error"
        assert words in (answer.get(b"Message") or b"")
        await well(client)


async def test_nothing_that_a_client_sends_becomes_a_frame_of_its_own() -> None:
    """Line ends inside values are line ends: they make headers of the same action, never a second answer."""
    async with witnessed() as (one, witness):
        client = await one.client(events="off")
        await client.stream.send_all(
            b"Action: UserEvent\r\nUserEvent: Mine\r\nActionID: 1\r\n"
            b"X: a\nEvent: Hangup\nResponse: Success\r\n\r\n"
        )
        assert (await client.answer("1")).name == b"Success"
        seen = await witness.until(lambda frame: frame.get(b"UserEvent") == b"Mine")
        assert seen.headers[0] == (b"Event", b"UserEvent")
        assert seen.headers[-1] == (b"Server", b"a")


async def test_a_tls_hello_on_a_plain_port_is_no_login() -> None:
    """The hello is bytes without a line end; the peer sees no TLS and gives up, or the login time is over."""
    async with witnessed() as (one, _):
        client = await one.connect()
        stream = trio.SSLStream(client.stream, ssl.create_default_context(), server_hostname="amp")
        with pytest.raises(trio.BrokenResourceError):
            await stream.do_handshake()
        await trio.aclose_forcefully(stream)
        await one.logged("client_done", user=None)


async def test_a_login_one_byte_at_a_time_is_cut_at_the_login_time() -> None:
    """However long it keeps sending: the time is that of the connection, not since the last byte."""
    async with witnessed() as (one, _):
        slow = await one.connect()
        with suppress(trio.BrokenResourceError), trio.move_on_after(PATIENCE_S):
            for byte in b"Action: Login\r\nUsername: anna\r\nSecret: " + b"a" * 10_000:
                await slow.stream.send_all(bytes((byte,)))
                await trio.sleep(0.02)
        await one.logged("client_done", user=None, reason="login timeout")


async def test_many_wrong_logins_side_by_side_disturb_nobody() -> None:
    """All get the same answer; the right one gets in between."""
    async with witnessed() as (one, _):
        answers: list[bytes] = []

        async def guess(number: int) -> None:
            client = await one.connect()
            user = "anna" if number % 2 else f"nobody{number}"
            answers.append((await client.login(user, f"guess-{number}")).get(b"Message") or b"")
            assert await client.rest() == b""

        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(guess, number)
            await one.client()
        assert answers == [b"Authentication failed"] * 50


# -- garbage -------------------------------------------------------------------------------------------------

AMI_BITS = st.sampled_from(
    (b"\r\n", b"\n", b"\r", b"\0", b": ", b"Action: ", b"Login", b"Challenge", b"AuthType: MD5",
     b"ActionID: x", b"Server: *", b"Events: on", b"ProxyKey: k", b"ProxyAction: ListSessions",
     b"Response: Follows", b"\x16\x03\x01")
)  # fmt: skip
GARBAGE = st.lists(st.binary(max_size=40) | AMI_BITS | st.just(b"y" * 3000), max_size=30)


@settings(max_examples=20)
@given(st.lists(GARBAGE, min_size=1, max_size=5), st.booleans())
def test_garbage_never_reaches_anybody_else(garbage: list[list[bytes]], signed_in: bool) -> None:
    """Whatever bytes, in whatever pieces, before or after a login: no bug, no frame out of place."""

    async def throw(one: Lab, pieces: list[bytes]) -> None:
        client = await (one.client(events="off") if signed_in else one.connect())
        with suppress(trio.BrokenResourceError):
            for piece in pieces:
                await client.stream.send_all(piece)
                await trio.lowlevel.checkpoint()
        await client.stream.aclose()

    async def main() -> None:
        async with witnessed() as (one, _), trio.open_nursery() as nursery:
            for pieces in garbage:
                nursery.start_soon(throw, one, pieces)

    trio.run(main)


# -- crowds and shortages, against a process of its own ------------------------------------------------------


@asynccontextmanager
async def crowd(running: Running, count: int) -> AsyncIterator[list[trio.SocketStream]]:
    """Connections that say nothing. The test's process may need more descriptors than it usually has."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(HARD, count + 500)), HARD))
    streams: list[trio.SocketStream] = []
    try:
        with trio.fail_after(3 * PATIENCE_S):
            for number in range(1, count + 1):
                sock = trio.socket.socket()  # by itself: to look for ways takes longer than to go
                streams.append(trio.SocketStream(sock))
                await sock.connect(("127.0.0.1", running.port))
                if number % 500 == 0:  # or who comes later stands behind thousands that wait to be accepted
                    await streams[-1].receive_some(1000)
        yield streams
    finally:
        for stream in streams:
            stream.socket.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, HARD))


async def test_ten_thousand_connections_that_say_nothing(tmp_path: Path) -> None:
    """They displace each other; whoever is in stays, and whoever signs in gets in."""
    async with amp_process(tmp_path) as running:
        witness = await running.client()
        async with crowd(running, min(CROWD, HARD - 500)):
            late = await running.client(events="off")
            for client in (witness, late):
                await well(client)
            running.sim.user_event("Meanwhile")
            await witness.event("UserEvent")
            assert running.descriptors() < 1300
        assert running.count("strangers_give_way") <= 2
        await well(witness)


async def test_silent_connections_end_by_themselves(tmp_path: Path) -> None:
    """After the login time, without a word."""
    async with amp_process(tmp_path, 'login_timeout = "300ms"\n') as running:
        before = running.descriptors()
        async with crowd(running, 200) as streams:
            with trio.fail_after(PATIENCE_S):
                for stream in streams:
                    while await stream.receive_some(1000):
                        pass
        await running.logged("client_done", reason="login timeout")
        with trio.fail_after(PATIENCE_S):
            while running.descriptors() > before:  # noqa: ASYNC110  # another process has no event for that
                await trio.sleep(0.01)
        assert running.count("client_done") == 1


async def test_without_descriptors_strangers_make_room(tmp_path: Path) -> None:
    """A newcomer gets in at the cost of the oldest stranger; the log says it once, whoever is in stays in."""
    async with amp_process(tmp_path) as running:
        witness = await running.client()
        running.allow_descriptors(running.descriptors() + 10)
        async with crowd(running, 40):
            await running.logged("out_of_descriptors", error="Too many open files", level="error")
            late = await running.client(events="off")
            await well(late)
            await well(witness)
        running.sim.user_event("AfterAll")
        await witness.event("UserEvent")
        assert running.count("out_of_descriptors") == 1


async def test_without_descriptors_and_strangers_newcomers_are_refused_in_words(tmp_path: Path) -> None:
    """One descriptor in reserve serves to say so; with room again everything is as before."""
    async with amp_process(tmp_path) as running:
        spare = 4
        running.allow_descriptors(running.descriptors() + spare)
        witnesses = [await running.client() for _ in range(spare)]
        for _ in range(3):
            words = await (await running.connect()).rest()
            assert words.endswith(b"Response: Error\r\nMessage: Too many connections\r\n\r\n")
        assert running.count("out_of_descriptors") == 1
        for witness in witnesses:
            await well(witness)
        await witnesses.pop().stream.aclose()
        await running.logged("client_done")
        witnesses.append(await running.client())
        running.sim.user_event("AfterAll")
        for witness in witnesses:
            await witness.event("UserEvent")


async def test_amp_takes_no_more_connections_than_it_has_descriptors_for(tmp_path: Path) -> None:
    """Enough are kept for its servers and files; it says so at the start, and what it can serve it serves."""
    async with amp_process(tmp_path, descriptors=100) as running:
        line = await running.logged("few_descriptors", configured=10_000)
        room = line["connections"]
        clients = [await running.client(events="off") for _ in range(room)]
        assert b"Too many connections" in await (await running.connect()).rest()
        for client in clients:
            await well(client)
        assert running.count("out_of_descriptors") == 0


async def test_a_server_comes_back_although_clients_took_every_descriptor(tmp_path: Path) -> None:
    """A shortage keeps amp from reconnecting, but not for ever, and not from saying so."""
    async with amp_process(tmp_path) as running:
        witness = await running.client()
        running.allow_descriptors(running.descriptors() + 6)
        async with crowd(running, 20):
            await running.logged("out_of_descriptors")
            running.sim.faults.drop()
            assert (await witness.event("ServerDown")).get(b"Server") == b"a"
        assert (await witness.event("ServerUp")).get(b"Server") == b"a"

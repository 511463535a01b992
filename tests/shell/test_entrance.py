"""Limits at the entrance, on real sockets: who is refused or slowed is told or waits, nobody else notices."""

from __future__ import annotations

import trio

from amp.config.schema import Limits, User
from amp.config.secret import Secret
from amp.core.admission.limits import STRANGER_BYTES
from shell.harness import ANNA, PATIENCE_S, AmiClient, Lab, lab

BERT = User(name="bert", secret=Secret("bert's"))
GREETING = b"Asterisk Call Manager/11.0.0\r\n"


async def still_well(client: AmiClient) -> None:
    """The client's action goes to the server and back."""
    await client.action("Ping", ("Server", "a"), ("ActionID", "well"))
    assert (await client.answer("well")).get(b"Ping") == b"Pong"


async def refused(one: Lab) -> bytes:
    """What a new connection is told; it is closed then."""
    return await (await one.connect()).rest()


async def test_an_address_may_have_only_so_many_connections() -> None:
    """AMI clients read a greeting first, so they get one; the log has one line for all of them."""
    async with lab("a", limits=Limits(connections_per_address=2, exempt=())) as one:
        anna, _ = await one.client(events="off"), await one.client(events="off")
        words = [await refused(one) for _ in range(5)]
        error = b"Response: Error\r\nMessage: Too many connections from this address\r\n\r\n"
        assert words == [GREETING + error] * 5
        await one.logged("connection_refused", reason="too many connections from one address")
        assert [line["event"] for line in one.lines].count("connection_refused") == 1
        await still_well(anna)


async def test_loopback_is_exempt_unless_it_is_configured() -> None:
    """Many users share it."""
    async with lab("a", limits=Limits(connections_per_address=1, login_failures=1)) as one:
        first, second = await one.connect(), await one.connect()
        assert (await first.login(secret="wrong")).name == b"Error"
        assert (await second.login()).name == b"Success"


async def test_a_user_may_have_only_so_many_sessions() -> None:
    """Only who knows the secret learns that; another user gets in."""
    async with lab("a", users=(ANNA, BERT), limits=Limits(connections_per_user=1)) as one:
        anna = await one.client(events="off")
        second = await one.connect()
        answer = await second.login()
        assert (answer.name, answer.get(b"Message")) == (b"Error", b"Too many sessions of this user")
        assert await second.rest() == b""
        assert (await (await one.connect()).login(secret="wrong")).get(b"Message") == b"Authentication failed"
        await one.logged("login_failed", user="anna", reason="Too many sessions of this user")
        await one.client("bert", "bert's")
        await still_well(anna)
        await anna.stream.aclose()
        await one.logged("client_done", user="anna")
        await one.client()


async def test_a_crowd_of_strangers_displaces_itself() -> None:
    """Whoever signs in is safe; whoever says nothing goes when the next one comes, the oldest first."""
    async with lab("a", limits=Limits(strangers=3)) as one:
        anna = await one.client(events="off")
        silent = [await one.connect() for _ in range(10)]
        for client in silent[:7]:
            assert await client.rest() == GREETING
        assert (await silent[-1].login()).name == b"Success"
        await one.logged("client_done", reason="gave way: too many clients that have not signed in")
        assert [line["event"] for line in one.lines].count("strangers_give_way") == 1
        await still_well(anna)


async def test_failed_logins_ban_the_address_and_sound_all_the_same() -> None:
    """An unknown name, a wrong secret, and after the ban even a right one on an old connection."""
    async with lab("a", limits=Limits(exempt=(), login_failures=2, login_delay_s=1.0)) as one:
        anna, late = await one.client(events="off"), await one.connect()
        answers = []
        for user, secret in (("anna", "wrong"), ("nobody", "anna's")):
            client = await one.connect()
            began = trio.current_time()
            answers.append((await client.login(user, secret)).headers)
            assert trio.current_time() - began >= 1.0
            assert await client.rest() == b""
        await one.logged("address_banned", address="127.0.0.1", seconds=600.0)
        answers.append((await late.login()).headers)
        assert answers == [((b"Response", b"Error"), (b"Message", b"Authentication failed"))] * 3
        assert b"Message: Address banned for another " in await refused(one)
        await still_well(anna)


async def test_who_is_too_fast_waits_and_loses_nothing() -> None:
    """Every action is answered once, in order; meanwhile others go on."""
    async with lab("a", limits=Limits(actions_per_second=50)) as one:
        anna, bert = await one.client(events="off"), await one.client(events="off")
        began = trio.current_time()
        wanted = [str(number).encode() for number in range(100)]
        await anna.stream.send_all(
            b"".join(b"Action: Ping\r\nActionID: %b\r\n\r\n" % number for number in wanted)
        )
        await still_well(bert)
        assert [(await anna.frame()).get(b"ActionID") for _ in wanted] == wanted
        assert trio.current_time() - began > 0.9


async def test_what_waits_behind_a_waitevent_is_done_although_it_is_too_much_at_once() -> None:
    """The event ends the wait while nobody reads; the pace then holds for what was sent behind it."""
    async with lab("a", limits=Limits(actions_per_second=50, actions_per_client=4)) as one:
        anna = await one.client()
        await anna.event("FullyBooted")
        ping = b"Action: Ping\r\nServer: a\r\nActionID: %d\r\n\r\n"
        await anna.stream.send_all(b"Action: WaitEvent\r\n\r\n" + b"".join(ping % n for n in range(70)))
        one.sims["a"].user_event("Awaited")
        await anna.event("WaitEventComplete")
        answered = [(await anna.answer(str(number))).name for number in range(70)]
        assert answered == [b"Success"] * 70


async def test_a_stranger_that_talks_too_much_is_cut() -> None:
    """It is one action without an end, and would be thrown away as it comes for ever."""
    async with lab("a") as one:
        anna, talker = await one.client(events="off"), await one.connect()
        with trio.fail_after(PATIENCE_S):
            try:
                for _ in range(100):
                    await talker.stream.send_all(b"x" * (STRANGER_BYTES // 8))
            except trio.BrokenResourceError:
                pass
        await one.logged("client_done", reason="sent more than 262144 bytes without having signed in")
        await still_well(anna)

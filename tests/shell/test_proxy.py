"""The whole proxy in one process: simulated Asterisks behind it, plain AMI clients in front of it."""

from __future__ import annotations

import attrs
import pytest
import trio

from amp.config.schema import Limits, Proxy, User
from amp.config.secret import Secret
from amp.shell.app import run
from amp.sim.asterisk import SimAsterisk
from shell.harness import ANNA, PATIENCE_S, Lab, lab, server

PINNED = User(name="pia", secret=Secret("pia's"), read=("all",), write=("all",), server="b")


async def test_every_client_gets_every_event_with_its_server_last() -> None:
    """Two clients see the same stream, each frame equal but for nothing at all."""
    async with lab("a", "b") as one:
        anna, bert = await one.client(), await one.client()
        await anna.event("FullyBooted")
        await bert.event("FullyBooted")
        one.sims["a"].user_event("First", ("Key", "1"))
        first = await anna.raw(), await bert.raw()
        one.sims["b"].user_event("Second")
        second = await anna.raw(), await bert.raw()
    assert first[0] == first[1]
    assert first[0].endswith(b"\r\nKey: 1\r\nServer: a")
    assert second[0] == second[1]
    assert second[0].endswith(b"\r\nServer: b")


async def test_an_answer_reaches_only_who_asked_with_the_actionid_as_sent() -> None:
    """Odd, equal and absent ActionIDs come back as they went out."""
    async with lab("a", "b") as one:
        anna, bert = await one.client(events="off"), await one.client(events="off")
        await anna.action("Ping", ("Server", "b"), ("ActionID", "x:1  "))
        answer = await anna.frame()
        assert answer.headers[:2] == ((b"Response", b"Success"), (b"ActionID", b"x:1  "))
        assert answer.headers[-1] == (b"Server", b"b")
        await bert.action("Ping", ("Server", "a"))
        assert (await bert.frame()).get(b"ActionID") is None
        for client in (anna, bert):
            await client.action("Ping", ("ActionID", "end"))
            assert (await client.frame()).get(b"ActionID") == b"end"


async def test_a_list_arrives_whole_and_for_the_asker_alone() -> None:
    """Start, items, Complete: contiguous, while events of the same server flow."""
    async with lab("a") as one:
        anna, bert = await one.client(), await one.client()
        await anna.action("ListCommands", ("ActionID", "commands"))
        assert (await anna.answer("commands")).name == b"Success"
        await anna.action("CoreShowChannels", ("ActionID", "list"))
        assert (await anna.answer("list")).get(b"EventList") == b"start"
        assert (await anna.frame()).get(b"EventList") == b"Complete"
        one.sims["a"].user_event("Marker")
        await bert.event("FullyBooted")
        assert (await bert.frame()).name == b"UserEvent"


async def test_events_off_means_none_and_on_means_all() -> None:
    """The Events action decides at once what is sent."""
    async with lab("a") as one:
        anna, watcher = await one.client(events="off"), await one.client()
        one.sims["a"].user_event("Unseen")
        await watcher.event("UserEvent")
        await anna.action("Events", ("EventMask", "on"), ("ActionID", "1"))
        assert (await anna.frame()).get(b"Events") == b"On"
        one.sims["a"].user_event("Seen")
        assert (await anna.frame()).get(b"UserEvent") == b"Seen"
        await anna.action("Events", ("EventMask", "call"), ("ActionID", "2"))
        assert (await anna.frame()).get(b"ActionID") == b"2"
        one.sims["a"].user_event("Unseen")
        await anna.action("Ping", ("Server", "a"))
        assert (await anna.frame()).get(b"Ping") == b"Pong"


async def test_a_lost_server_ends_its_actions_and_leaves_the_others_alone() -> None:
    """ServerDown, *outcome unknown*, ServerUp; the other server's events go on."""
    async with lab("a", "b") as one:
        anna = await one.client()
        await anna.event("FullyBooted")
        one.sims["a"].faults.mute = True
        worked = one.sims["a"].actions_worked
        await anna.action("CoreStatus", ("Server", "a"), ("ActionID", "never"))
        with trio.fail_after(PATIENCE_S):
            while one.sims["a"].actions_worked == worked:  # noqa: ASYNC110 - the simulation has no event for it
                await trio.sleep(0.01)
        one.sims["a"].faults.clear()
        one.sims["a"].faults.drop()
        answer = await anna.answer("never")
        assert answer.name == b"Error"
        assert b"Outcome unknown" in (answer.get(b"Message") or b"")
        assert answer.headers[-1] == (b"Server", b"a")
        down = await anna.event("ServerDown")
        assert (down.get(b"Server"), down.get(b"Privilege")) == (b"a", b"system,all")
        one.sims["b"].user_event("StillHere")
        up = await anna.event("ServerUp")
        assert up.get(b"Epoch") == down.get(b"Epoch")
        one.sims["a"].user_event("Back")
        assert (await anna.event("UserEvent")).get(b"UserEvent") in (b"StillHere", b"Back")


async def test_a_refused_login_is_loud_and_retried() -> None:
    """amp runs on and gets in once the server lets it."""
    sim = SimAsterisk(name="late")
    sim.faults.refuse_logins = True
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(sim.serve)
        async with lab("a", extra=(server("late", port),)) as one:
            line = await one.logged("login_refused", server="late")
            assert line["log_level"] == "warning"
            sim.faults.refuse_logins = False
            await one.logged("server_up", server="late")
        nursery.cancel_scope.cancel()


async def test_amp_starts_with_no_server_reachable_and_says_which_is_down() -> None:
    """The port is open at once; an action is answered at once."""
    async with lab(extra=(server("gone", 1),)) as one:
        anna = await one.client(events="off")
        await anna.action("CoreStatus", ("ActionID", "1"))
        answer = await anna.frame()
        assert answer.name == b"Error"
        assert b"server gone is down" in (answer.get(b"Message") or b"")


async def test_a_client_that_does_not_read_is_cut_and_nobody_else_notices() -> None:
    """Its reason is in the one line that tells its story; memory stays under the limit."""
    async with lab("a", limits=Limits(outlet_bytes=200_000)) as one:
        fast, slow = await one.client(), await one.client()
        await fast.event("FullyBooted")

        async def flood() -> None:
            await one.sims["a"].burst(60_000)
            one.sims["a"].user_event("Last")

        one.nursery.start_soon(flood)
        count = 0
        while (await fast.frame()).get(b"UserEvent") != b"Last":
            count += 1
        assert count == 60_000
        line = await one.logged("client_done", reason="too slow: more than 200000 bytes waiting")
        assert (line["user"], line["log_level"]) == ("anna", "warning")
        assert line["peak_bytes"] <= 200_000
        assert (await slow.rest()).endswith(b"") is True


async def test_sigterm_tells_clients_ends_actions_and_the_process() -> None:
    """Pending actions get an error, clients the message of astmanproxy, then the end."""
    async with lab("a") as one:
        anna = await one.client(events="off")
        one.sims["a"].faults.mute = True
        await anna.action("CoreStatus", ("ActionID", "pending"))
        await anna.action("Ping", ("ActionID", "1"))
        await anna.answer("1")
        one.stop()
        assert (await anna.answer("pending")).name == b"Error"
        assert await anna.raw() == b"ProxyMessage: Proxy Shutting Down"
        assert await anna.raw() == b""
        with trio.fail_after(PATIENCE_S):
            await one.ended.wait()
        assert [line["event"] for line in one.lines[-3:]] == ["stopping", "client_done", "stopped"]


def waiting_bytes(one: Lab) -> int:
    board = one.app._board
    assert board is not None
    return sum(client.outlet.pending_bytes for client in board.clients.values())


async def test_a_second_signal_ends_at_once() -> None:
    """Even if a client takes nothing."""
    async with lab("a", limits=Limits(drain_timeout_s=600)) as one:
        anna = await one.client()
        await anna.event("FullyBooted")
        await one.sims["a"].burst(40_000)
        await one.logged("ready")
        with trio.fail_after(PATIENCE_S):
            while not waiting_bytes(one):  # noqa: ASYNC110 - else it may have ended before the second
                await trio.sleep(0.01)
        one.stop()
        await one.logged("stopping")
        one.stop()
        with trio.fail_after(PATIENCE_S):
            await one.ended.wait()


async def test_pinned_clients_see_one_server_and_leave_with_it() -> None:
    """A user with ``server`` is cut when that server is lost, since it rebuilds its state on reconnecting."""
    async with lab("a", "b", users=(ANNA, PINNED)) as one:
        pia = await one.client("pia", "pia's")
        await pia.event("FullyBooted")
        one.sims["a"].user_event("NotHers")
        one.sims["b"].user_event("Hers")
        assert (await pia.event("UserEvent")).get(b"UserEvent") == b"Hers"
        await pia.action("CoreStatus", ("ActionID", "1"))
        assert (await pia.answer("1")).get(b"Server") == b"b"
        await pia.action("CoreStatus", ("ActionID", "2"), ("Server", "a"))
        assert (await pia.answer("2")).name == b"Error"
        one.sims["b"].faults.drop()
        await pia.rest()
        await one.logged("client_done", user="pia", reason="server b lost")


async def test_answers_still_come_after_the_client_closed_its_sending_side() -> None:
    """As Asterisk does it (recording half-close)."""
    async with lab("a") as one:
        anna = await one.client(events="off")
        await anna.action("CoreShowChannels", ("ActionID", "1"))
        await anna.stream.send_eof()
        assert (await anna.answer("1")).name == b"Success"
        assert (await anna.rest()).endswith(b"Server: a\r\n\r\n")


async def test_waitevent_ends_with_the_first_event_and_blocks_nobody() -> None:
    """It is never forwarded: on an idle server it would block the link for ever."""
    async with lab("a") as one:
        anna, bert = await one.client(), await one.client(events="off")
        await anna.event("FullyBooted")
        await anna.action("WaitEvent", ("ActionID", "wait"))
        await bert.action("CoreStatus", ("ActionID", "1"))
        assert (await bert.answer("1")).name == b"Success"
        one.sims["a"].user_event("Awaited")
        await anna.event("UserEvent")
        assert (await anna.event("WaitEventComplete")).get(b"ActionID") == b"wait"


async def test_a_failed_login_behind_a_waitevent_is_answered_without_another_word() -> None:
    """An event ends the wait while the reader waits for bytes; the refusal is due a second later."""
    async with lab("a") as one:
        client = await one.client()
        await client.event("FullyBooted")
        login = b"Action: Login\r\nActionID: wrong\r\nUsername: anna\r\nSecret: no\r\n\r\n"
        await client.stream.send_all(b"Action: WaitEvent\r\n\r\n" + login)
        one.sims["a"].user_event("Awaited")
        assert (await client.answer("wrong")).get(b"Message") == b"Authentication failed"
        await client.rest()


async def test_a_failed_login_is_answered_logged_and_closed() -> None:
    """The same words for a wrong secret and an unknown name, and no secret in the log."""
    async with lab("a") as one:
        for user, secret in (("anna", "wrong-canary"), ("nobody", "wrong-canary")):
            client = await one.connect()
            assert (await client.login(user, secret)).get(b"Message") == b"Authentication failed"
            assert await client.rest() == b""
            await one.logged("login_failed", user=user)
        assert "wrong-canary" not in repr(one.lines)


async def test_the_log_tells_who_signs_in_and_when_it_leaves() -> None:
    """The login while it happens, the whole story at the end."""
    async with lab("a") as one:
        anna = await one.client(events="off")
        line = await one.logged("login", user="anna")
        await anna.action("Logoff")
        await anna.rest()
        done = await one.logged("client_done", client=line["client"], address=line["address"])
        assert (done["reason"], done["log_level"]) == ("logoff", "info")


async def test_too_many_connections_are_closed_at_once() -> None:
    """They are told why; those that are there go on."""
    async with lab("a", limits=Limits(connections=1)) as one:
        anna = await one.client(events="off")
        assert (await (await one.connect()).rest()).endswith(b"\r\nMessage: Too many connections\r\n\r\n")
        await anna.action("Ping", ("ActionID", "1"))
        assert (await anna.answer("1")).name == b"Success"


async def test_a_client_with_too_many_actions_waits_and_loses_none() -> None:
    """amp reads no more of it until answers came; every action is answered once."""
    async with lab("a", limits=Limits(actions_per_client=4)) as one:
        anna = await one.client(events="off")
        for number in range(50):
            await anna.action("Ping", ("Server", "a"), ("ActionID", str(number)))
        answers = [(await anna.frame()).get(b"ActionID") for _ in range(50)]
        assert answers == [str(number).encode() for number in range(50)]


async def test_without_authentication_who_connects_reads_all() -> None:
    """``authentication = "none"``: signed in from the first byte on."""
    async with lab("a", proxy=Proxy(name="lab", authentication="none")) as one:
        anyone = await one.connect()
        await anyone.action("Ping")
        await anyone.until(lambda frame: frame.get(b"Ping") == b"Pong")
        one.sims["a"].user_event("ForAll")
        assert (await anyone.event("UserEvent")).get(b"UserEvent") == b"ForAll"


@pytest.mark.parametrize("sessions", ["split", "single"])
async def test_a_blocking_originate_holds_back_nobody_in_split_mode(sessions: str) -> None:
    """In single mode it does hold everybody back, as Asterisk itself would, but nothing is lost."""
    async with lab("a", sessions=sessions) as one:
        anna, bert = await one.client(events="off"), await one.client()
        await bert.event("FullyBooted")
        one.sims["a"].faults.action_delay_s = 0.3
        await anna.action("Command", ("Command", "core show version"), ("ActionID", "slow"))
        await anna.action("Ping", ("ActionID", "taken"))
        await anna.answer("taken")
        one.sims["a"].user_event("Meanwhile")
        assert (await bert.event("UserEvent")).get(b"UserEvent") == b"Meanwhile"
        assert (await anna.answer("slow")).get(b"Server") == b"a"


async def test_a_server_that_works_on_a_slow_action_is_not_given_up() -> None:
    """Asterisk answers not even a Ping meanwhile, so silence is no sign of death then."""
    async with lab("a", keepalive_s=0.6) as one:  # so it would be given up after 1.8 s
        anna = await one.client(events="off")
        call = {"Channel": "Local/late@phones", "Context": "phones", "Exten": "late", "Priority": "1"}
        await anna.action("Originate", *call.items(), ("Timeout", "2500"), ("ActionID", "slow"))
        assert (await anna.answer("slow")).get(b"Message") == b"Originate failed"
        assert not [line for line in one.lines if line["event"] == "link_lost"]


async def test_a_server_that_allows_one_login_falls_back_to_single_and_says_so() -> None:
    """``allowmultiplelogin = no``: events and actions share the link."""
    sim = SimAsterisk(name="one")
    sim.faults.refuse_second_login = True
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(sim.serve)
        async with lab(extra=(server("one", port),)) as one:
            await one.logged("server_up", server="one")
            await one.logged("server_setup", server="one")
            anna = await one.client()
            await anna.action("CoreStatus", ("ActionID", "1"))
            assert (await anna.answer("1")).name == b"Success"
        nursery.cancel_scope.cancel()


def test_an_address_in_use_ends_the_process_with_code_1(capfd: pytest.CaptureFixture[str]) -> None:
    """The message names the address."""
    import socket

    from amp.config.schema import Config, Listen

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = attrs.evolve(Config(), listen=(Listen(port=port),), user=(ANNA,))
        assert run(config) == 1
    assert f"cannot listen on 127.0.0.1:{port}: " in capfd.readouterr().err


async def test_who_comes_while_a_server_is_down_is_told_so() -> None:
    """Whoever may and wants to see it; also who asks for events only later. Once, and nobody else again."""
    deaf = server("deaf", 9)
    stays = User(name="stays", secret=Secret("s"), server="deaf", on_server_loss="event")
    elsewhere = User(name="elsewhere", secret=Secret("s"), server="a")
    async with lab("a", users=(ANNA, stays, elsewhere), extra=(deaf,)) as one:
        await one.logged("link_lost", server="deaf")
        anna = await one.client()
        down = await anna.event("ServerDown")
        assert down.headers[-1] == (b"Server", b"deaf")
        assert (down.get(b"Epoch") or b"").isalnum()
        assert down.get(b"Reason")
        assert (await (await one.client("stays", "s")).event("ServerDown")).get(b"Server") == b"deaf"
        later = await one.client(events="off")
        await later.action("Events", ("EventMask", "on"))
        assert (await later.event("ServerDown")).get(b"Server") == b"deaf"
        others = [await one.client("elsewhere", "s"), await one.client(events="call,user")]
        one.sims["a"].user_event("Next")
        for client in (anna, later, *others):
            frames = [await client.frame()]
            while frames[-1].name != b"UserEvent":
                frames.append(await client.frame())
            assert b"ServerDown" not in [frame.name for frame in frames]

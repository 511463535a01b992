"""Watching sniffers: who looks decides whether they are asked, and what changes becomes events."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import trio

from amp.config.schema import Simulate, User
from amp.config.secret import Secret
from amp.core.ami.frame import Frame
from amp.core.fanout.hub import Hub
from amp.core.fanout.view import ViewKey
from amp.shell.sniffer_setup import SnifferMaker, WatcherMaker
from amp.shell.sniffer_watch import Watching
from amp.sim.sniffer.sniffer import SimSniffer
from shell.harness import ANNA, PATIENCE_S, AmiClient, lab
from shell.sniffing import GUI, KEY, OTHER_KEY, READER, configured, sniffer_lab

OFTEN = {"calls": 0.1, "stat": 0.3}

AGENT = User(name="agent", secret=Secret("agent's"), read=("agent",))
CALLS_ONLY = User(name="calls", secret=Secret("calls's"), read=("call",))
STATE_ONLY = User(name="state", secret=Secret("state's"), read=("reporting",))
ELSEWHERE = User(name="else", secret=Secret("else's"), server="pbx1")
USERS = (ANNA, READER, GUI, AGENT, CALLS_ONLY, STATE_ONLY, ELSEWHERE)

watched_lab = partial(sniffer_lab, users=USERS, watch=OFTEN)


async def holds(condition: Callable[[], bool]) -> None:
    """Wait until it does."""
    with trio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the simulation has no event for it
            await trio.sleep(0.01)


async def asked_again(sniffer: SimSniffer, command: str = "listcalls", times: int = 3) -> None:
    """Wait until it has been asked so many times more."""
    enough = sniffer.asked[command] + times
    await holds(lambda: sniffer.asked[command] >= enough)


def about(frame: Frame, *names: str) -> dict[str, str]:
    return {name: (frame.get(name.encode()) or b"").decode() for name in names}


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
async def test_a_call_from_its_start_to_its_end(key: object) -> None:
    sniffer = SimSniffer(calls_at_start=3, key=KEY if key else None)
    async with watched_lab(sniffer, key=KEY if key else None) as one:
        client = await one.client()
        begun = await client.event("SnifferReset")
        assert about(begun, "Privilege", "Reason", "Calls", "Server") == {
            "Privilege": "call,all",
            "Reason": "watching began",
            "Calls": "3",
            "Server": "s2",
        }
        call = sniffer.start_call(caller="4001", called="7001", ring_s=600, talk_s=600)
        start = await client.event("SnifferCallStart")
        assert about(start, "Privilege", "CallID", "Caller", "Called", "LastSIPResponseNum") == {
            "Privilege": "call,all",
            "CallID": call.callid,
            "Caller": "4001",
            "Called": "7001",
            "LastSIPResponseNum": "180",
        }
        assert (start.get(b"CallDate") or b"").endswith(b"Z")
        call.answered_at = call.started_at
        update = await client.event("SnifferCallUpdate")
        assert b"LastSIPResponseNum" in (update.get(b"Changed") or b"")
        sniffer.calls.end(call)
        end = await client.event("SnifferCallEnd")
        references = {frame.get(b"CallReference") for frame in (start, update, end)}
        assert len(references) == 1
        assert hex(call.reference).encode() not in references
        assert end.headers[-1] == (b"Server", b"s2")


async def test_everybody_gets_the_same_bytes_and_nobody_the_address() -> None:
    sniffer = SimSniffer()
    async with watched_lab(sniffer) as one:
        clients = [await one.client(user, f"{user}'s") for user in ("anna", "gui")]
        for client in clients:
            await client.event("SnifferReset")
            await asked_again(sniffer)
        call = sniffer.start_call(ring_s=60)
        frames = [(await client.event("SnifferCallStart")).raw for client in clients]
        assert frames[0] == frames[1]
        assert hex(call.reference).encode() not in (frames[0] or b"")


async def test_nobody_looks_and_the_sniffer_is_left_alone() -> None:
    """Who may not, does not want to, or looks at another server, is nobody."""
    sniffer = SimSniffer()
    async with watched_lab(sniffer, "pbx1") as one:
        await one.client("agent", "agent's")
        await one.client("else", "else's")
        off = await one.client(events="off")
        watcher = await one.client("calls", "calls's")
        await watcher.event("SnifferReset")
        await asked_again(sniffer)
        await watcher.action("Events", ("EventMask", "off"))
        await holds(lambda: not sniffer.open_now)
        await one.logged("login", user="calls")
        await watcher.action("Ping", ("ActionID", "p"))
        await watcher.answer("p")
        await no_more(sniffer)
        await off.action("Events", ("EventMask", "call"))
        assert about(await off.event("SnifferReset"), "Reason") == {"Reason": "watching began"}
        await asked_again(sniffer)
        await trio.aclose_forcefully(off.stream)
        await one.logged("client_done", user="anna")
        await no_more(sniffer)


async def no_more(sniffer: SimSniffer) -> None:
    """Wait until it is asked nothing any more: three times as long as between two looks."""
    with trio.fail_after(PATIENCE_S):
        before = -1
        while before != sniffer.connections:  # what is under way, and until the demand is looked at
            before = sniffer.connections
            await trio.sleep(3 * OFTEN["calls"])


async def test_each_class_is_asked_for_by_who_may_see_it() -> None:
    sniffer = SimSniffer()
    async with watched_lab(sniffer) as one:
        state = await one.client("state", "state's")
        frame = await state.event("SnifferStat")
        assert about(frame, "Privilege", "Version", "Server") == {
            "Privilege": "reporting,all",
            "Version": "2026.04.0",
            "Server": "s2",
        }
        await state.event("SnifferStat")
        assert not sniffer.asked["listcalls"]
        calls = await one.client("calls", "calls's")
        await calls.event("SnifferReset")
        sniffer.start_call(ring_s=600)
        assert (await calls.frame()).name == b"SnifferCallStart", "and no SnifferStat"


async def test_hundred_clients_cost_one_exchange() -> None:
    sniffer = SimSniffer()
    async with watched_lab(sniffer) as one:
        first = await one.client("calls", "calls's")
        await first.event("SnifferReset")
        for _ in range(20):
            await one.client("calls", "calls's")
        before, most = sniffer.asked["listcalls"], sniffer.open_most
        begun = trio.current_time()
        await asked_again(sniffer, times=5)
        passed = trio.current_time() - begun
        assert sniffer.asked["listcalls"] - before <= passed / (OFTEN["calls"] / 2) + 1
        assert most <= 2
        assert sniffer.asked["sniffer_stat"] == 1


async def test_a_clients_listcalls_takes_what_was_asked_for_the_watch() -> None:
    sniffer = SimSniffer(calls_at_start=1)
    async with watched_lab(
        sniffer, watch={"calls": 3600.0, "stat": 0.0}, freshness={"listcalls": 3600.0}
    ) as one:
        client = await one.client()
        await client.event("SnifferReset")
        await client.action("SnifferCommand", ("Command", "listcalls"), ("ActionID", "1"))
        assert (await client.answer("1")).name == b"Success"
        assert sniffer.asked["listcalls"] == 1


async def test_a_restart_is_one_event() -> None:
    sniffer = SimSniffer()
    async with watched_lab(sniffer) as one:
        sniffer.restart(uptime_s=1000)
        for _ in range(5):
            sniffer.start_call(ring_s=600)
        client = await one.client("calls", "calls's")
        await client.event("SnifferReset")
        sniffer.faults.cut_after = 0
        assert about(await client.event("SnifferDown"), "Reason", "Server") == {
            "Reason": "listcalls: an empty reply, as of one that is starting or stopping",
            "Server": "s2",
        }
        sniffer.restart()
        sniffer.start_call(ring_s=600)
        sniffer.faults.clear()
        names = [(await client.frame()).name for _ in range(2)]
        assert names == [b"SnifferUp", b"SnifferReset"]
        await asked_again(sniffer)
        sniffer.start_call(ring_s=600)
        assert (await client.frame()).name == b"SnifferCallStart"
        await one.logged("sniffer_up", sniffer="s2")


async def test_a_sniffer_that_hangs_is_down_and_comes_back() -> None:
    sniffer = SimSniffer()
    async with watched_lab(sniffer, answer_timeout_s=2) as one:
        client = await one.client("calls", "calls's")
        await client.event("SnifferReset")
        sniffer.faults.hang()
        assert about(await client.event("SnifferDown"), "Reason") == {"Reason": "listcalls: no answer"}
        await one.logged("sniffer_down", sniffer="s2")
        sniffer.faults.resume()
        assert (await client.frame()).name == b"SnifferUp"


async def test_a_sniffer_that_is_not_there_is_told_once() -> None:
    users = (CALLS_ONLY,)
    async with lab(users=users, extra=(configured("s2", 9, at=1, watch=OFTEN),)) as one:
        client = await one.client("calls", "calls's")
        down = await client.event("SnifferDown")
        assert about(down, "Reason") == {"Reason": "sniffer_stat: not connected"}
        with trio.move_on_after(0.5):
            raise AssertionError(await client.raw())


async def test_a_wrong_key_is_told_without_the_key() -> None:
    async with watched_lab(SimSniffer(key=KEY), key=OTHER_KEY) as one:
        client = await one.client("calls", "calls's")
        assert about(await client.event("SnifferDown"), "Reason") == {"Reason": "sniffer_stat: wrong key"}


async def test_popups_become_events() -> None:
    sniffer = SimSniffer(popup_users={"agent1": "secret1"})
    async with watched_lab(sniffer, popup=Secret("agent1 secret1 K1")) as one:
        client = await one.client("calls", "calls's")
        await client.event("SnifferReset")
        await holds(lambda: sniffer.asked["login_screen_popup"] == 1)
        call = sniffer.start_call(caller="4001", ring_s=600)
        popup = await client.event("SnifferPopup")
        assert about(popup, "Privilege", "SIPResponse", "Caller", "Called", "Server") == {
            "Privilege": "call,all",
            "SIPResponse": "180",
            "Caller": "4001",
            "Called": call.called,
            "Server": "s2",
        }
        await trio.aclose_forcefully(client.stream)
        await holds(lambda: not sniffer.open_now)


async def test_a_refused_popup_login_is_told_in_the_log() -> None:
    async with watched_lab(SimSniffer(), popup=Secret("agent1 canary")) as one:
        await one.client("calls", "calls's")
        line = await one.logged("popups_ended", sniffer="s2")
        assert line["reason"] == "login refused: Invalid user or password."
        assert "canary" not in str(one.lines)


async def test_the_example_shows_calls_of_a_sniffer_to_an_ami_client() -> None:
    simulate = Simulate(asterisks=1, sniffers=1, calls_per_second=5.0)
    async with lab(simulate=simulate) as one:
        client: AmiClient = await one.client()
        start = await client.event("SnifferCallStart")
        assert about(start, "Server", "SensorID") == {"Server": "sniffer1", "SensorID": "1"}


async def test_sniffers_may_come_and_go() -> None:
    """As those of a database do."""
    hub, nobody, sniffer = Hub(), Watching(Hub()), SimSniffer()
    maker, watching = WatcherMaker(hub=hub, journal_bytes=1 << 20), Watching(hub)
    seen: list[bytes] = []
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sniffer.serve, "127.0.0.1", 0))
        server = configured("s2", port, watch=OFTEN)
        one = SnifferMaker().make(server)
        await nursery.start(one.run)
        nursery.start_soon(nobody.run)
        nursery.start_soon(watching.run)
        hub.attach(Sink(seen), ViewKey())
        for _ in range(2):
            watching.add(maker.make(server, one))
            await holds(lambda: any(b"SnifferReset" in data for data in seen))
            watching.drop("s2")
            assert b"Event: SnifferDown" in seen[-1]
            await no_more(sniffer)
            seen.clear()
        watching.add(maker.make(server, one))
        watching.drop("s2")
        await no_more(sniffer)
        nursery.cancel_scope.cancel()


class Sink:
    """Keeps what it is given."""

    client = 1

    def __init__(self, seen: list[bytes]) -> None:
        self._seen = seen

    def offer(self, data: bytes, span: object) -> None:
        self._seen.append(data)

    def cut(self, reason: str) -> None:
        raise AssertionError(reason)

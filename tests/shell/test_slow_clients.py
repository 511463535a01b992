"""``slow_client`` over real sockets: every number is an event or in a gap, and nobody else notices."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
import trio

from amp.config.schema import Limits, Listen
from amp.core.ami.frame import Frame
from shell.harness import ANNA, AmiClient, Lab, lab
from shell.test_resume import ask, numbered, place, position, user_events, values

SLOW = attrs.evolve(ANNA, name="slow", slow_client="gap")
QUICK = attrs.evolve(ANNA, name="quick", slow_client="disconnect")
LIMIT = 1_000_000
LIMITS = Limits(outlet_bytes=LIMIT)
LISTENERS = [Listen(port=0), Listen(port=0, slow_client="gap")]
TOO_SLOW = f"too slow: more than {LIMIT} bytes waiting"


async def flood(one: Lab, watching: AmiClient, enough: Callable[[], bool]) -> None:
    """Events until it is enough; somebody else gets every one of them."""
    begun = 0
    while not enough():
        assert begun < 20_000, "no socket has so large buffers"
        for number in range(begun, begun + 50):
            one.sims["a"].user_event(f"E{number}", *((name, "x" * 900) for name in ("One", "Two", "Three")))
        begun += 50
        assert len(await user_events(watching, b"E%d" % (begun - 1))) == 50


def has_ended(one: Lab, user: str) -> bool:
    return any(line["event"] == "client_done" and line["user"] == user for line in one.lines)


@pytest.mark.parametrize("listen", LISTENERS, ids=["user", "listener"])
async def test_every_number_is_an_event_or_in_a_gap(listen: Listen) -> None:
    user = SLOW.name if listen.slow_client is None else ANNA.name
    async with lab("a", users=(ANNA, SLOW), limits=LIMITS, listen=(listen,)) as one:
        watching = await one.client()
        slow = await one.client(user)
        seq = int(values(await ask(slow, "SetSequence"), b"Position")[0].split()[-1])
        await flood(one, watching, lambda: one.app.hub.resumes.dropped > 0)
        assert (await one.logged("events_dropped"))["log_level"] == "warning"
        gaps = events = 0
        while seq < one.app.hub.journal(b"a").head:
            frame = await slow.frame()
            if frame.name == b"ProxyGap":
                assert frame.get(b"Reason") == b"slow client"
                assert int(frame.get(b"From") or b"") == seq + 1
                gaps += place(frame)[2] - seq
            else:
                assert place(frame)[2] == seq + 1
                events += 1
            seq = place(frame)[2]
        assert gaps == one.app.hub.resumes.dropped
        assert events > 0
        await slow.action("Logoff")
        assert (await one.logged("client_done"))["dropped"] == gaps


async def test_a_users_own_policy_counts_more_than_the_listeners() -> None:
    listen = Listen(port=0, slow_client="gap")
    async with lab("a", users=(ANNA, QUICK), limits=LIMITS, listen=(listen,)) as one:
        watching = await one.client()
        await one.client("quick")
        await flood(one, watching, lambda: has_ended(one, "quick"))
        assert (await one.logged("client_done", user="quick"))["reason"] == TOO_SLOW


async def test_a_client_that_was_cut_for_being_slow_gets_the_rest_when_it_comes_back() -> None:
    """The default policy and Resume together: nothing is lost, and nothing comes twice."""
    async with lab("a", users=(ANNA, QUICK), limits=LIMITS) as one:
        watching = await one.client()
        slow = await one.client("quick", events="off")
        await ask(slow, "SetSequence")
        await slow.action("Events", ("EventMask", "on"), ("ActionID", "on"))
        await slow.answer("on")
        await flood(one, watching, lambda: has_ended(one, "quick"))
        places = []
        while raw := await slow.raw():
            places.append(place(Frame.parse(raw)))
        again, _ = await numbered(one, events="off")
        await ask(again, "Resume", position(places[-1]))
        while places[-1][2] < one.app.hub.journal(b"a").head:
            places.append(place(await again.frame()))
        seqs = [seq for _, _, seq in places]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        await trio.aclose_forcefully(again.stream)

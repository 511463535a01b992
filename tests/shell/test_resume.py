"""Clients that come back: SetSequence and Resume over real sockets."""

from __future__ import annotations

import attrs
import trio

from amp.config.schema import Limits, User
from amp.config.secret import Secret
from amp.core.ami.frame import Frame
from shell.harness import ANNA, PATIENCE_S, AmiClient, Lab, lab, server

Place = tuple[bytes, bytes, int]


def place(frame: Frame) -> Place:
    """Server, epoch and number of an event."""
    found = frame.get(b"Server"), frame.get(b"ProxyEpoch"), frame.get(b"ProxySeq")
    assert None not in found, frame
    server, epoch, seq = found
    return server or b"", epoch or b"", int(seq or b"")


def position(place: Place) -> tuple[str, str]:
    server, epoch, seq = place
    return "Position", f"{server.decode()} {epoch.decode()} {seq}"


async def ask(client: AmiClient, name: str, *headers: tuple[str, str]) -> Frame:
    """Ask amp itself, and give the answer; it is the next frame."""
    await client.send(("ProxyAction", name), ("ActionID", "ask"), *headers)
    return await client.until(lambda frame: frame.headers[0][0] == b"ProxyResponse")


def values(frame: Frame, name: bytes) -> list[bytes]:
    return [value for header, value in frame.headers if header == name]


async def numbered(one: Lab, events: str = "on") -> tuple[AmiClient, Frame]:
    client = await one.client(events=events)
    return client, await ask(client, "SetSequence")


async def user_events(client: AmiClient, last: bytes) -> list[Frame]:
    """The UserEvents up to this one."""
    found: list[Frame] = []
    while not found or found[-1].get(b"UserEvent") != last:
        found.append(await client.event("UserEvent"))
    return found


def names(frames: list[Frame]) -> list[bytes]:
    return [frame.get(b"UserEvent") or b"" for frame in frames]


async def test_what_was_missed_comes_once_and_in_order() -> None:
    """The answer first, then what it missed, then what comes; other clients notice nothing."""
    async with lab("a", "b") as one:
        first, answer = await numbered(one)
        assert [value.split()[0] for value in values(answer, b"Position")] == [b"a", b"b"]
        other = await one.client()
        one.sims["a"].user_event("E1")
        (seen,) = await user_events(first, b"E1")
        await trio.aclose_forcefully(first.stream)
        for name in ("E2", "E3"):
            one.sims["a"].user_event(name)
        await user_events(other, b"E3")
        again = await one.client(events="off")
        answer = await ask(again, "Resume", position(place(seen)))
        server_name, epoch, seq = place(seen)
        assert answer.headers[0] == (b"ProxyResponse", b"Success")
        assert values(answer, b"Replay") == [b"%s %s %d %d" % (server_name, epoch, seq + 1, seq + 2)]
        assert [value.split()[0] for value in values(answer, b"Position")] == [b"b"]
        assert values(answer, b"Gap") == []
        one.sims["a"].user_event("E4")
        frames = await user_events(again, b"E4")
        assert names(frames) == [b"E2", b"E3", b"E4"]
        assert [place(frame)[2] for frame in frames] == [seq + 1, seq + 2, seq + 3]
        assert frames[0].headers[-1] == (b"Server", b"a")


async def test_another_run_of_amp_is_a_gap_and_the_whole_journal() -> None:
    """Positions of another epoch: nobody knows what came between."""
    async with lab("a") as one:
        watching, _ = await numbered(one)
        one.sims["a"].user_event("E1")
        await user_events(watching, b"E1")
        again = await one.client(events="off")
        answer = await ask(again, "Resume", ("Position", "a 0ld 7"), ("Position", "gone 0ld 3"))
        assert values(answer, b"Gap") == [b"a new epoch", b"gone unknown server"]
        gaps = [await again.event("ProxyGap"), await again.event("ProxyGap")]
        by_reason = {frame.get(b"Reason"): frame for frame in gaps}
        new, unknown = by_reason[b"new epoch"], by_reason[b"unknown server"]
        assert (new.get(b"From"), new.get(b"To"), new.get(b"ProxySeq")) == (None, None, b"0")
        assert (unknown.get(b"From"), unknown.get(b"ProxySeq"), unknown.get(b"Server")) == (
            b"4",
            None,
            b"gone",
        )
        frames = await user_events(again, b"E1")
        assert place(frames[0])[1] == new.get(b"ProxyEpoch")


async def test_what_the_journal_has_no_more_is_a_gap_that_names_it() -> None:
    """A client that comes too late gets the rest, and is told what is missing."""
    async with lab("a", limits=Limits(journal_bytes=4096)) as one:
        watching, answer = await numbered(one)
        begun = values(answer, b"Position")[0].split()
        for number in range(40):
            one.sims["a"].user_event(f"E{number}")
            await user_events(watching, b"E%d" % number)
        again = await one.client(events="off")
        answer = await ask(again, "Resume", ("Position", values(answer, b"Position")[0].decode()))
        assert values(answer, b"Gap") == [b"a not in journal"]
        gap = await again.event("ProxyGap")
        frames = await user_events(again, b"E39")
        assert gap.get(b"From") == b"%d" % (int(begun[2]) + 1)
        assert int(gap.get(b"To") or b"") == place(frames[0])[2] - 1 == place(gap)[2]
        assert [place(frame)[2] for frame in frames] == list(
            range(place(frames[0])[2], place(frames[-1])[2] + 1)
        )


async def test_events_grow_old() -> None:
    """``journal_age`` empties the journal also when nothing comes."""
    async with lab("a", limits=Limits(journal_age_s=1.0)) as one:
        watching, answer = await numbered(one)
        one.sims["a"].user_event("E1")
        await user_events(watching, b"E1")
        journal = one.app.hub.journal(b"a")
        with trio.fail_after(PATIENCE_S):
            while True:
                if not journal.size_bytes:
                    break
                await trio.sleep(0.05)
        again = await one.client(events="off")
        answer = await ask(again, "Resume", ("Position", values(answer, b"Position")[0].decode()))
        assert values(answer, b"Gap") == [b"a not in journal"]


async def test_a_lost_server_is_told_between_its_end_and_its_return() -> None:
    """ServerDown, ProxyGap, ServerUp have numbers of their own in one epoch, and can be replayed."""
    async with lab("a") as one:
        watching, answer = await numbered(one)
        one.sims["a"].faults.drop()
        down = await watching.event("ServerDown")
        gap, up = await watching.frame(), await watching.frame()
        assert [frame.name for frame in (gap, up)] == [b"ProxyGap", b"ServerUp"]
        assert gap.get(b"Reason") == b"server lost"
        epochs = {place(frame)[1] for frame in (down, gap, up)}
        assert [place(frame)[2] - place(down)[2] for frame in (down, gap, up)] == [0, 1, 2]
        assert epochs == {values(answer, b"Position")[0].split()[1]}
        again = await one.client(events="off")
        await ask(again, "Resume", position(place(down)))
        assert [(await again.frame()).name for _ in range(2)] == [b"ProxyGap", b"ServerUp"]


async def test_who_resumes_hears_which_other_servers_are_down() -> None:
    """As everybody does who comes; of the servers whose positions it gave it knows by their events."""
    async with lab("a", extra=(server("deaf", 9),)) as one:
        _, answer = await numbered(one)
        at = dict(value.split(b" ", 1) for value in values(answer, b"Position"))
        again = await one.client(events="off")
        await ask(again, "Resume", ("Position", f"a {at[b'a'].decode()}"))
        assert (await again.event("ServerDown")).get(b"Server") == b"deaf"
        knows = await one.client(events="off")
        both = [("Position", f"{name.decode()} {rest.decode()}") for name, rest in at.items()]
        await ask(knows, "Resume", *both)
        one.sims["a"].user_event("Next")
        assert (await knows.frame()).get(b"UserEvent") == b"Next"


async def test_rights_filters_and_masks_hold_for_what_is_told_again() -> None:
    """A user sees of the journal what it would have seen, and nothing of other servers."""
    bound = User(name="bound", secret=Secret("b"), read=("user",), server="a", on_server_loss="event")
    async with lab("a", "b", users=(ANNA, bound)) as one:
        watching, answer = await numbered(one)
        at = [("Position", value.decode()) for value in values(answer, b"Position")]
        for name in ("a", "b"):
            one.sims[name].user_event("E1")
            await user_events(watching, b"E1")
        client = await one.client("bound", "b", events="off")
        answer = await ask(client, "Resume", *at)
        assert values(answer, b"Gap") == [b"b unknown server"]
        assert (await client.event("ProxyGap")).get(b"Server") == b"b"
        assert place((await user_events(client, b"E1"))[0])[0] == b"a"
        one.sims["b"].user_event("Unseen")
        one.sims["a"].user_event("E2")
        assert names(await user_events(client, b"E2")) == [b"E2"]


async def test_in_another_format_as_well() -> None:
    """Numbers and gaps are headers like any other."""
    async with lab("a") as one:
        watching, _ = await numbered(one)
        one.sims["a"].user_event("E1")
        await user_events(watching, b"E1")
        again = await one.client(events="off")
        await again.send(("ProxyAction", "SetOutputFormat"), ("OutputFormat", "json"))
        await again.send(("ProxyAction", "Resume"), ("Position", "a 0ld 7"))
        text = b""
        with trio.fail_after(PATIENCE_S):
            while b'"UserEvent":"E1"' not in text:
                text += await again.stream.receive_some(65536)
        assert b'"Event":"ProxyGap"' in text
        assert b'"Reason":"new epoch"' in text


async def test_it_goes_on_while_it_is_read_slowly_and_others_are_served() -> None:
    """A journal of some megabytes in many pieces, while new events come: each once and in order."""
    async with lab("a") as one:
        watching, answer = await numbered(one)
        text = "x" * 900
        for number in range(3000):
            one.sims["a"].user_event(f"E{number}", ("Text", text))
            if number % 100 == 99:
                await user_events(watching, b"E%d" % number)
        again = await one.client(events="off")
        await ask(again, "Resume", ("Position", values(answer, b"Position")[0].decode()))
        for number in range(3000, 3200):
            one.sims["a"].user_event(f"E{number}")
        frames = await user_events(again, b"E3199")
        assert names(frames) == [b"E%d" % number for number in range(3200)]
        seqs = [place(frame)[2] for frame in frames]
        assert seqs == list(range(seqs[0], seqs[0] + 3200))
        assert one.app.hub.resumes.resumed == 1


async def test_it_can_change_its_mind_on_the_way() -> None:
    """Events: off ends it, and so does the end of the connection; then it can begin again."""
    async with lab("a") as one:
        watching, answer = await numbered(one)
        at = ("Position", values(answer, b"Position")[0].decode())
        one.sims["a"].user_event("E1")
        await user_events(watching, b"E1")
        again = await one.client(events="off")
        await again.send(("ProxyAction", "Resume"), at)
        await again.action("Events", ("EventMask", "off"), ("ActionID", "off"))
        await again.answer("off")
        assert (await ask(again, "Resume", at)).headers[0] == (b"ProxyResponse", b"Success")
        assert names(await user_events(again, b"E1")) == [b"E1"]


async def test_what_is_wrong_is_said_and_changes_nothing() -> None:
    async with lab("a", users=(ANNA, attrs.evolve(ANNA, name="blind", read=()))) as one:
        off = await one.client(events="off")
        now = values(await ask(off, "SetSequence"), b"Position")[0].decode()
        server_name, epoch, seq = now.split()
        for headers, problem in (
            ((), b"Expected Position: SERVER EPOCH SEQ, as in the answer to SetSequence"),
            (
                (("Position", f"{server_name} {epoch} {int(seq) + 1}"),),
                f"not come further than {seq}".encode(),
            ),
            ((("Position", now), ("EventMask", "off")), b"Invalid event mask"),
        ):
            answer = await ask(off, "Resume", *headers)
            assert answer.headers[0] == (b"ProxyResponse", b"Failure")
            assert problem in (answer.get(b"Message") or b"")
        seeing = await one.client()
        answer = await ask(seeing, "Resume", ("Position", now))
        assert b"log in with Events: off" in (answer.get(b"Message") or b"")
        blind = await one.client("blind", events="off")
        assert b"none of these events" in (
            (await ask(blind, "Resume", ("Position", now))).get(b"Message") or b""
        )
        assert (await ask(off, "SetSequence", ("Sequence", "maybe"))).headers[0][1] == b"Failure"
        assert values(await ask(off, "SetSequence", ("Sequence", "off")), b"Sequence") == [b"Off"]

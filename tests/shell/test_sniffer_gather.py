"""One SnifferCommand for several sniffers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import orjson
import pytest
import trio

from amp.config.schema import Limits, User
from amp.config.secret import Secret
from amp.core.ami.frame import Frame
from amp.sim.sniffer.sniffer import SimSniffer
from shell.harness import AmiClient, Lab, lab
from shell.sniffing import KEY, OTHER_KEY, configured

FANNY = User(name="fanny", secret=Secret("fanny's"), write=("fanout",))
RITA = User(name="rita", secret=Secret("rita's"))
BOUND = User(name="bound", secret=Secret("bound's"), write=("fanout",), server="s1", servers=("s2",))

MERGED = (("Server", "*"), ("Merge", "yes"))

Headers = tuple[tuple[str, str], ...]


@asynccontextmanager
async def fleet(
    sniffers: dict[str, SimSniffer], *, limits: Limits | None = None, gone: tuple[str, ...] = ()
) -> AsyncIterator[Lab]:
    """amp in front of some sniffers, and of some that are not there."""
    async with trio.open_nursery() as nursery:
        extra = [configured(name, 9, at=1) for name in gone]
        for number, (name, sniffer) in enumerate(sniffers.items(), 1):
            _, port = await nursery.start(partial(sniffer.serve, "127.0.0.1", 0))
            key = OTHER_KEY if sniffer.key is not None else None
            extra.append(configured(name, port, key, sensor_id=number))
        async with lab(users=(FANNY, RITA, BOUND), extra=tuple(extra), limits=limits) as one:
            yield one
        nursery.cancel_scope.cancel()


async def gathered(client: AmiClient, *headers: tuple[str, str]) -> list[Frame]:
    """Ask, and give the answer's frames up to the closing one."""
    await client.action("SnifferCommand", *headers)
    frames = [await client.frame()]
    while frames[-1].headers[0] != (b"Event", b"ProxyFanoutComplete"):
        frames.append(await client.frame())
    return frames


def by_server(frames: list[Frame]) -> dict[bytes, Frame]:
    return {frame.get(b"Server") or b"": frame for frame in frames}


def counts(frame: Frame) -> tuple[int, ...]:
    return tuple(int(frame.get(name) or b"-1") for name in (b"Servers", b"Answers", b"Errors", b"Missing"))


async def test_every_sniffer_answers_under_its_name() -> None:
    sniffers = {f"s{n}": SimSniffer(version=f"v{n}") for n in (1, 2, 3)}
    async with fleet(sniffers) as one:
        client = await one.client("fanny", "fanny's", events="off")
        *answers, closing = await gathered(
            client, ("Server", "*"), ("Command", "getversion"), ("ActionID", "g1")
        )
        assert {name: frame.get(b"Output") for name, frame in by_server(answers).items()} == {
            b"s1": b"v1",
            b"s2": b"v2",
            b"s3": b"v3",
        }
        assert all(frame.get(b"ActionID") == b"g1" for frame in (*answers, closing))
        assert counts(closing) == (3, 3, 0, 0)
        line = await one.logged("sniffer_command", user="fanny", sniffer="s3", command="getversion")
        assert line["result"] == "done"


@pytest.mark.parametrize(
    ("server", "found", "missing"),
    [
        ("s[12]", {b"s1", b"s2"}, 0),
        ("s3, s1,nobody", {b"s1", b"s3", b"nobody"}, 1),
        ("2,s1", {b"s1", b"s2"}, 0),
    ],
)
async def test_lists_globs_and_sensor_numbers(server: str, found: set[bytes], missing: int) -> None:
    async with fleet({f"s{n}": SimSniffer() for n in (1, 2, 3)}) as one:
        client = await one.client("fanny", "fanny's", events="off")
        *answers, closing = await gathered(client, ("Server", server), ("Command", "getversion"))
        assert set(by_server(answers)) == found
        assert counts(closing)[3] == missing


async def test_a_sniffer_is_found_by_its_number() -> None:
    async with fleet({"a": SimSniffer(version="va"), "b": SimSniffer(version="vb")}) as one:
        client = await one.client("rita", "rita's", events="off")
        await client.action("SnifferCommand", ("Server", "2"), ("Command", "getversion"))
        frame = await client.frame()
        assert (frame.get(b"Output"), frame.get(b"Server")) == (b"vb", b"b")


async def test_who_does_not_answer_is_counted() -> None:
    """One refuses amp's key, one hangs, one is not there."""
    sniffers = {"s1": SimSniffer(), "keyed": SimSniffer(key=KEY), "hangs": SimSniffer()}
    sniffers["hangs"].faults.hang()
    async with fleet(sniffers, gone=("gone",), limits=Limits(fanout_timeout_s=2)) as one:
        client = await one.client("fanny", "fanny's", events="off")
        *answers, closing = await gathered(client, ("Server", "*"), ("Command", "totalcalls"))
        messages = {name: frame.get(b"Message") for name, frame in by_server(answers).items()}
        assert messages[b"s1"] == b"Command output follows"
        assert (messages[b"keyed"] or b"").startswith(b"Not sent: totalcalls: ")
        assert messages[b"hangs"] == b"Outcome unknown: no answer from server hangs within 2 s"
        assert (messages[b"gone"] or b"").startswith(b"Not sent: totalcalls: ")
        assert counts(closing) == (4, 1, 1, 2)
        assert set((closing.get(b"MissingServers") or b"").split(b", ")) == {b"hangs", b"gone"}
        line = await one.logged("sniffer_command", sniffer="hangs")
        assert line["result"] == "given up"


async def test_rights_hold_for_each() -> None:
    sniffers = {"s1": SimSniffer(), "s2": SimSniffer()}
    async with fleet(sniffers) as one:
        client = await one.client("fanny", "fanny's", events="off")
        *answers, closing = await gathered(client, ("Server", "*"), ("Command", "getfile x"))
        assert {frame.get(b"Message") for frame in answers} == {
            b"Permission denied: getfile: not among your sniffer commands"
        }
        assert counts(closing) == (2, 0, 2, 0)
        assert not any(sniffer.connections for sniffer in sniffers.values())


async def test_a_bound_user_reaches_its_servers_only() -> None:
    async with fleet({f"s{n}": SimSniffer() for n in (1, 2, 3)}) as one:
        client = await one.client("bound", "bound's", events="off")
        *answers, closing = await gathered(client, ("Server", "*"), ("Command", "getversion"))
        assert set(by_server(answers)) == {b"s1", b"s2"}
        assert counts(closing) == (2, 2, 0, 0)


@pytest.mark.parametrize(
    ("user", "headers", "message"),
    [
        ("rita", (("Server", "*"),), "Permission denied: several servers at once (right fanout)"),
        ("fanny", (("Server", ","),), "Not sent: Server: names no server"),
        ("fanny", (("Server", "s1,s2,x"),), "Not sent: Server: names 3 servers, at most 2 at once"),
        ("fanny", MERGED, "Not sent: Merge: only listcalls can be merged, not getversion"),
        ("fanny", (("Server", "nobody"), ("Merge", "yes")), "Not sent: unknown server nobody"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_one_error(user: str, headers: Headers, message: str) -> None:
    sniffers = {"s1": SimSniffer(), "s2": SimSniffer()}
    async with fleet(sniffers, limits=Limits(fanout_servers=2)) as one:
        client = await one.client(user, f"{user}'s", events="off")
        await client.action("SnifferCommand", ("Command", "getversion"), ("ActionID", "7"), *headers)
        frame = await client.answer("7")
        assert (frame.name, (frame.get(b"Message") or b"").decode()) == (b"Error", message)


async def test_calls_of_all_as_one_table() -> None:
    sniffers = {"s1": SimSniffer(calls_at_start=3), "s2": SimSniffer(calls_at_start=2), "bad": SimSniffer()}
    sniffers["bad"].faults.garbage = b"[1,2]"
    async with fleet(sniffers) as one:
        client = await one.client("fanny", "fanny's", events="off")
        error, table, closing = await gathered(
            client,
            ("Server", "*"),
            ("Merge", "yes"),
            ("Command", 'listcalls {"limit":"4"}'),
            ("ActionID", "m"),
        )
        assert (error.name, error.get(b"Server")) == (b"Error", b"bad")
        assert (table.name, table.get(b"ActionID"), table.get(b"Server")) == (b"Success", b"m", None)
        header, (totals,), *rows = orjson.loads(table.get(b"Output") or b"")
        assert (header[0], header[-1]) == ("callreference", "server")
        assert totals == {"total": 5, "servers": {"s1": 3, "s2": 2}}
        assert len(rows) == 4
        assert {row[0] for row in rows} == {"hidden"}
        assert counts(closing) == (3, 2, 0, 1)


async def test_the_calls_of_one_may_have_its_name_in_them() -> None:
    async with fleet({"s1": SimSniffer(calls_at_start=1)}) as one:
        client = await one.client("rita", "rita's", events="off")
        table, closing = await gathered(client, ("Merge", "yes"), ("Command", "listcalls"))
        assert orjson.loads(table.get(b"Output") or b"")[2][-1] == "s1"
        assert counts(closing) == (1, 1, 0, 0)


async def test_a_merge_of_nothing_is_no_table() -> None:
    async with fleet({}, gone=("s1", "s2")) as one:
        client = await one.client("fanny", "fanny's", events="off")
        *errors, closing = await gathered(client, ("Server", "*"), ("Merge", "yes"), ("Command", "listcalls"))
        assert [frame.name for frame in errors] == [b"Error", b"Error"]
        assert counts(closing) == (2, 0, 0, 2)


async def test_answers_without_action_ids_keep_their_order() -> None:
    sniffers = {"s1": SimSniffer(), "s2": SimSniffer()}
    sniffers["s1"].faults.delay_s = 0.3
    async with fleet(sniffers) as one:
        client = await one.client("fanny", "fanny's", events="off")
        await client.action("SnifferCommand", ("Server", "*"), ("Command", "getversion"))
        await client.action("Ping")
        frames = [await client.frame() for _ in range(4)]
        assert [frame.get(b"Server") for frame in frames[:2]] == [b"s2", b"s1"]
        assert frames[2].name == b"ProxyFanoutComplete"
        assert frames[3].get(b"Ping") == b"Pong"


async def test_replies_that_are_too_much_together_are_not_held() -> None:
    sniffers = {"s1": SimSniffer(calls_at_start=100), "s2": SimSniffer(calls_at_start=100)}
    async with fleet(sniffers, limits=Limits(max_frame_bytes=70_000)) as one:
        client = await one.client("fanny", "fanny's", events="off")
        error, table, closing = await gathered(
            client, ("Server", "*"), ("Merge", "yes"), ("Command", "listcalls")
        )
        assert (error.get(b"Message") or b"").startswith(b"Outcome unknown: ")
        assert b"over 70000 bytes" in (error.get(b"Message") or b"")
        assert table.name == b"Success"
        assert counts(closing) == (2, 1, 0, 1)

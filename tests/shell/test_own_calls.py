"""Users who see and touch their own calls only, through the whole proxy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import trio

from amp.config.schema import User, VoipmonitorServer
from amp.config.secret import Secret
from amp.core.ami.frame import Frame
from amp.sim.events import Event
from channels import began, bridged, dialled, event, hung_up, stated
from shell.harness import ANNA, PATIENCE_S, AmiClient, Lab, lab
from shell.test_reload import ANNA_READS_ALL, hang_up

OWN, ALIEN, THIRD = ("SIP/100-1", "1.1"), ("SIP/200-2", "1.2"), ("SIP/300-3", "1.3")


STEVE = User(name="steve", secret=Secret("s"), write=("call", "originate", "reporting"), channel="SIP/100")


def steve(**keys: Any) -> User:
    """The same with other keys."""
    return attrs.evolve(STEVE, **keys)


def publish(one: Lab, *frames: bytes, server: str = "a") -> None:
    """The server sends these events to everybody."""
    one.sims[server].publish([Event(0, frame + b"\r\n\r\n") for frame in frames])


async def events(client: AmiClient, count: int) -> list[bytes]:
    """The next events, without their last header."""
    return [(await client.raw()).removesuffix(b"\r\nServer: a") for _ in range(count)]


async def shown(one: Lab, client: AmiClient, *frames: bytes) -> list[bytes]:
    """What a client is shown of these, up to a ServerDown-like marker of its own channel."""
    marker = event("Newexten", ("Channel", "SIP/100-marker"))
    publish(one, *frames, marker)
    got: list[bytes] = []
    while not got or got[-1] != marker:
        got += await events(client, 1)
    return got[:-1]


async def test_only_own_calls_and_nothing_out_of_the_blue() -> None:
    async with lab("a", users=(ANNA, steve())) as one:
        client, anna = await one.client("steve", "s"), await one.client()
        await client.event("FullyBooted")
        frames = [
            began(*OWN),
            began(*ALIEN),
            began(*THIRD),
            stated(*ALIEN, "Ring"),
            dialled(OWN, ALIEN),
            stated(*THIRD),
        ]
        assert await shown(one, client, *frames) == [
            began(*OWN), began(*ALIEN), stated(*ALIEN, "Ring"), dialled(OWN, ALIEN),
        ]  # fmt: skip
        late = await one.client("steve", "s")
        await late.event("FullyBooted")
        assert await events(late, 3) == [began(*OWN), began(*ALIEN), stated(*ALIEN, "Ring")]
        publish(one, hung_up(*ALIEN))
        assert await events(client, 1) == await events(late, 1) == [hung_up(*ALIEN)]
        await anna.event("FullyBooted")
        assert [await anna.raw() for _ in frames] == [frame + b"\r\nServer: a" for frame in frames]


async def test_the_channels_are_known_though_nobody_was_there() -> None:
    """The first client of such a user comes into the middle of a call."""
    async with lab("a", users=(ANNA, steve())) as one:
        anna = await one.client()
        publish(one, began(*OWN), began(*ALIEN), bridged(OWN, ALIEN))
        await anna.event("Bridge")
        client = await one.client("steve", "s")
        await client.event("FullyBooted")
        assert await events(client, 2) == [began(*OWN), began(*ALIEN)]


async def test_lists_show_own_channels_and_count_them() -> None:
    async with lab("a", users=(ANNA, steve(channel="Local/mine@"))) as one:
        client, anna = await one.client("steve", "s", "off"), await one.client(events="off")
        for number in range(3):
            kind = "mine" if number == 1 else "theirs"
            await anna.action(
                "Originate",
                ("ActionID", f"{number}"),
                ("Channel", f"Local/{kind}@x"),
                ("Exten", "1"),
                ("Context", "y"),
                ("Priority", "1"),
                ("Async", "true"),
            )
            await anna.answer(f"{number}")
        for name, item in (("CoreShowChannels", b"CoreShowChannel"), ("Status", b"Status")):
            all_items, whole = await listed(anna, name, item)
            own_items, count = await listed(client, name, item)
            assert own_items
            assert own_items == [value for value in all_items if value.startswith(b"Local/mine@")]
            assert (count, whole) == (len(own_items), len(all_items))


async def listed(client: AmiClient, action: str, item: bytes) -> tuple[list[bytes], int]:
    """The channels of a list, and the number of items that its end tells."""
    await client.action(action, ("ActionID", action))
    assert (await client.answer(action)).name == b"Success"
    channels = []
    while (frame := await client.frame()).name == item:
        channels.append(frame.get(b"Channel") or b"")
    assert frame.get(b"EventList") == b"Complete"
    return channels, int(frame.get(b"ListItems") or b"")


async def refused(client: AmiClient, name: str, *headers: tuple[str, str]) -> str:
    await client.action(name, ("ActionID", name), *headers)
    answer = await client.answer(name)
    return (answer.get(b"Message") or b"").decode() if answer.get(b"Server") is None else ""


async def test_actions_on_other_channels_go_nowhere() -> None:
    async with lab("a", users=(steve(out_context="out"),)) as one:
        client = await one.client("steve", "s", "off")
        worked = one.sims["a"].actions_worked
        for header in ("Channel", "channel"):
            message = await refused(client, "Hangup", (header, ALIEN[0]))
            assert message == f"Permission denied: the channel in {header} is not the user's"
        message = await refused(
            client, "Originate", ("Channel", "SIP/100"), ("Context", "in"), ("Exten", "1")
        )
        assert message.startswith("Permission denied: the context")
        assert one.sims["a"].actions_worked == worked
        assert await refused(client, "Hangup", ("Channel", OWN[0])) == ""


async def test_what_is_forced_on_an_originate() -> None:
    """The account, the context, and the context of a Local channel, as the server gets them."""
    user = steve(channel="Local/mine@", account="steves", out_context="out", filter_local="enforce",
                 write=("originate", "user"))  # fmt: skip
    async with lab("a", users=(ANNA, user)) as one:
        client, anna = await one.client("steve", "s", "off"), await one.client()
        await client.action(
            "Originate",
            ("ActionID", "1"),
            ("Channel", "Local/7@elsewhere/n"),
            ("Exten", "1"),
            ("Priority", "1"),
            ("Account", "others"),
            ("Async", "true"),
        )
        assert (await client.answer("1")).name == b"Success"
        new = await anna.event("Newchannel")
        assert (new.get(b"Channel") or b"").startswith(b"Local/7@out-")
        assert (await anna.event("OriginateResponse")).get(b"Context") == b"out"
        await client.action("UserEvent", ("UserEvent", "Hello"), ("Account", "others"))
        assert (await anna.event("UserEvent")).get(b"Account") == b"steves"


async def test_the_asker_is_told_what_came_of_its_call() -> None:
    """Although the Local channel is not the user's."""
    async with lab("a", users=(steve(filter_local="allow"),)) as one:
        client = await one.client("steve", "s")
        await client.action(
            "Originate",
            ("ActionID", "mine"),
            ("Channel", "Local/7@x"),
            ("Exten", "1"),
            ("Context", "y"),
            ("Priority", "1"),
            ("Async", "true"),
        )
        response: Frame = await client.event("OriginateResponse")
        assert response.get(b"ActionID") == b"mine"


async def test_other_formats_show_the_same() -> None:
    async with lab("a", users=(steve(output_format="json", channel="Local/mine@"),)) as one:
        client = await one.connect()
        await client.greeting()
        await client.action("Login", ("Username", "steve"), ("Secret", "s"))
        publish(
            one, began("Local/mine@x-1;1", "1.1"), began(*ALIEN), dialled(("Local/mine@x-1;1", "1.1"), ALIEN)
        )
        data = b""
        with trio.fail_after(PATIENCE_S):
            while b"DialBegin" not in data or not data.endswith(b"\n"):
                data += await client.stream.receive_some(65536)
        told = [json.loads(line) for line in data.splitlines() if b"Uniqueid" in line]
        assert [one["Event"] for one in told] == ["Newchannel", "Newchannel", "DialBegin"]


async def test_a_reload_changes_what_is_seen(tmp_path: Path) -> None:
    """A user is bound to a channel, and set free again, while it is connected."""
    path = tmp_path / "amp.toml"
    async with lab("a", path=path) as one:
        anna = await one.client()
        await anna.event("FullyBooted")
        await hang_up(one, path, ANNA_READS_ALL + 'channel = "SIP/100"\n')
        await one.logged("rights_changed", user="anna")
        assert await shown(one, anna, began(*OWN), began(*ALIEN)) == [began(*OWN)]
        assert "not the user's" in await refused(anna, "Hangup", ("Channel", ALIEN[0]))
        await hang_up(one, path, ANNA_READS_ALL + 'channel = "SIP/200"\n')
        await one.logged("rights_changed", user="anna")
        assert await events(anna, 1) == [began(*ALIEN)]
        await hang_up(one, path, ANNA_READS_ALL)
        await one.logged("rights_changed", user="anna")
        assert await shown(one, anna, began(*THIRD)) == [began(*THIRD)]


async def test_sniffers_know_everybodys_calls() -> None:
    """So whoever has calls of its own gets no answer of one, unless its user says so."""
    sniffer = VoipmonitorServer(kind="voipmonitor", name="s1", host="127.0.0.1", port=9)
    users = (steve(write=("all",)), steve(write=("all",), name="bill", sniffer_commands=("listcalls",)))
    async with lab("a", users=users, extra=(sniffer,)) as one:
        said = []
        for name in ("steve", "bill"):
            client = await one.client(name, "s", "off")
            await client.action(
                "SnifferCommand", ("ActionID", "1"), ("Server", "s1"), ("Command", "listcalls")
            )
            said.append((await client.answer("1")).get(b"Message") or b"")
        assert [message.startswith(b"Permission denied") for message in said] == [True, False]

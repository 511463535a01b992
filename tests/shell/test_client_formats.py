"""Clients of different formats on real sockets: everything that a client gets is in its own."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import orjson
import pytest
import trio

from amp.config.schema import Limits, Listen, Proxy, User
from amp.config.secret import Secret
from amp.core.ami.frame import Frame
from amp.core.formats.format import Format
from amp.core.formats.registry import Formats
from amp.sim.classes import CLASSES
from amp.sim.events import Event
from core.formats.judges import Element, objects, records, root_names, roots
from replay import slices
from shell.harness import ANNA, PATIENCE_S, AmiClient, Lab, lab

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
XML_LISTENER = Listen(port=0, input_format="xml", output_format="xml")
LOGIN = b"Action: Login\r\nUsername: anna\r\nSecret: anna's\r\nEvents: %s\r\n\r\n"


def tell(amp: Lab, body: bytes) -> None:
    """The server publishes a UserEvent with this text, which may be any bytes."""
    head = b"Event: UserEvent\r\nPrivilege: user,all\r\n"
    amp.sims["pbx1"].publish([Event(CLASSES[b"user"], head + body + b"\r\n")])


def xml(*headers: tuple[str, str]) -> bytes:
    inner = "".join(f'  <{name} Value="{value}"/>\n' for name, value in headers)
    return f"<AsteriskManagerInput>\n{inner}</AsteriskManagerInput>\n".encode()


XML_LOGIN = xml(("Action", "Login"), ("Username", "anna"), ("Secret", "anna&apos;s"), ("Events", "off"))


async def bytes_until(client: AmiClient, end: bytes) -> bytes:
    """All that comes up to this; what comes behind it waits for the next call."""
    with trio.fail_after(PATIENCE_S):
        while end not in client._buffer:
            data = await client.stream.receive_some(65536)
            assert data, client._buffer
            client._buffer += data
    data, _, client._buffer = client._buffer.partition(end)
    return data + end


async def root(client: AmiClient) -> list[Element]:
    """The elements of the next frame of a client of XML."""
    (elements,) = roots(await bytes_until(client, b"Output>\r\n\r\n"))
    return elements


async def line(client: AmiClient) -> dict[str, str | list[str]]:
    """The next frame of a client of JSON."""
    (one,) = objects(await bytes_until(client, b"}\n"))
    return one


async def connected(amp: Lab, first: bytes, listener: int = 0) -> AmiClient:
    client = await amp.connect(listener)
    await client.stream.send_all(first)
    return client


async def test_a_client_that_changes_to_xml_and_back() -> None:
    """The answer to SetOutputFormat is in the new format; what stands behind SetInputFormat is read in it."""
    async with lab("pbx1") as amp:
        client = await amp.client(events="off")
        await client.send(("ProxyAction", "SetOutputFormat"), ("OutputFormat", "xml"))
        assert await client.raw() == (
            b'<AsteriskManagerProxyOutput>\r\n <ProxyResponse Value="Success"/>\r\n'
            b' <OutputFormat Value="xml"/>\r\n</AsteriskManagerProxyOutput>'
        )
        await client.send(("ProxyAction", "SetInputFormat"), ("InputFormat", "xml"))
        assert b'<InputFormat Value="xml"/>' in await client.raw()
        await client.stream.send_all(xml(("Action", "CoreStatus"), ("ActionID", "7")))
        answer = await client.raw()
        assert answer.startswith(b"<AsteriskManagerOutput>")
        assert b'<ActionID Value="7"/>' in answer
        assert answer.endswith(b' <Server Value="pbx1"/>\r\n</AsteriskManagerOutput>')
        await client.stream.send_all(
            xml(("ProxyAction", "SetInputFormat"), ("InputFormat", "standard"))
            + b"Action: Ping\r\nActionID: 8\r\n\r\n"
            b"ProxyAction: SetOutputFormat\r\nOutputFormat: standard\r\n\r\n"
        )
        assert b'<InputFormat Value="standard"/>' in await client.raw()
        assert b'<Ping Value="Pong"/>' in await client.raw()
        assert await client.raw() == b"ProxyResponse: Success\r\nOutputFormat: standard"


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_actions_in_xml_in_any_pieces(size: int) -> None:
    """No greeting, no blank line between; lists, errors and amp's own answers come as XML."""
    async with lab("pbx1", listen=(XML_LISTENER,)) as amp:
        client = await amp.connect()
        for piece in slices(
            XML_LOGIN
            + xml(("Action", "QueueStatus"), ("ActionID", "a&quot;b"))
            + xml(("Action", "Status"), ("Server", "nowhere"), ("ActionID", "2"))
            + xml(("Action", "Logoff"), ("ActionID", "3")),
            size,
        ):
            await client.stream.send_all(piece)
        data = await client.rest()
    found = [{name: value for name, _, value in elements} for elements in roots(data)]
    assert found[0] == {"Response": "Success", "Message": "Authentication accepted"}
    assert root_names(data)[0] == "AsteriskManagerProxyOutput"
    queue = [one for one in found if one.get("ActionID") == 'a"b']
    assert queue[0]["EventList"] == "start"
    assert queue[-1]["Event"] == "QueueStatusComplete"
    assert all(one["Server"] == "pbx1" for one in queue)
    assert [one["Response"] for one in found if one.get("ActionID") in ("2", "3")] == ["Error", "Goodbye"]


@pytest.mark.parametrize(
    "bad",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><AsteriskManagerInput><Action Value="&a;"/></AsteriskManagerInput>',
        b'<AsteriskManagerInput><Action Value="Ping"',
        b"Action: Ping\r\n\r\n",
    ],
)
async def test_what_is_no_xml_ends_the_connection_with_a_reason_in_xml(bad: bytes) -> None:
    async with lab("pbx1", listen=(XML_LISTENER,)) as amp:
        client = await connected(amp, XML_LOGIN + bad + xml(("Action", "Ping"), ("ActionID", "9")))
        data = await client.rest()
    *_, last = [{name: value for name, _, value in elements} for elements in roots(data)]
    assert last["Response"] == "Error"
    assert last["Message"].startswith("Invalid XML Input: ")
    assert b"Pong" not in data, "a reader that has lost its place reads no further"


async def test_limits_and_unknown_entities_spoil_one_action_only() -> None:
    async with lab("pbx1", listen=(XML_LISTENER,)) as amp:
        client = await connected(
            amp,
            XML_LOGIN
            + xml(("Action", "Ping"), ("ActionID", "1"), ("Long", "x" * 5000))
            + xml(("Action", "Ping"), ("ActionID", "2"), *[("N", "1")] * 200)
            + xml(("Action", "Ping"), ("ActionID", "3"), ("Note", "&unknown;"))
            + xml(("Action", "Ping"), ("ActionID", "4")),
        )
        await root(client)
        answers = [{name: value for name, _, value in await root(client)} for _ in range(4)]
    assert [(one["ActionID"], one["Response"]) for one in answers] == [
        ("1", "Error"),
        ("2", "Error"),
        ("3", "Error"),
        ("4", "Success"),
    ]


async def test_one_stream_in_all_formats_beside_each_other() -> None:
    """The same events to each, in the same order, and every parser takes the whole of it."""
    outputs = ("standard", "xml", "csv", "json")
    listen = tuple(Listen(port=0, output_format=name) for name in outputs)
    async with lab("pbx1", listen=listen) as amp:
        clients = [await connected(amp, LOGIN % b"on", number) for number in range(len(outputs))]
        for client, end in zip(clients, (b"Fully Booted\r\n\r\n", b"Output>\r\n\r\n", b'"\r\n\r\n', b"}\n"),
                               strict=True):  # fmt: skip
            assert await bytes_until(client, b"\r\n") == GREETING, "whatever it gets behind it"
            await bytes_until(client, b"Fully Booted")
            await bytes_until(client, end.removeprefix(b"Fully Booted"))
        for number in range(20):
            value = b'%d: "quoted", <tag> & \xff\x00\x1b Server: odd' % number
            tell(amp, b"Note: %s\r\n" % value)
        tell(amp, b"Note: last\r\n")
        ends = (b"last\r\nServer: pbx1\r\n\r\n", b"Output>\r\n\r\n", b'pbx1"\r\n\r\n', b"}\n")
        seen = []
        for client, end in zip(clients, ends, strict=True):
            data = await bytes_until(client, b"last")
            seen.append(data + await bytes_until(client, end.removeprefix(b"last")))
    plain = [Frame.parse(block) for block in seen[0].split(b"\r\n\r\n")[:-1]]
    notes = [(frame.get(b"Note") or b"").decode("utf-8", "replace") for frame in plain]
    assert len([note for note in notes if note]) == 21
    assert [one.get("Note", "") for one in objects(seen[3])] == notes
    assert [dict(cell.split(b": ", 1) for cell in row).get(b"Note", b"") for row in records(seen[2])] == [
        frame.get(b"Note") or b"" for frame in plain
    ]
    as_xml = [{name: value for name, _, value in elements} for elements in roots(seen[1])]
    assert [one.get("Note", "") for one in as_xml] == [
        note.replace("\x00", "\ufffd").replace("\x1b", "\ufffd") for note in notes
    ]


async def test_a_user_brings_its_formats_to_any_listener() -> None:
    """The login is read in the listener's format and answered in the user's."""
    odd = User(name="odd", secret=Secret("s"), input_format="xml", output_format="json", write=("system",))
    async with lab("pbx1", users=(odd,)) as amp:
        client = await amp.connect()
        await client.stream.send_all(
            b"Action: Login\r\nUsername: odd\r\nSecret: s\r\nEvents: off\r\n\r\n"
            + xml(("Action", "Ping"), ("ActionID", "1"))
            + xml(("ProxyAction", "ListSessions"))
        )
        assert await bytes_until(client, b"\r\n") == GREETING
        assert await line(client) == {"Response": "Success", "Message": "Authentication accepted"}
        assert (await line(client))["Ping"] == "Pong"
        assert await line(client) == {
            "ProxyResponse": "Success",
            "ProxyClientSession": "127.0.0.1",
            "ProxyClientActionID": "1",
            "ProxyClientInputHandler": "xml",
            "ProxyClientOutputHandler": "json",
            "ProxyServerSession": "127.0.0.1",
        }


async def test_a_failed_login_and_a_wait_are_told_in_the_format() -> None:
    async with lab("pbx1", listen=(Listen(port=0, output_format="json"),)) as amp:
        stranger = await connected(amp, b"Action: Login\r\nUsername: anna\r\nSecret: x\r\n\r\n")
        assert objects((await stranger.rest()).removeprefix(GREETING)) == [
            {"Response": "Error", "Message": "Authentication failed"}
        ]
        client = await connected(amp, LOGIN % b"user" + b"Action: WaitEvent\r\nActionID: w\r\n\r\n")
        await bytes_until(client, b'accepted"}\n')
        tell(amp, b"UserEvent: X\r\n")
        assert [await line(client) for _ in range(3)] == [
            {"Event": "UserEvent", "Privilege": "user,all", "UserEvent": "X", "Server": "pbx1"},
            {"Response": "Success", "ActionID": "w", "Message": "Waiting for Event completed."},
            {"Event": "WaitEventComplete", "ActionID": "w"},
        ]


async def test_autofilter_and_news_of_servers_in_a_format() -> None:
    """Whose ActionIDs are shown is decided before the format; ServerDown is an event as any other."""
    async with lab("pbx1") as amp:
        anna, other = await amp.client(events="system,user"), await amp.client(events="user")
        for client in (anna, other):
            await client.send(("ProxyAction", "SetOutputFormat"), ("OutputFormat", "json"))
            await bytes_until(client, b'"OutputFormat":"json"}\n')
        await anna.action("UserEvent", ("ActionID", "mine"), ("UserEvent", "X"))
        told = [await line(anna) for _ in range(2)]
        assert {one.get("ActionID") for one in told} == {"mine"}
        assert "ActionID" not in await line(other)
        amp.sims["pbx1"].faults.drop()
        down = await line(anna)
        assert (down["Event"], down["Server"]) == ("ServerDown", "pbx1")


async def test_the_last_words_are_in_the_format() -> None:
    """So is what an action gets whose answer will not come any more."""
    async with lab("pbx1") as amp:
        client = await amp.client(events="off")
        await client.send(("ProxyAction", "SetOutputFormat"), ("OutputFormat", "csv"))
        await bytes_until(client, b'"OutputFormat: csv"\r\n\r\n')
        amp.stop()
        assert records(await client.rest()) == [[b"ProxyMessage: Proxy Shutting Down"]]


async def test_events_that_wait_for_an_answer_come_before_the_change() -> None:
    """They were written in the old format; behind the answer to the change only the new one comes."""
    async with lab("pbx1", limits=Limits(order_hold_s=20.0)) as amp:
        client, watcher = await amp.client(events="user"), await amp.client(events="user")
        amp.sims["pbx1"].faults.mute = True
        await client.action("CoreStatus", ("ActionID", "unanswered"))
        await client.action("Ping", ("ActionID", "behind"))
        await client.answer("behind")
        tell(amp, b"UserEvent: held\r\n")
        await watcher.event("UserEvent")
        await client.send(("ProxyAction", "SetOutputFormat"), ("ActionID", "f"), ("OutputFormat", "json"))
        assert (await client.frame()).get(b"UserEvent") == b"held"
        assert (await line(client))["ActionID"] == "f"


async def test_what_is_listed_is_what_is_installed() -> None:
    formats = Formats().with_format(Format(name="mine", render=lambda frames, server: b"!\n"))
    async with lab("pbx1", formats=formats) as amp:
        client = await amp.client(events="off")
        await client.send(("ProxyAction", "ListIOHandlers"))
        assert await client.raw() == (
            b"ProxyResponse: Success\r\nInputHandler: standard\r\nOutputHandler: standard\r\n"
            b"InputHandler: xml\r\nOutputHandler: xml\r\nOutputHandler: csv\r\nOutputHandler: json\r\n"
            b"InputHandler: http\r\nOutputHandler: mine"
        )
        await client.send(("ProxyAction", "SetOutputFormat"), ("OutputFormat", "yaml"))
        assert await client.raw() == (
            b"ProxyResponse: Failure\r\n"
            b"Message: Expected OutputFormat: one of standard, xml, csv, json, mine (installed)"
        )
        await client.send(("ProxyAction", "SetOutputFormat"), ("OutputFormat", "Mine"))
        assert await bytes_until(client, b"\n") == b"!\n"


def brittle(frames: Sequence[bytes], server: bytes) -> bytes:
    if any(b"Note" in frame for frame in frames):
        raise ZeroDivisionError("no such note")
    return b"!\n"


BRITTLE = Formats().with_format(Format(name="brittle", render=brittle))


async def test_a_format_that_fails_costs_its_own_clients_only() -> None:
    async with lab("pbx1", formats=BRITTLE) as amp:
        well, first, second = [await amp.client(events="user") for _ in range(3)]
        for client in (first, second):
            await client.send(("ProxyAction", "SetOutputFormat"), ("OutputFormat", "brittle"))
            assert await bytes_until(client, b"\n") == b"!\n"
        tell(amp, b"Note: x\r\n")
        assert await first.rest() == await second.rest() == b""
        assert (await well.event("UserEvent")).get(b"Note") == b"x"
        await amp.logged("format_failed", format="brittle")
        await amp.logged("client_done", reason="format brittle failed: ZeroDivisionError")
        await well.action("CoreStatus", ("ActionID", "1"))
        assert (await well.answer("1")).name == b"Success", "the server's link is well"


async def test_an_answer_that_a_format_cannot_write_ends_its_client() -> None:
    async with lab("pbx1", formats=BRITTLE) as amp:
        well, client = await amp.client(events="off"), await amp.client(events="off")
        await client.send(("ProxyAction", "SetOutputFormat"), ("OutputFormat", "brittle"))
        await bytes_until(client, b"\n")
        await client.action("Ping", ("ActionID", "Note"))
        assert await client.rest() == b""
        await amp.logged("format_failed", format="brittle", client=2)
        await well.action("Ping", ("ActionID", "1"))
        assert (await well.answer("1")).name == b"Success"


async def test_who_is_refused_at_the_door_is_told_in_the_format() -> None:
    formats = BRITTLE.with_format(Format(name="note", render=lambda frames, server: brittle([b"Note"], b"")))
    listen = (
        XML_LISTENER,
        Listen(port=0, output_format="json"),
        Listen(port=0, output_format="note"),
    )
    limits = Limits(connections_per_address=1, exempt=())
    async with lab("pbx1", listen=listen, limits=limits, formats=formats) as amp:
        await amp.connect()
        words = [await (await amp.connect(number)).rest() for number in range(3)]
    error = {"Response": "Error", "Message": "Too many connections from this address"}
    assert [{name: value for name, _, value in elements} for elements in roots(words[0])] == [error]
    assert words[1] == GREETING + orjson.dumps(error) + b"\n"
    assert words[2] == GREETING, "a format that fails says nothing"


async def test_everybody_may_be_somebody_with_formats() -> None:
    nobody = attrs.evolve(ANNA, input_format="xml", output_format="xml")
    async with lab("pbx1", users=(nobody,), proxy=Proxy(authentication="none", anonymous_user="anna")) as amp:
        client = await connected(amp, xml(("Action", "Events"), ("EventMask", "off"), ("ActionID", "1")))
        data = await bytes_until(client, b'<Events Value="Off"/>')
        assert not data.startswith(GREETING)

"""Sniffers whose key and places are in the GUI's database, on a real MariaDB."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import pytest
import trio

from amp.config.schema import Listen, User, VoipmonitorServer
from amp.config.secret import Secret
from amp.core.ami.frame import Frame
from amp.core.voipmonitor.cipher import SnifferKey
from amp.shell.gui_database import GuiDatabase
from amp.sim.sniffer.aes import Key
from amp.sim.sniffer.sniffer import SimSniffer
from real.mariadb import Gui
from shell.harness import PATIENCE_S, AmiClient, Lab, lab

pytestmark = pytest.mark.mariadb

KEY, NEW_KEY = Key(b"sixteen bytes ok", b"an initial value"), Key(b"another key here", b"an initial value")
USER = User(name="anna", secret=Secret("anna's"), write=("admin",), sniffer_commands=("gui", "manager_file"))
FLEET = VoipmonitorServer(kind="voipmonitor", name="sensor", sensors="database", encryption="none")


def store(gui: Gui, key: Key) -> None:
    GuiDatabase(gui.settings()).store_key(SnifferKey(key.key, key.iv), force=True)


@asynccontextmanager
async def amp(gui: Gui, *servers: VoipmonitorServer, **more: Any) -> AsyncIterator[Lab]:
    """amp with this GUI's database, which it looks at often."""
    settings = gui.settings(sensors_interval_s=0.1, **more)
    async with lab(users=(USER,), listen=(Listen(port=0),), extra=servers, database=settings) as one:
        yield one


@asynccontextmanager
async def sniffer(sim: SimSniffer) -> AsyncIterator[int]:
    """One that runs as long as the block; its port."""
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sim.serve, "127.0.0.1", 0))
        yield port
        nursery.cancel_scope.cancel()


async def ask(client: AmiClient, server: str, text: str = "getversion") -> Frame:
    await client.action("SnifferCommand", ("Server", server), ("Command", text))
    return await client.until(lambda frame: frame.headers[0][0] == b"Response")


async def until_known(client: AmiClient, server: str, *, known: bool = True) -> None:
    with trio.fail_after(PATIENCE_S):
        while ((await ask(client, server)).name == b"Success") != known:  # noqa: ASYNC110 - each try is a question
            await trio.sleep(0.05)


async def test_the_key_is_that_of_the_gui_and_a_new_one_is_found(gui: Gui) -> None:
    store(gui, KEY)
    sim = SimSniffer(key=KEY)
    async with sniffer(sim) as port:
        server = VoipmonitorServer(kind="voipmonitor", name="s2", host="127.0.0.1", port=port)
        async with amp(gui, server) as one:
            client = await one.client()
            assert (await ask(client, "s2", "listcalls {}")).name == b"Success"
            sim.key = sim.kept_key = NEW_KEY
            frame = await ask(client, "s2", "listcalls {}")
            assert frame.name == b"Error"  # the GUI has the old one still
            store(gui, NEW_KEY)
            asked = sim.asked["listcalls"]
            assert (await ask(client, "s2", "listcalls {}")).name == b"Success"
            await one.logged("sniffer_key_changed", sniffer="s2")
            assert sim.asked["listcalls"] == asked + 1


async def test_what_changes_something_is_not_repeated_after_a_new_key(gui: Gui) -> None:
    store(gui, KEY)
    sim = SimSniffer(key=KEY)
    async with sniffer(sim) as port:
        server = VoipmonitorServer(kind="voipmonitor", name="s2", host="127.0.0.1", port=port)
        async with amp(gui, server) as one:
            client = await one.client()
            assert (await ask(client, "s2")).name == b"Success"
            sim.key = sim.kept_key = NEW_KEY
            store(gui, NEW_KEY)
            frame = await ask(client, "s2", "manager_file stop")
            assert (frame.get(b"Message") or b"").startswith(b"Not sent: manager_file")
            assert sim.asked["manager_file"] == 0
            assert (await ask(client, "s2", "manager_file stop")).get(b"Output") == b"not running"


async def test_without_a_key_in_any_place_each_is_named(gui: Gui) -> None:
    server = VoipmonitorServer(kind="voipmonitor", name="s2", host="127.0.0.1", port=1)
    async with amp(gui, server) as one:
        message = (await ask(await one.client(), "s2")).get(b"Message") or b""
        assert message == b"Not sent: getversion: no key (there is none in any of its places)"
        store(gui, Key(b"sixteen bytes ok", b"an initial value"))
        gui.run("UPDATE `system` SET content = %s", '{"key": "QUJD", "iv": "QUJD"}')
        message = (await ask(await one.client(), "s2")).get(b"Message") or b""
        assert b"has 3 bytes, at least 16 are needed" in message
        assert b"QUJD" not in message


async def test_the_fleet_follows_the_table(gui: Gui) -> None:
    async with sniffer(SimSniffer()) as first, sniffer(SimSniffer(version="9.9")) as second:
        gui.sensor(1, None, name="behind a server")
        gui.sensor(2, "127.0.0.1", first, "Praha")
        async with amp(gui, FLEET) as one:
            client = await one.client()
            await one.logged("sensor_added", name="Praha", id=2)
            assert (await ask(client, "Praha")).get(b"Output") == b"2026.04.0"
            gui.sensor(3, "127.0.0.1", second)
            await until_known(client, "sensor3")
            gui.sensor(2, "127.0.0.1", second, "Praha")
            await one.logged("sensor_changed", name="Praha")
            assert (await ask(client, "Praha")).get(b"Output") == b"9.9"
            gui.run("DELETE FROM sensors WHERE id_sensor = 2")
            await one.logged("sensor_removed", name="Praha")
            frame = await ask(client, "Praha")
            assert frame.get(b"Message") == b"Not sent: unknown server Praha"
            gui.sensor(4, "not a host", 5, None)
            line = await one.logged("sensor_refused")
            assert line["reason"].startswith("sensor 4: expected a host name or an address")
            assert (await ask(client, "sensor3")).name == b"Success"


async def test_who_waits_for_a_sensor_that_goes_is_told(gui: Gui) -> None:
    sim = SimSniffer()
    sim.faults.hang()
    async with sniffer(sim) as port:
        gui.sensor(2, "127.0.0.1", port)
        async with amp(gui, FLEET) as one:
            client = await one.client()
            await one.logged("sensor_added", name="sensor2")
            await client.action("SnifferCommand", ("Server", "sensor2"), ("Command", "getversion"))
            with trio.fail_after(PATIENCE_S):
                while not sim.open_now:  # noqa: ASYNC110 - the simulation has no event for it
                    await trio.sleep(0.01)
            gui.run("DELETE FROM sensors")
            frame = await client.until(lambda frame: frame.headers[0][0] == b"Response")
            assert frame.get(b"Message") == (
                b"Outcome unknown: the sniffer was taken out of the configuration"
            )


async def test_a_database_that_is_down_changes_nothing(gui: Gui) -> None:
    async with sniffer(SimSniffer()) as port:
        gui.sensor(2, "127.0.0.1", port)
        async with amp(gui, FLEET) as one:
            client = await one.client()
            await one.logged("sensor_added", name="sensor2")
            gui.run("RENAME TABLE sensors TO elsewhere")
            line = await one.logged("sensors_unread")
            assert line["reason"] == f"Table '{gui.name}.sensors' doesn't exist"
            assert (await ask(client, "sensor2")).name == b"Success"
            gui.run("RENAME TABLE elsewhere TO sensors")
            await one.logged("sensors_read_again")
            gui.server.kill()
            try:
                line = await one.logged("sensors_unread", reason="Connection refused")
                assert (await ask(client, "sensor2")).name == b"Success"
            finally:
                await trio.to_thread.run_sync(gui.server.start)
            gui.run("DELETE FROM sensors")
            await one.logged("sensor_removed", name="sensor2")
            # A server that ends in the middle of a question is told of in other words at first.
            told = [line["reason"] for line in one.lines if line["event"] == "sensors_unread"]
            assert [reason for reason, _ in itertools.groupby(told)] == told


async def test_amp_starts_without_the_database(gui: Gui) -> None:
    async with sniffer(SimSniffer()) as port:
        server = VoipmonitorServer(
            kind="voipmonitor", name="s2", host="127.0.0.1", port=port, encryption="none"
        )
        async with amp(gui, server, FLEET, port=1) as one:
            await one.logged("sensors_unread", reason="Connection refused")
            assert (await ask(await one.client(), "s2")).name == b"Success"


def bound_to(*sensors: str) -> User:
    return User(name="bela", secret=Secret("bela's"), server="pbx1", servers=sensors)


async def test_users_and_listeners_may_name_a_sensor_of_the_database(gui: Gui) -> None:
    door = Listen(port=0, protocols=("voipmonitor",), server="Praha", user="anna")
    async with sniffer(SimSniffer()) as port:
        gui.sensor(2, "127.0.0.1", port, "Praha")
        gui.sensor(3, "127.0.0.1", port, "Brno")
        settings = gui.settings(sensors_interval_s=0.1)
        users = (USER, bound_to("Praha"))
        async with lab(
            "pbx1", users=users, listen=(Listen(port=0), door), extra=(FLEET,), database=settings
        ) as one:
            client = await one.client("bela", "bela's")
            await one.logged("sensor_added", name="Brno")
            assert (await ask(client, "Praha")).name == b"Success"
            assert (await ask(client, "2")).name == b"Success"
            assert b"is not open to this user" in ((await ask(client, "Brno")).get(b"Message") or b"")
            place = int(one.addresses[1].rpartition(":")[2])
            assert await through(place, b"getversion") == b"2026.04.0"
            gui.run("DELETE FROM sensors WHERE id_sensor = 2")
            await one.logged("sensor_removed", name="Praha")
            assert await through(place, b"getversion") == b"error: there is no sniffer Praha now\n"
            await one.logged("sniffer_request", answered="there is no sniffer Praha now")


async def through(port: int, command: bytes) -> bytes:
    """What a listener in a sniffer's place gives."""
    with trio.fail_after(PATIENCE_S):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(command + b"\r\n\r\n")
            return b"".join([bytes(data) async for data in stream])


async def test_a_name_that_means_another_sensor_is_told(gui: Gui) -> None:
    async with sniffer(SimSniffer()) as first, sniffer(SimSniffer(version="9.9")) as second:
        gui.sensor(1, "127.0.0.1", first, "Praha")
        gui.sensor(2, "127.0.0.1", second, "1")
        async with amp(gui, FLEET) as one:
            client = await one.client()
            line = await one.logged("sensor_renamed")
            assert line["reason"].startswith(
                "sensor 2 is called sensor2: its name in the GUI: it is a number"
            )
            await until_known(client, "sensor2")
            assert (await ask(client, "1")).get(b"Output") == b"2026.04.0"
            assert (await ask(client, "2")).get(b"Output") == b"9.9"


async def test_sensors_of_the_database_leave_fewer_descriptors_for_clients(
    gui: Gui, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amp.shell.app.descriptor_limit", lambda: 1000)
    async with sniffer(SimSniffer()) as port:
        gui.sensor(2, "127.0.0.1", port)
        async with amp(gui, attrs.evolve(FLEET, exchanges=10)) as one:
            limits = one.app.config.limits
            line = await one.logged("few_descriptors", connections=1000 - 64 - 10)
            assert line["configured"] == limits.connections
            gui.sensor(3, "127.0.0.1", port)
            await one.logged("few_descriptors", connections=1000 - 64 - 20)
            assert one.app.entrance.admission.limits.connections == 1000 - 64 - 20
            gui.run("DELETE FROM sensors")
            await one.logged("few_descriptors", connections=1000 - 64)

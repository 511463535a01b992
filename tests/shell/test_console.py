"""The control socket: what can be asked there, who may, and that nobody there hurts anybody."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel
from trio_websocket import ConnectionClosed

from amp.config.schema import Limits, Listen, Proxy, User
from amp.config.secret import Secret
from amp.core.console.requests import MAX_LINE_BYTES
from amp.shell.console.door import MOST_CONNECTIONS
from amp.sim.sniffer.sniffer import SimSniffer
from shell.harness import ANNA, PATIENCE_S, AmiClient, Lab, lab
from shell.sniffing import configured
from shell.talking import talking

ADMIN = User(name="root", secret=Secret("root's"), write=("all", "admin"), sniffer_commands=("gui",))


class Console:
    """Somebody at the control socket, who says what it wants, sense or not."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._buffer = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def line(self) -> bytes:
        """The next line; ``b""`` at the end of the stream."""
        with trio.fail_after(PATIENCE_S):
            while b"\n" not in self._buffer:
                try:
                    data = await self.stream.receive_some(65536)
                except trio.BrokenResourceError:
                    return b""
                if not data:
                    return b""
                self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    async def ask(self, command: str, **arguments: object) -> Any:
        await self.send(json.dumps({"command": command, **arguments}).encode() + b"\n")
        return json.loads(await self.line())

    async def rows(self, what: str) -> list[Any]:
        reply = await self.ask("show", what=what)
        assert reply["ok"]
        return list(reply["rows"])

    async def refusal(self, command: str, **arguments: object) -> tuple[str, str]:
        """Code and message of what must be refused."""
        error = (await self.ask(command, **arguments))["error"]
        return error["code"], error["message"]


OPEN: list[Console] = []


async def connect(path: Path) -> Console:
    """One more of them; closed at the end of the lab."""
    OPEN.append(Console(await trio.open_unix_socket(path)))
    return OPEN[-1]


@pytest.fixture
def control(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@asynccontextmanager
async def console_lab(control: Path, *names: str, **settings: Any) -> AsyncIterator[tuple[Lab, Console]]:
    """A lab with a control socket, and somebody at it."""
    settings.setdefault("proxy", Proxy(name="lab", control=str(control)))
    async with lab(*names, **settings) as one:
        try:
            yield one, await connect(control)
        finally:
            while OPEN:
                OPEN.pop().stream.socket.close()


async def until_up(console: Console, name: str) -> Any:
    with trio.fail_after(PATIENCE_S):
        while True:
            (row,) = [row for row in await console.rows("servers") if row["name"] == name]
            if row["state"] == "up":
                return row
            await trio.sleep(0.01)


async def until_linked(console: Console, *servers: str) -> None:
    """Wait for both sessions of each; the one for actions is opened behind the one for events."""
    wanted = [(server, role, "ready") for server in servers for role in ("events", "actions")]
    with trio.fail_after(PATIENCE_S):
        while True:
            rows = await console.rows("sessions")
            if [(row["server"], row["role"], row["state"]) for row in rows] == wanted:
                return
            await trio.sleep(0.01)


async def test_what_is_shown(control: Path) -> None:
    async with console_lab(control, "a", "b") as (one, console):
        anna = await one.client()
        servers = await console.rows("servers")
        assert [(row["name"], row["state"], row["paused"]) for row in servers] == [
            ("a", "up", False),
            ("b", "up", False),
        ]
        (client,) = await console.rows("clients")
        assert (client["user"], client["protocol"], client["sees_events"]) == ("anna", "ami", True)
        assert client["address"].startswith("127.0.0.1:")
        await until_linked(console, "a", "b")
        stats = (await console.ask("show", what="stats"))["stats"]
        assert stats["name"] == "lab"
        assert stats["clients"]["ami"]["clients"] == 1
        await anna.stream.aclose()


async def test_more_clients_than_one_piece_holds(control: Path) -> None:
    """Each once, in valid JSON; the entrance lets nobody in beyond its limits."""
    limits = Limits(strangers=1000, connections_per_address=1000)
    async with console_lab(control, limits=limits) as (one, console):
        for _ in range(230):
            await (await one.connect()).greeting()
        numbers = [row["number"] for row in await console.rows("clients")]
        assert len(numbers) == len(set(numbers)) == 230
        stats = (await console.ask("show", what="stats"))["stats"]
        assert stats["clients"]["ami"]["clients"] == 230


async def test_a_paused_server_refuses_actions_and_keeps_its_events(control: Path) -> None:
    async with console_lab(control, "a") as (one, console):
        anna = await one.client()
        assert (await console.ask("pause", server="a")) == {"ok": True, "pending": 0}
        await anna.action("CoreSettings", ("ActionID", "1"))
        answer = await anna.answer("1")
        assert answer.headers[2:] == ((b"Message", b"Not sent: server a is paused"), (b"Server", b"a"))
        one.sims["a"].user_event("Still", ("Key", "value"))
        assert (await anna.event("UserEvent")).get(b"Server") == b"a"
        assert (await console.rows("servers"))[0]["paused"] is True
        assert (await console.ask("reconnect", server="a"))["ok"]
        assert (await anna.event("ServerDown")).get(b"Reason") == b"reconnected by the operator"
        await anna.event("ServerUp")
        assert (await until_up(console, "a"))["paused"] is True
        await anna.action("CoreSettings", ("ActionID", "2"))
        assert b"is paused" in ((await anna.answer("2")).get(b"Message") or b"")
        await console.ask("resume", server="a")
        await anna.action("CoreSettings", ("ActionID", "3"))
        assert (await anna.answer("3")).name == b"Success"
        told = await one.logged("console", command="pause a", ok=True)
        assert (told["user"], told["process"]) == (os.geteuid(), os.getpid())


async def test_a_pause_is_seen_by_clients_and_metrics_as_well(control: Path) -> None:
    listen = (Listen(port=0, protocols=("ami", "http")),)
    async with console_lab(control, "a", users=(ADMIN,), listen=listen) as (one, console):
        boss = await one.client("root", "root's", "off")
        await console.ask("pause", server="a")
        await boss.send(("ProxyAction", "ListServers"))
        listed = await boss.until(lambda frame: frame.headers[0][0] == b"ProxyResponse")
        assert b"a K: asterisk A: paused S: up V: 11.0.0 " in [value for _, value in listed.headers]
        web = await one.connect()
        await web.stream.send_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b'\namp_server_paused{server="a"} 1\n' in await web.rest()


async def test_a_paused_sniffer_refuses_commands(control: Path) -> None:
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(SimSniffer().serve, "127.0.0.1", 0))
        sniffer = configured("s2", port)
        async with console_lab(control, "a", users=(ADMIN,), extra=(sniffer,)) as (one, console):
            await pause_sniffer(console, await one.client("root", "root's", "off"))
        nursery.cancel_scope.cancel()


async def pause_sniffer(console: Console, boss: AmiClient) -> None:

    async def ask(number: str) -> bytes:
        command = (("Server", "s2"), ("Command", "totalcalls"), ("ActionID", number))
        await boss.action("SnifferCommand", *command)
        return (await boss.answer(number)).get(b"Message") or b""

    assert (await console.ask("pause", server="s2"))["ok"]
    assert await ask("1") == b"Not sent: totalcalls: server s2 is paused"
    (row,) = [row for row in await console.rows("servers") if row["name"] == "s2"]
    assert row["paused"] is True
    assert (await console.ask("reconnect", server="s2"))["ok"]
    assert (await console.ask("resume", server="s2"))["ok"]
    assert await ask("2") == b"Command output follows"


async def test_a_client_that_is_killed_is_told_so(control: Path) -> None:
    async with console_lab(control, "a") as (one, console):
        anna = await one.client()
        (row,) = await console.rows("clients")
        assert (await console.ask("kill", client=row["number"])) == {
            "ok": True,
            "address": row["address"],
            "user": "anna",
        }
        assert (await anna.rest()).endswith(b"ProxyMessage: Logged off: by the operator\r\n\r\n")
        assert await console.rows("clients") == []
        assert (await one.logged("client_done"))["reason"] == "logged off: by the operator"
        code, message = await console.refusal("kill", client=row["number"])
        assert (code, "amp show clients" in message) == ("unknown_client", True)


async def test_a_websocket_that_is_killed_is_closed_with_a_reason(control: Path) -> None:
    listen = (Listen(port=0, protocols=("websocket",)),)
    async with console_lab(control, "a", listen=listen) as (one, console), talking(one) as talker:
        await talker.login()
        (row,) = await console.rows("clients")
        assert (row["protocol"], row["user"]) == ("websocket", "anna")
        assert (await console.ask("kill", client=row["number"]))["user"] == "anna"
        with pytest.raises(ConnectionClosed) as caught:
            await talker.ask("ping")
        assert caught.value.reason is not None
        assert (caught.value.reason.code, caught.value.reason.reason) == (1001, "logged off: by the operator")


async def test_a_client_that_reads_nothing_is_killed_all_the_same(control: Path) -> None:
    """Its socket is full: its last words would never go out."""
    async with console_lab(control, "a") as (one, console):
        anna = await one.client()
        number = (await console.rows("clients"))[0]["number"]
        with trio.fail_after(PATIENCE_S):
            while not (await console.rows("clients"))[0]["waiting_bytes"]:
                one.sims["a"].user_event("Much", ("Text", "x" * 900))
                for _ in range(20):
                    one.sims["a"].user_event("Much", ("Text", "x" * 900))
        assert (await console.ask("kill", client=number))["ok"]
        assert await console.rows("clients") == []
        await trio.aclose_forcefully(anna.stream)


async def test_what_is_not_there(control: Path) -> None:
    async with console_lab(control, "a", "b") as (_, console):
        assert await console.refusal("pause", server="c") == (
            "unknown_server",
            "there is no server 'c'; there are: a, b",
        )
        assert (await console.refusal("resume", server="\x1b[2J"))[0] == "unknown_server"
        assert (await console.refusal("reconnect", server="A"))[0] == "unknown_server"
        assert (await console.refusal("shutdown"))[0] == "bad_request"
        assert len(await console.rows("servers")) == 2  # it goes on


async def test_a_reload_says_what_came_of_it(control: Path, tmp_path: Path) -> None:
    path = tmp_path / "amp.toml"
    good = (
        f'[proxy]\nname = "lab"\ncontrol = "{control}"\n[[user]]\nname = "bert"\nsecret = "b"\n[simulate]\n'
    )
    path.write_text(good)
    async with console_lab(control, "a", path=path) as (one, console):
        reply = await console.ask("reload")
        assert reply["ok"]
        assert reply["restart_needed"] == ["listen", "server", "simulate"]
        assert list(one.app.members.accounts.users) == [b"bert"]
        path.write_text("[proxy]\nnam = 1\n[limits]\nstrangers = 0\n")
        error = (await console.ask("reload"))["error"]
        assert (error["code"], len(error["problems"])) == ("refused", 2)
        assert error["problems"][0] == "proxy.nam: unknown key (did you mean 'name'?)"
        await one.logged("console", command="reload", ok=False)
        assert list(one.app.members.accounts.users) == [b"bert"]


async def test_reloads_at_the_same_time_are_done_one_after_the_other(control: Path, tmp_path: Path) -> None:
    """By SIGHUP or here: each sees the file as it is when it is its turn."""
    path = tmp_path / "amp.toml"
    path.write_text(f'[proxy]\nname = "lab"\ncontrol = "{control}"\n[[user]]\nname = "bert"\nsecret = "b"\n')
    async with console_lab(control, "a", path=path) as (one, console):
        several = [console, *[await connect(control) for _ in range(4)]]
        os.kill(os.getpid(), signal.SIGHUP)
        for each in several:
            await each.send(b'{"command":"reload"}\n')
        assert [json.loads(await each.line())["ok"] for each in several] == [True] * 5
        await one.logged("reloaded")
        assert not [line for line in one.lines if line["event"] in ("reload_refused", "console_failed")]


async def test_requests_that_come_at_once_are_answered_in_turn(control: Path) -> None:
    async with console_lab(control, "a") as (_, console):
        await console.send(
            b'{"command":"pause","server":"a"}\n{"command":"show","what":"servers"}\nnonsense\n'
        )
        assert json.loads(await console.line())["ok"]
        assert json.loads(await console.line())["rows"][0]["paused"]
        assert json.loads(await console.line())["error"]["code"] == "bad_request"


@pytest.mark.parametrize("data", [b"x" * MAX_LINE_BYTES * 3, b" " * MAX_LINE_BYTES + b"\n"])
async def test_a_line_without_end_ends_the_connection(control: Path, data: bytes) -> None:
    async with console_lab(control) as (_, console):
        with pytest.raises(trio.BrokenResourceError):
            while True:
                await console.send(data)
                await trio.lowlevel.checkpoint()
        assert b"expected a line of less than 4096 bytes" in await (await again(control, data)).line()


async def again(control: Path, data: bytes) -> Console:
    console = await connect(control)
    await console.send(data[:MAX_LINE_BYTES])
    return console


async def test_a_crowd_is_refused_in_words_and_hurts_nobody(control: Path) -> None:
    """A thousand at once who say nothing; amp's clients go on, and a place is free when one leaves."""
    async with console_lab(control, "a") as (one, console):
        anna = await one.client()
        crowd = [await connect(control) for _ in range(1000)]
        told = [await each.line() for each in crowd[MOST_CONNECTIONS - 1 :]]
        assert {json.loads(line)["error"]["code"] for line in told} == {"too_many"}
        await anna.action("Ping", ("ActionID", "1"))
        assert (await anna.answer("1")).name == b"Success"
        assert len(await console.rows("clients")) == 1
        for each in crowd:
            await each.stream.aclose()
        with trio.fail_after(PATIENCE_S):
            while b"too_many" in await (one_more := await again(control, b"{}\n")).line():
                await one_more.stream.aclose()


async def test_who_says_nothing_is_left(control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amp.shell.console.door.IDLE_S", 0.05)
    async with console_lab(control) as (_, console):
        await console.send(b'{"command":')
        assert await console.line() == b""


async def test_who_does_not_take_its_reply_is_left(control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amp.shell.console.door.WRITE_S", 0.05)
    async with console_lab(control, "a") as (_, console):
        with pytest.raises(trio.BrokenResourceError):
            while True:
                await console.send(b'{"command":"show","what":"stats"}\n')


async def test_who_leaves_in_the_middle_of_a_reply_hurts_nobody(control: Path) -> None:
    async with console_lab(control, "a") as (_, console):
        for _ in range(20):
            other = await connect(control)
            await other.send(b'{"command":"show","what":"stats"}\n' * 50)
            other.stream.socket.close()
        assert len(await console.rows("servers")) == 1


async def test_a_bug_ends_one_connection_only(control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with console_lab(control, "a") as (one, console):
        with monkeypatch.context() as patch:
            patch.setattr(type(one.app.overview), "stats", lambda self, totals: 1 / 0)
            assert (await console.refusal("show", what="stats"))[0] == "internal"
        await one.logged("console_failed", command="show stats")
        assert (await (await connect(control)).ask("show", what="servers"))["ok"]


# -- the socket's file ------------------------------------------------------------------------------------


async def test_the_file_is_amps_own_and_goes_with_it(control: Path) -> None:
    async with console_lab(control):
        found = await trio.Path(control).stat()
        assert (stat.S_ISSOCK(found.st_mode), stat.S_IMODE(found.st_mode)) == (True, 0o600)
    assert not await trio.Path(control).exists()


async def test_a_dead_amps_file_is_replaced(control: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(control))
    async with console_lab(control, "a") as (_, console):
        assert len(await console.rows("servers")) == 1


@pytest.mark.parametrize("what", ["alive", "file", "nowhere", "long"])
async def test_a_place_that_cannot_be_had_keeps_amp_from_starting(control: Path, what: str) -> None:
    if what == "file":
        await trio.Path(control).write_text("mine")
    elif what == "nowhere":
        control = control.parent / "no" / "control.sock"
    elif what == "long":
        control = control.parent / ("x" * 120)
    with socket.socket(socket.AF_UNIX) as living:
        if what == "alive":
            living.bind(str(control))
            living.listen()
        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="control socket"), flatten_subgroups=True):
            async with console_lab(control):
                pass
    assert what != "file" or await trio.Path(control).read_text() == "mine"


async def test_in_the_default_place_it_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another amp has it: amp runs, says so, and leaves the other one alone."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("AMP_CONTROL")
    control = tmp_path / "control.sock"
    async with console_lab(control, "a", proxy=Proxy(name="lab")) as (first, console):
        async with lab("b") as second:
            await second.logged("no_control_socket", path=str(control), reason="Address already in use")
            anna: AmiClient = await second.client(ANNA.name)
            await anna.action("Ping", ("ActionID", "1"))
            await anna.answer("1")
        assert [row["name"] for row in await console.rows("servers")] == ["a"]
        assert not [line for line in first.lines if line["event"] == "no_control_socket"]
    assert not await trio.Path(control).exists()


async def test_it_can_be_switched_off(control: Path) -> None:
    async with lab(proxy=Proxy(name="lab", control="off")):
        assert not await trio.Path(control).exists()

"""Sniffers behind amp: the action SnifferCommand, keys, and a sniffer that misbehaves."""

from __future__ import annotations

import base64
from pathlib import Path

import orjson
import pytest
import trio

from amp.config.schema import Simulate
from amp.core.ami.frame import Frame
from amp.sim.sniffer.sniffer import SimSniffer
from shell.harness import PATIENCE_S, AmiClient, lab
from shell.sniffing import KEY, OTHER_KEY, READER, sniffer_lab


async def reached(sniffer: SimSniffer) -> None:
    """Wait until somebody is connected to it."""
    with trio.fail_after(PATIENCE_S):
        while not sniffer.open_now:  # noqa: ASYNC110 - the simulation has no event for it
            await trio.sleep(0.01)


async def command(client: AmiClient, text: str, *headers: tuple[str, str]) -> Frame:
    """Ask sniffer s2 something and give the answer."""
    await client.action("SnifferCommand", ("Server", "s2"), ("Command", text), *headers)
    return await client.until(lambda frame: frame.headers[0][0] == b"Response")


@pytest.mark.parametrize("key", [None, KEY])
async def test_a_command_is_answered_as_output(key: object) -> None:
    sniffer = SimSniffer(key=KEY if key else None)
    async with sniffer_lab(sniffer, key=KEY if key else None) as one:
        client = await one.client()
        frame = await command(client, "getversion", ("ActionID", "a7"))
        assert frame.headers == (
            (b"Response", b"Success"),
            (b"ActionID", b"a7"),
            (b"Message", b"Command output follows"),
            (b"Output", b"2026.04.0"),
            (b"Server", b"s2"),
        )
        line = await one.logged("sniffer_command", user="anna", sniffer="s2", command="getversion")
        assert (line["result"], line["bytes"]) == ("done", 9)


async def test_a_reply_of_several_lines_gives_several_outputs() -> None:
    async with sniffer_lab(SimSniffer()) as one:
        client = await one.client("gui", "gui's")
        frame = await command(client, "sniffer_stat plain")
        assert len(frame.get_all(b"Output")) > 3
        assert all(b"=" in line for line in frame.get_all(b"Output"))


async def test_what_is_no_text_comes_in_base64() -> None:
    sniffer = SimSniffer()
    content = bytes(range(256)) * 3
    sniffer.spool.put("a.bin", content)
    async with sniffer_lab(sniffer) as one:
        client = await one.client("gui", "gui's")
        frame = await command(client, "getfile a.bin")
        assert frame.get(b"Encoding") == b"base64"
        assert base64.b64decode(b"".join(frame.get_all(b"Output"))) == content


async def test_references_are_hidden_from_who_is_no_gui() -> None:
    sniffer = SimSniffer(calls_at_start=3)
    async with sniffer_lab(sniffer) as one:
        for user, seen in (("anna", False), ("gui", True)):
            client = await one.client(user, f"{user}'s")
            frame = await command(client, "listcalls {}")
            rows = orjson.loads(frame.get(b"Output") or b"")[2:]
            assert len(rows) == 3
            assert all(row[0].startswith("0x") == seen for row in rows)


@pytest.mark.parametrize(
    ("user", "text", "message"),
    [
        ("anna", "getfile x", "Permission denied: getfile: not among your sniffer commands"),
        ("anna", "getversion x", "Not sent: getversion: too many arguments, at most 0"),
        ("anna", "xxgetversionyy", "Not sent: unknown sniffer command 'xxgetversionyy'"),
        ("gui", "manager_file start", "Permission denied: manager_file: not among your sniffer commands"),
        ("gui", "login_screen_popup a b", "Not sent: login_screen_popup: its reply has no end"),
    ],
)
async def test_what_is_refused_never_reaches_the_sniffer(user: str, text: str, message: str) -> None:
    sniffer = SimSniffer()
    async with sniffer_lab(sniffer) as one:
        frame = await command(await one.client(user, f"{user}'s"), text)
        assert frame.name == b"Error"
        assert (frame.get(b"Message") or b"").decode().startswith(message)
        assert frame.headers[-1] == (b"Server", b"s2")
        await one.logged("sniffer_command", user=user)
        assert sniffer.connections == 0


async def test_administrators_may_open_and_close_its_unix_socket(tmp_path: Path) -> None:
    sniffer = SimSniffer()
    async with sniffer_lab(sniffer) as one:
        client = await one.client("root", "root's")
        path = tmp_path / "s.sock"
        frame = await command(client, f"manager_file start {path}")
        assert frame.get(b"Output") == f"OK ({path})".encode()
        assert (await command(client, "manager_file stop")).get(b"Output") == b"OK"
        line = await one.logged("sniffer_command", user="root")
        assert line["command"] == "manager_file ..."


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ((("Server", "s3"),), b"Not sent: unknown server s3"),
        ((("Server", "a"),), b"Not sent: server a is no sniffer"),
    ],
)
async def test_only_sniffers_take_commands(headers: tuple[tuple[str, str], ...], message: bytes) -> None:
    async with sniffer_lab(SimSniffer(), "a") as one:
        client = await one.client()
        await client.action("SnifferCommand", ("Command", "getversion"), *headers)
        frame = await client.until(lambda frame: frame.headers[0][0] == b"Response")
        assert (frame.name, frame.get(b"Message")) == (b"Error", message)


async def test_the_only_sniffer_need_not_be_named() -> None:
    async with sniffer_lab(SimSniffer()) as one:
        client = await one.client()
        await client.action("SnifferCommand", ("Command", "totalcalls"), ("ActionID", "1"))
        assert (await client.answer("1")).get(b"Output") == b"0"


async def test_answers_without_action_ids_keep_their_order() -> None:
    """A client that sends no ActionID pairs by order, so what follows a slow command waits for it."""
    sniffer = SimSniffer()
    sniffer.faults.delay_s = 0.3
    async with sniffer_lab(sniffer, "a") as one:
        client = await one.client(events="off")
        await client.action("SnifferCommand", ("Server", "s2"), ("Command", "getversion"))
        await client.action("Ping")
        await client.action("CoreSettings", ("Server", "a"))
        first, second, third = [await client.frame() for _ in range(3)]
        assert first.get(b"Output") == b"2026.04.0"
        assert second.get(b"Ping") == b"Pong"
        assert third.get(b"Server") == b"a"


async def test_with_action_ids_nothing_waits_for_a_slow_sniffer() -> None:
    sniffer = SimSniffer()
    sniffer.faults.hang()
    async with sniffer_lab(sniffer) as one:
        client = await one.client(events="off")
        await client.action("SnifferCommand", ("Command", "getversion"), ("ActionID", "slow"))
        await client.action("Ping", ("ActionID", "quick"))
        assert (await client.frame()).get(b"ActionID") == b"quick"
        sniffer.faults.resume()
        assert (await client.frame()).get(b"ActionID") == b"slow"


async def test_who_logs_off_gets_its_answers_first() -> None:
    sniffer = SimSniffer()
    sniffer.faults.delay_s = 0.2
    async with sniffer_lab(sniffer) as one:
        client = await one.client(events="off")
        await client.action("SnifferCommand", ("Command", "getversion"), ("ActionID", "1"))
        assert isinstance(client.stream, trio.SocketStream)
        await client.stream.send_eof()
        assert b"Output: 2026.04.0\r\n" in await client.rest()


async def test_equal_commands_share_one_exchange_and_a_fresh_reply() -> None:
    sniffer = SimSniffer()
    sniffer.faults.delay_s = 0.2
    async with sniffer_lab(sniffer, freshness={"totalcalls": 60.0}) as one:
        clients = [await one.client(events="off") for _ in range(10)]
        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(command, client, "totalcalls")
        await command(clients[0], "totalcalls")
        assert sniffer.asked["totalcalls"] == 1


async def test_a_pool_bounds_the_connections() -> None:
    sniffer = SimSniffer()
    sniffer.spool.put("f", b"x")
    sniffer.faults.delay_s = 0.05
    async with sniffer_lab(sniffer, exchanges=2) as one:
        client = await one.client("gui", "gui's", events="off")
        for number in range(12):
            await client.action("SnifferCommand", ("Command", "getfile f"), ("ActionID", str(number)))
        for number in range(12):
            assert (await client.frame()).get(b"Output") == b"x", number
        assert sniffer.open_most <= 2


async def test_a_hanging_sniffer_is_left_alone() -> None:
    sniffer = SimSniffer()
    sniffer.faults.hang()
    async with sniffer_lab(sniffer, answer_timeout_s=0.5) as one:
        client = await one.client(events="off")
        for _ in range(2):
            frame = await command(client, "totalcalls")
            assert frame.get(b"Message") == b"Outcome unknown: totalcalls: no answer within 0.5 s"
        frame = await command(client, "totalcalls")
        assert b"Not sent: totalcalls: the sniffer does not answer" in (frame.get(b"Message") or b"")
        assert sniffer.connections == 2


async def test_a_changed_key_is_read_again_and_the_command_repeated(tmp_path: Path) -> None:
    conf = tmp_path / "voipmonitor.conf"

    def text(key: object) -> str:
        assert key in (KEY, OTHER_KEY)
        chosen = KEY if key == KEY else OTHER_KEY
        pair = [base64.b64encode(part).decode() for part in (chosen.key, chosen.iv)]
        return "manager_aes_key = {}\nmanager_aes_iv = {}\n".format(*pair)

    await trio.Path(conf).write_text(text(KEY))
    sniffer = SimSniffer(key=KEY)
    async with sniffer_lab(sniffer, key_conf=conf) as one:
        client = await one.client(events="off")
        assert (await command(client, "getversion")).name == b"Success"
        sniffer.key = OTHER_KEY
        sniffer.kept_key = None
        frame = await command(client, "getversion")
        assert b"another key" in (frame.get(b"Message") or b"")
        await trio.Path(conf).write_text(text(OTHER_KEY))
        assert (await command(client, "getversion")).name == b"Success"
        await one.logged("sniffer_key_changed", sniffer="s2")


async def test_a_missing_key_file_is_told(tmp_path: Path) -> None:
    async with sniffer_lab(SimSniffer(key=KEY), key_conf=tmp_path / "none.conf") as one:
        frame = await command(await one.client(events="off"), "getversion")
        problem = (frame.get(b"Message") or b"").decode()
        assert problem == "Not sent: getversion: no key (none.conf: No such file or directory)"
        line = await one.logged("sniffer_command", sniffer="s2")
        assert str(tmp_path / "none.conf") in line["result"], "the log is for who runs amp"
        frame = await command(await one.client("gui", "gui's", events="off"), "getversion")
        assert str(tmp_path / "none.conf").encode() in (frame.get(b"Message") or b"")


async def test_another_key_than_the_sniffers_is_told() -> None:
    async with sniffer_lab(SimSniffer(key=KEY), key=OTHER_KEY) as one:
        frame = await command(await one.client(events="off"), "totalcalls")
        message = (frame.get(b"Message") or b"").decode()
        assert (frame.name, message[:21]) == (b"Error", "Not sent: totalcalls:")
        assert "key" in message
        for part in (KEY, OTHER_KEY):
            assert base64.b64encode(part.key).decode() not in str(one.lines) + message


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
async def test_a_reply_in_pieces_with_pauses_is_whole(key: object) -> None:
    sniffer = SimSniffer(calls_at_start=5, key=KEY if key else None)
    sniffer.faults.piece_bytes, sniffer.faults.piece_pause_s = 700, 0.5
    async with sniffer_lab(sniffer, key=KEY if key else None) as one:
        frame = await command(await one.client(events="off"), "listcalls")
        assert len(orjson.loads(frame.get(b"Output") or b"")) == 6


async def test_a_sniffer_that_is_starting_says_nothing() -> None:
    """Which is also what some commands normally answer."""
    sniffer = SimSniffer()
    sniffer.faults.starting = True
    async with sniffer_lab(sniffer) as one:
        client = await one.client("gui", "gui's", events="off")
        for line in ("totalcalls", "stoplivesniffer 5"):
            frame = await command(client, line)
            assert (frame.name, frame.get(b"Message")) == (b"Success", b"Command has no output")


async def test_the_log_tells_who_did_what_and_not_what_it_was_about() -> None:
    sniffer = SimSniffer()
    sniffer.spool.put("anna.pcap", b"x" * 1000)
    async with sniffer_lab(sniffer) as one:
        client = await one.client("gui", "gui's", events="off")
        await command(client, "getfile anna.pcap")
        line = await one.logged("sniffer_command", command="getfile ...")
        assert (line["user"], line["sniffer"], line["result"], line["bytes"]) == ("gui", "s2", "done", 1000)
        assert line["seconds"] >= 0
        await command(client, "listcalls " + orjson.dumps({"limit": "1", "filter": "x" * 100}).decode())
        line = await one.logged("sniffer_command", result="done", sniffer="s2", bytes=line["bytes"])
        shown = [
            line["command"] for line in one.lines if str(line.get("command", "")).startswith("listcalls")
        ]
        assert len(shown) == 1
        assert len(shown[0]) == len("listcalls ") + 60 + len("...")
        assert "anna.pcap" not in str(one.lines)


async def test_a_sniffer_that_is_not_there() -> None:
    async with sniffer_lab(SimSniffer(), at=1) as one:
        frame = await command(await one.client(events="off"), "getversion")
        assert frame.get(b"Message") == b"Not sent: getversion: Connection refused"


async def test_a_reply_cut_short_is_an_error() -> None:
    sniffer = SimSniffer(calls_at_start=5)
    sniffer.faults.cut_after = 200
    async with sniffer_lab(sniffer) as one:
        client = await one.client(events="off")
        frame = await command(client, "listcalls")
        assert b"Outcome unknown" in (frame.get(b"Message") or b"")
        sniffer.faults.cut_after, sniffer.faults.reset = 5, True
        frame = await command(client, "getversion")
        assert frame.name == b"Error"


async def test_a_client_that_goes_harms_nobody() -> None:
    sniffer = SimSniffer()
    sniffer.faults.hang()
    async with sniffer_lab(sniffer) as one:
        client = await one.client(events="off")
        await client.action("SnifferCommand", ("Command", "getversion"), ("ActionID", "1"))
        await reached(sniffer)
        await trio.aclose_forcefully(client.stream)
        sniffer.faults.resume()
        other = await one.client(events="off")
        assert (await command(other, "getversion")).name == b"Success"


async def test_a_sniffer_on_a_unix_socket(tmp_path: Path) -> None:
    sniffer = SimSniffer(key=KEY)
    async with trio.open_nursery() as nursery:
        await nursery.start(sniffer.serve_unix, str(tmp_path / "s"))
        async with sniffer_lab(sniffer, socket=tmp_path / "s") as one:
            frame = await command(await one.client(events="off"), "listcalls")
            assert frame.name == b"Success"
        nursery.cancel_scope.cancel()


async def test_the_simulated_fleet_has_sniffers() -> None:
    async with lab(users=(READER,), simulate=Simulate(asterisks=1, sniffers=2, calls_per_second=1)) as one:
        client = await one.client("rita", "rita's", events="off")
        await client.action("SnifferCommand", ("Server", "sniffer2"), ("Command", "totalcalls"))
        assert int((await client.frame()).get(b"Output") or b"0") >= 1

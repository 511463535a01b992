"""Sniffers on other hosts, through the system's ssh and a real sshd."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from amp.config.schema import Listen, User, VoipmonitorServer
from amp.config.secret import Secret
from amp.core.ami.frame import Frame
from amp.sim.sniffer.sniffer import SimSniffer
from real.services import children
from real.sshd import Sshd
from shell.harness import PATIENCE_S, AmiClient, Lab, lab

pytestmark = pytest.mark.sshd

USER = User(name="anna", secret=Secret("anna's"), sniffer_commands=("gui",))


@asynccontextmanager
async def behind(sshd: Sshd, folder: Path, sniffer: SimSniffer, **more: Any) -> AsyncIterator[Lab]:
    """amp, with a sniffer's socket (``s1``) and its port (``s2``) behind the sshd."""
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sniffer.serve, "127.0.0.1", 0))
        path = folder / "vm.sock"
        assert sniffer.open_socket(str(path))
        settings: dict[str, Any] = {"kind": "voipmonitor", "encryption": "none", **sshd.settings, **more}
        servers = (
            VoipmonitorServer(name="s1", socket=path, **settings),
            VoipmonitorServer(name="s2", host="127.0.0.1", port=port, **settings),
        )
        async with lab(users=(USER,), listen=(Listen(port=0),), extra=servers) as one:
            yield one
        nursery.cancel_scope.cancel()


async def ask(client: AmiClient, server: str, text: str = "getversion") -> Frame:
    await client.action("SnifferCommand", ("Server", server), ("Command", text))
    return await client.until(lambda frame: frame.headers[0][0] == b"Response")


async def until_answered(client: AmiClient, server: str) -> None:
    """Ask until the way is open again."""
    with trio.fail_after(PATIENCE_S):
        while (await ask(client, server)).name != b"Success":  # noqa: ASYNC110 - each try is a question
            await trio.sleep(0.1)


async def until(true: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - processes have no event for it
            await trio.sleep(0.02)


def command_line(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []


def ssh_processes(of: int) -> list[int]:
    """The ssh clients below a process."""
    return [pid for pid in children(of) if command_line(pid)[:2] == ["ssh", "-N"]]


async def test_a_socket_and_a_port_share_one_process(sshd: Sshd, tmp_path: Path) -> None:
    async with behind(sshd, tmp_path, SimSniffer()) as one:
        client = await one.client()
        for name in ("s1", "s2"):
            assert (await ask(client, name)).get(b"Output") == b"2026.04.0"
        (ssh,) = ssh_processes(os.getpid())
        words = command_line(ssh)
        assert words.count("-L") == 2
        folder = Path(words[words.index("-L") + 1].partition(":")[0]).parent
        assert folder.stat().st_mode & 0o777 == 0o700
        await one.logged("ssh_up", host=str(sshd.settings["ssh"]))
    assert not ssh_processes(os.getpid())
    assert not folder.exists()


async def test_many_at_once_and_much_at_once(sshd: Sshd, tmp_path: Path) -> None:
    sniffer = SimSniffer(calls_at_start=200)
    content = os.urandom(3 << 20)
    sniffer.spool.put("a.bin", content)
    answers = []

    async def listcalls(client: AmiClient, server: str) -> None:
        answers.append((await ask(client, server, "listcalls {}")).name)

    async with behind(sshd, tmp_path, sniffer) as one:
        clients = [await one.client() for _ in range(10)]
        async with trio.open_nursery() as nursery:
            for number, client in enumerate(clients):
                nursery.start_soon(listcalls, client, f"s{1 + number % 2}")
        assert answers == [b"Success"] * 10
        frame = await ask(clients[0], "s1", "getfile a.bin")
        assert base64.b64decode(b"".join(frame.get_all(b"Output"))) == content


async def test_a_killed_ssh_is_started_again(sshd: Sshd, tmp_path: Path) -> None:
    async with behind(sshd, tmp_path, SimSniffer()) as one:
        client = await one.client()
        await until_answered(client, "s1")
        (ssh,) = ssh_processes(os.getpid())
        os.kill(ssh, signal.SIGTERM)  # on this it would end in its own time
        assert (await ask(client, "s1")).name == b"Success"
        os.kill(ssh, signal.SIGKILL)
        await one.logged("ssh_down", reason="it was killed by signal 9")
        await until_answered(client, "s1")
        assert ssh_processes(os.getpid()) != [ssh]


async def test_a_reply_that_ends_with_ssh_is_not_complete(sshd: Sshd, tmp_path: Path) -> None:
    sniffer = SimSniffer()
    sniffer.spool.put("a.bin", bytes(200_000))
    sniffer.faults.piece_bytes, sniffer.faults.piece_pause_s = 1000, 0.1
    async with behind(sshd, tmp_path, sniffer) as one:
        client = await one.client()
        await client.action("SnifferCommand", ("Server", "s1"), ("Command", "getfile a.bin"))
        await until(lambda: sniffer.open_now == 1)
        await trio.sleep(0.3)  # some pieces are on their way
        (ssh,) = ssh_processes(os.getpid())
        os.kill(ssh, signal.SIGKILL)
        frame = await client.until(lambda frame: frame.headers[0][0] == b"Response")
        assert frame.name == b"Error"
        assert (frame.get(b"Message") or b"").startswith(b"Outcome unknown: getfile: ssh ")


async def test_a_socket_that_is_not_there_is_no_empty_reply(sshd: Sshd, tmp_path: Path) -> None:
    sniffer = SimSniffer()
    async with behind(sshd, tmp_path, sniffer) as one:
        client = await one.client()
        await until_answered(client, "s1")
        (tmp_path / "vm.sock").unlink()
        frame = await ask(client, "s1", "stoplivesniffer 1")
        assert frame.name == b"Error"
        assert b"connect failed" in (frame.get(b"Message") or b"")
        assert (await ask(client, "s2", "stoplivesniffer 1")).get(b"Message") == b"Command has no output"


async def test_an_sshd_that_is_down_is_told_and_found_again(sshd: Sshd, tmp_path: Path) -> None:
    sshd.stop()
    async with behind(sshd, tmp_path, SimSniffer()) as one:
        client = await one.client()
        line = await one.logged("ssh_down")
        assert "Connection refused" in line["reason"]
        message = (await ask(client, "s1")).get(b"Message") or b""
        assert message.startswith(b"Not sent: getversion: ssh ")
        assert b"Connection refused" in message
        sshd.start()
        await until_answered(client, "s1")
        sshd.stop()
        await until(lambda: [line["event"] for line in one.lines].count("ssh_down") > 1)
        assert (await ask(client, "s2")).name == b"Error"


@pytest.mark.parametrize(
    ("trusted", "identity", "reason"),
    [
        ("other_key", "client_key", "the host key has changed"),
        (None, "client_key", "No ED25519 host key is known for [127.0.0.1]:"),
        ("host_key", "other_key", "Permission denied (publickey)"),
    ],
)
async def test_what_must_not_be_trusted_is_refused_with_the_reason(
    sshd: Sshd, tmp_path: Path, trusted: str | None, identity: str, reason: str
) -> None:
    (sshd.folder / "known_hosts").write_text("")
    if trusted is not None:
        sshd.trust(trusted)
    async with behind(sshd, tmp_path, SimSniffer(), ssh_identity=sshd.folder / identity) as one:
        line = await one.logged("ssh_down")
        assert reason in line["reason"]
        frame = await ask(await one.client(), "s1")
        assert reason.encode() in (frame.get(b"Message") or b"")
    assert (sshd.folder / "known_hosts").read_text().count("\n") == (trusted is not None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_nothing_is_left_when_amp_ends_however_it_ends(
    sshd: Sshd, tmp_path: Path, number: signal.Signals
) -> None:
    config = tmp_path / "amp.toml"
    server = {"kind": "voipmonitor", "name": "s1", "socket": str(tmp_path / "vm.sock"), "encryption": "none"}
    lines = [f"{key} = {json.dumps(value if isinstance(value, int) else str(value))}"
             for key, value in (server | sshd.settings).items()]  # fmt: skip
    config.write_text("[log]\nformat = 'json'\n[[listen]]\nport = 0\n[[server]]\n" + "\n".join(lines))
    process = subprocess.Popen(  # noqa: ASYNC220 - it takes a moment, and nothing else runs here
        [sys.executable, "-m", "amp", "run", "--allow-root", str(config)], stderr=subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        while b'"ssh_up"' not in (line := process.stderr.readline()):
            assert line, "amp ended"
        below = list(children(process.pid))
        (ssh,) = ssh_processes(process.pid)
        words = command_line(ssh)
        folder = Path(words[words.index("-L") + 1].partition(":")[0]).parent
        assert folder.is_dir()
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == (0 if number == signal.SIGTERM else -number)
        await until(lambda: not folder.exists() and not any(map(command_line, below)))
    finally:
        process.kill()
        process.communicate()

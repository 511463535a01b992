"""``amp show|pause|resume|reconnect|kill|reload`` beside a running amp, and what they say without one."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.conftest import Amp
from cli.processes import PATIENCE_S, running

CONFIG = """
[proxy]
name = "here"
control = "control.sock"
[[listen]]
port = 0
[[user]]
name = "steve"
secret = "s"
[simulate]
asterisks = 1
sniffers = 1
"""


class Listening(NamedTuple):
    """A running amp."""

    config: Path
    port: int


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    path = tmp_path_factory.mktemp("amp") / "amp.toml"
    path.write_text(CONFIG)
    with running(path, up=1) as places:
        yield Listening(path, int(places[0].rpartition(":")[2]))


@pytest.fixture
def config(listening: Listening) -> Path:
    return listening.config


@pytest.fixture
def control(config: Path) -> str:
    return str(config.parent / "control.sock")


def test_servers_are_shown_as_a_table(amp: Amp, control: str) -> None:
    done = amp("show", "--control", control)
    assert (done.code, done.err) == (0, "")
    head, *rows = (line.split() for line in done.out.decode().splitlines())
    assert head[:4] == ["NAME", "KIND", "STATE", "HOST"]
    assert [row[:4] for row in rows] == [
        ["sim1", "asterisk", "up", "127.0.0.1"],
        ["sniffer1", "voipmonitor", "up", "127.0.0.1"],
    ]
    assert amp("show", "servers", "--control", control).code == 0


@pytest.mark.parametrize("what", ["servers", "clients", "sessions"])
def test_everything_is_there_as_json(what: str, amp: Amp, control: str) -> None:
    done = amp("show", what, "--json", "--control", control)
    assert (done.code, done.err) == (0, "")
    assert isinstance(json.loads(done.out), list)


def test_sessions_are_amps_own_at_its_servers(amp: Amp, control: str) -> None:
    wanted = [[b"SERVER", b"ROLE"], [b"sim1", b"events"], [b"sim1", b"actions"]]
    lines: list[list[bytes]] = []
    deadline = time.monotonic() + PATIENCE_S
    while lines != wanted:  # the second is opened when the first is there
        assert time.monotonic() < deadline, lines
        shown = amp("show", "sessions", "--control", control).out
        lines = [line.split()[:4:2] for line in shown.splitlines()]


def test_stats_have_a_line_for_each_number(amp: Amp, control: str) -> None:
    lines = amp("show", "stats", "--control", control).out.decode().splitlines()
    table = dict(line.split() for line in lines)
    found = json.loads(amp("show", "stats", "--json", "--control", control).out)
    assert table["name"] == found["name"] == "here"
    assert table["clients.ami.actions"] == "0"
    assert found["clients"]["ami"]["actions"] == 0


def test_a_client_is_shown_with_its_number_and_killed_by_it(
    amp: Amp, listening: Listening, control: str
) -> None:
    with socket.create_connection(("127.0.0.1", listening.port), PATIENCE_S) as connection:
        connection.sendall(b"Action: Login\r\nUsername: steve\r\nSecret: s\r\nEvents: off\r\n\r\n")
        said = b""
        while b"Response: Success" not in said:
            said += connection.recv(4096)
        head, row = (line.split() for line in amp("show", "clients", "--control", control).out.splitlines())
        client = dict(zip(head, row, strict=True))
        assert (client[b"USER"], client[b"PROTOCOL"]) == (b"steve", b"ami")
        number = client[b"CLIENT"].decode()
        done = amp("kill", number, "--control", control)
        address = client[b"ADDRESS"].decode()
        assert done == (0, f"client {number} is gone ({address}, user steve)\n".encode(), "")
        while data := connection.recv(4096):
            said += data
        assert said.endswith(b"ProxyMessage: Logged off: by the operator\r\n\r\n")
    done = amp("kill", "9999", "--control", control)
    assert (done.code, done.out) == (1, b"")
    assert done.err == "amp kill: there is no client 9999: amp show clients has their numbers\n"


def test_pause_reconnect_resume(amp: Amp, control: str) -> None:
    assert amp("pause", "sim1", "--control", control) == (0, b"sim1 is paused\n", "")
    assert b" up, paused " in amp("show", "--control", control).out
    done = amp("reconnect", "sim1", "--control", control)
    assert (done.code, done.out) == (
        0,
        b"sim1 is being connected to anew; amp show servers tells how it is\n",
    )
    assert amp("resume", "sim1", "--control", control) == (0, b"sim1 takes actions\n", "")
    assert b"paused" not in amp("show", "--control", control).out
    done = amp("pause", "nix\x1b[2J", "--control", control)
    assert (done.code, done.out) == (1, b"")
    assert done.err == ("amp pause: there is no server 'nix\\x1b[2J'; there are: sim1, sniffer1\n")


def test_reload_says_what_was_wrong(amp: Amp, config: Path, control: str) -> None:
    try:
        assert amp("reload", "--control", control) == (0, b"reloaded\n", "")
        config.write_text(CONFIG + "[limits]\nstall_timeut = '1s'\nactions_per_client = 7\nstrangers = -1\n")
        done = amp("reload", "--control", control)
        assert (done.code, done.out) == (1, b"")
        assert done.err.splitlines() == [
            "amp reload: the configuration cannot be used; nothing was changed",
            "amp reload:   limits.strangers: expected a whole number from 1 to 1000000",
            "amp reload:   limits.stall_timeut: unknown key (did you mean 'stall_timeout'?)",
        ]
        config.write_text(CONFIG + '[limits]\nactions_per_client = 7\n[[user]]\nname = "x"\nsecret = "y"\n')
        done = amp("reload", "--control", control)
        assert done == (
            0, b"reloaded\nneeds a restart, and goes on as it was: limits.actions_per_client\n", ""
        )  # fmt: skip
    finally:
        config.write_text(CONFIG)


# -- how it is found ------------------------------------------------------------------------------------


def test_the_socket_is_found_in_many_ways(amp: Amp, config: Path, control: str, tmp_path: Path) -> None:
    runtime = config.parent
    other = tmp_path / "other.toml"
    other.write_text("[proxy]\ncontrol = 'nowhere.sock'\n")
    secretive = tmp_path / "secret.toml"
    secretive.write_text(f'[proxy]\ncontrol = "{control}"\nproxy_key = {{ env = "NOT_THERE" }}\n')
    ways = [
        (("--control", control), {"AMP_CONTROL": "/nix", "AMP_CONFIG": str(other)}),
        (("--config", str(config)), {"AMP_CONTROL": "/nix", "AMP_CONFIG": str(other)}),
        ((), {"AMP_CONTROL": control, "AMP_CONFIG": str(other)}),
        ((), {"AMP_CONTROL": "auto", "AMP_CONFIG": str(config)}),
        ((), {"AMP_CONTROL": "", "AMP_CONFIG": str(secretive)}),
    ]
    assert runtime.is_dir()
    for options, environ in ways:
        assert amp("show", *options, env=environ).code == 0, (options, environ)


def test_the_default_place(amp: Amp, control: str, tmp_path: Path) -> None:
    """With a place before it where an amp died."""
    (tmp_path / "amp").mkdir()
    (tmp_path / "amp" / "control.sock").symlink_to(control)
    environ = {"AMP_CONTROL": "auto", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert amp("show", env=environ).code == 0


def test_without_an_amp_it_is_said_where_it_was_looked_for(amp: Amp, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead"))
    for name, why in (("dead", "Connection refused"), ("none", "No such file or directory")):
        done = amp("show", "--control", str(tmp_path / name))
        assert (done.code, done.out) == (1, b"")
        assert done.err.splitlines() == [
            "amp show: no amp is running, or its control socket is elsewhere: see --control",
            f"amp show:   {tmp_path / name}: {why}",
        ]
    off = tmp_path / "off.toml"
    off.write_text('[proxy]\ncontrol = "off"\n')
    for options, environ, told in (
        (("--config", str(off)), {}, f'there is no control socket: {off} says control = "off"'),
        ((), {"AMP_CONTROL": "off"}, 'there is no control socket: AMP_CONTROL says "off"'),
        (("--config", "/nix"), {}, "cannot read /nix: No such file or directory"),
    ):
        assert amp("show", *options, env=environ) == (1, b"", f"amp show: {told}\n")
    off.write_text("[[[")
    assert amp("show", "--config", str(off)).err.startswith(f"amp show: cannot read {off}: ")


@pytest.mark.parametrize(
    "arguments", ["show everything", "pause", "kill x", "kill 0", "reload now", "resume a b", "show --jsn"]
)
def test_wrong_usage_is_2(arguments: str, amp: Amp) -> None:
    done = amp(*arguments.split())
    assert (done.code, done.out) == (2, b"")


# -- who is at the other end ----------------------------------------------------------------------------


@contextmanager
def answering(path: Path, reply: bytes) -> Iterator[None]:
    """Somebody who answers everything in the same way, once."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b"", "amp closed the connection"),
        (b'{"ok":tr', "amp closed the connection"),
        (b"220 smtp ready\r\n", "did not answer as amp does: is it its control socket?"),
        (b"[]\n", "did not answer as amp does: is it its control socket?"),
        (b"[" * 100_000 + b"\n", "did not answer as amp does: is it its control socket?"),
        (b'{"ok":true}\n', "did not answer as an amp of this version does (KeyError)"),
        (b'{"ok":true,"rows":[5]}\n', "did not answer as an amp of this version does (AttributeError)"),
        (b'{"ok":false,"error":5}\n', "did not answer as an amp of this version does (AttributeError)"),
        (
            b'{"ok":false,"error":{"problems":7}}\n',
            "did not answer as an amp of this version does (TypeError)",
        ),
        (b'{"ok":false}\n', "amp said no"),
        (b'{"ok":false,"error":{"message":"x\\u001b[2J\\n"}}\n', "amp show: x\\x1b[2J\\n\n"),
    ],
)
def test_whatever_answers_there(reply: bytes, told: str, amp: Amp, tmp_path: Path) -> None:
    with answering(tmp_path / "s", reply):
        done = amp("show", "--control", str(tmp_path / "s"))
    assert (done.code, done.out) == (1, b"")
    assert told in done.err
    assert "Traceback" not in done.err


def test_hostile_names_move_no_cursor(amp: Amp, tmp_path: Path) -> None:
    """What clients and servers say of themselves is printed as letters; JSON escapes it by itself."""
    row = {
        "name": "a\x1b]0;x\x07\u202eb", "kind": "asterisk", "state": "down", "host": "h\r\n", "since": None,
        "events": 1, "bytes_in": 999_999_999, "pending": 0, "oldest_pending_s": 1.25, "version": "",
        "reason": "\x9bK",
    }  # fmt: skip
    reply = json.dumps({"ok": True, "rows": [row]}).encode() + b"\n"
    for options in ((), ("--json",)):
        with answering(tmp_path / "s", reply):
            done = amp("show", "--control", str(tmp_path / "s"), *options)
        (tmp_path / "s").unlink()
        assert done.code == 0
        shown = done.out.decode()
        assert shown.replace("\n", "").isprintable()
        if not options:
            cells = shown.splitlines()[1].split()
            assert cells == [
                "a\\x1b]0;x\\x07\\u202eb", "asterisk", "down", "h\\r\\n", "-", "1", "954M", "0", "1.2s", "-",
                "\\x9bK",
            ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_somebody_else_is_refused() -> None:
    """By the permissions of the file alone: everybody can enter the folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "amp.toml").write_text(CONFIG)
        script = "import os, socket; os.setuid(65534); socket.socket(socket.AF_UNIX).connect('control.sock')"
        with running(folder / "amp.toml"):
            done = subprocess.run(
                [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False
            )
    assert done.stderr.endswith("PermissionError: [Errno 13] Permission denied\n")


def test_the_sockets_file_is_amps_own(control: str) -> None:
    assert stat.S_IMODE(Path(control).stat().st_mode) == 0o600

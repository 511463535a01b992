"""``amp top`` in a real terminal, in front of a running amp."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.conftest import Amp
from cli.processes import PATIENCE_S, running
from terminals import Terminal, terminal

CONFIG = """
[proxy]
name = "here"
control = "c"
[[listen]]
port = 0
[[user]]
name = "steve"
secret = "s"
[simulate]
asterisks = 2
sniffers = 1
"""


@pytest.fixture(autouse=True)
def _textual() -> None:
    if importlib.util.find_spec("textual") is None:
        reason = "no Textual here: pip install 'amp[top]'"
        if os.environ.get("AMP_REQUIRE_REAL"):
            pytest.fail(f"AMP_REQUIRE_REAL is set, but there is {reason}")
        pytest.skip(reason)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "amp.toml"
    path.write_text(CONFIG)
    return path


@contextmanager
def top(folder: Path, control: Path) -> Iterator[Terminal]:
    """The screen; when the command ends, its exit code stands there."""
    command = f"{sys.executable} -m amp top --interval 0.2 --control {control}; echo code $?; exec cat"
    with terminal(folder, "sh", "-c", command, environ={}) as screen:
        yield screen


@contextmanager
def signed_in(place: str) -> Iterator[None]:
    """A client of amp that takes what comes."""
    host, _, port = place.rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
        connection.sendall(b"Action: Login\r\nUsername: steve\r\nSecret: s\r\n\r\n")
        assert connection.recv(4096)
        yield


def is_paused(screen: str, server: str) -> bool:
    return any(f" {server} " in line and " up, paused " in line for line in screen.splitlines())


def test_servers_and_clients_are_shown_and_change(config: Path, tmp_path: Path) -> None:
    with running(config) as places, top(tmp_path, tmp_path / "c") as screen:
        shown = screen.until_shown(
            "amp here 0.1.0", "sim1", "sim2", "sniffer1", "servers 3/3 up", "clients 0"
        )
        assert "0 of 0" in shown
        with signed_in(places[0]):
            screen.until_shown("clients 1", "steve", "127.0.0.1:")
            # the simulated calls go on, so there are rates by now
            screen.until(lambda text: re.search(r"sim1 .* [1-9]\d*\.\d ", text) is not None)
        screen.until_shown("clients 0")
        screen.press("q")
        screen.until_shown("code 0")


def test_keys(config: Path, tmp_path: Path) -> None:
    with running(config), top(tmp_path, tmp_path / "c") as screen:
        screen.until_shown("sim1", "sim2", "sniffer1")
        screen.press("s")
        screen.until_shown("NAME ▲")
        screen.press("r")
        reversed_ = screen.until_shown("NAME ▼")
        assert reversed_.index("sniffer1") < reversed_.index("sim2") < reversed_.index("sim1")
        screen.press("/")
        screen.until_shown("Enter keeps it")
        screen.type("SIM2")
        screen.until(lambda text: "sim1" not in text and "1 of 3" in text)
        screen.press("Enter")
        screen.until(lambda text: "sim1" not in text and "SIM2" not in text)
        screen.press("Escape")
        screen.until_shown("sim1", "3 of 3")
        screen.press("Space")
        screen.until_shown("held: space goes on")
        screen.press("Space")
        screen.until_shown("going on")


def test_a_server_is_paused_and_resumed(config: Path, tmp_path: Path, amp: Amp) -> None:
    control = str(tmp_path / "c")
    with running(config), top(tmp_path, tmp_path / "c") as screen:
        screen.until_shown("sim1", "sim2")
        screen.press("Down", "P")
        screen.until(lambda text: is_paused(text, "sim2"))
        assert b"up, paused" in amp("show", "--control", control).out
        screen.press("P")
        screen.until(lambda text: not is_paused(text, "sim2"))


def test_an_amp_that_goes_and_comes_back(config: Path, tmp_path: Path) -> None:
    """The last picture stays meanwhile."""
    with top(tmp_path, tmp_path / "c") as screen:
        screen.until_shown("no amp is running", "trying again")
        with running(config):
            screen.until_shown("amp here", "sim1")
        screen.until_shown("trying again", "sim1")
        with running(config):
            screen.until_shown("amp here", "servers 3/3 up")
        screen.press("C-q")
        screen.until_shown("code 0")


@contextmanager
def answering(path: Path, answer: Callable[[str], object]) -> Iterator[None]:
    """Somebody in amp's place, for one connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                for line in stream:
                    stream.write(json.dumps(answer(json.loads(line)["what"])).encode() + b"\n")
                    stream.flush()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(PATIENCE_S)


def test_hostile_names_neither_move_the_cursor_nor_colour_anything(tmp_path: Path) -> None:
    row = {
        "name": "[red]a[/red]\x1b[2J\x07\u202e", "state": "down", "reason": "[/]\r\n", "paused": False,
    }  # fmt: skip

    def answer(what: str) -> object:
        if what == "stats":
            return {"ok": True, "stats": {"name": "[b]n", "version": "1", "uptime_s": 3725.0}}
        return {"ok": True, "rows": [row] if what == "servers" else []}

    with answering(tmp_path / "c", answer), top(tmp_path, tmp_path / "c") as screen:
        screen.until_shown("amp [b]n 1  up 1:02:05", "[red]a[/red]\\x1b[2J\\x07\\u202e", "[/]\\r\\n")
        screen.press("q")
        screen.until_shown("code 0")


def test_an_amp_of_another_version(tmp_path: Path) -> None:
    """It is said; and who has enough does not wait for an answer that does not come to the next try."""

    def answer(_what: str) -> object:
        return {"ok": True, "stats": {"name": "n"}, "rows": [{"name": "x"}]}

    with answering(tmp_path / "c", answer), top(tmp_path, tmp_path / "c") as screen:
        screen.until_shown("did not answer as")  # the line ends where the screen does
        screen.press("q")
        screen.until_shown("code 0")


def test_thousands_of_clients_are_cut_short_and_say_so(tmp_path: Path) -> None:
    def answer(what: str) -> object:
        if what == "stats":
            return {"ok": True, "stats": {"name": "n", "version": "1", "uptime_s": 1.0}}
        clients = [
            {"number": number, "user": f"u{number}", "waiting_bytes": number, "peak_bytes": 0}
            for number in range(1, 2001)
        ]
        return {"ok": True, "rows": [] if what == "servers" else clients}

    with answering(tmp_path / "c", answer), top(tmp_path, tmp_path / "c") as screen:
        screen.until_shown("u2000", "2000 of 2000, 500 shown")
        screen.press("Tab", "/")
        screen.until_shown("Enter keeps it")
        screen.type("u1234")
        screen.until(lambda text: text.count("u1234") == 2 and " 1 of 2000" in text)  # field and row
        screen.press("Enter")
        screen.until(lambda text: text.count("u1234") == 1)  # the field is gone
        screen.press("q")
        screen.until_shown("code 0")


def test_without_a_terminal_it_says_what_to_use(amp: Amp) -> None:
    assert amp("top") == (
        2, b"", "amp top: it needs a terminal; in a pipe, amp show has the same as text or JSON\n"
    )  # fmt: skip


def test_without_textual_it_says_what_to_install(amp: Amp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual", None)
    assert amp("top") == (
        1, b"", "amp top: it needs Textual, which is not installed: pip install 'amp[top]'\n"
    )  # fmt: skip

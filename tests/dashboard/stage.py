"""What the dashboard's tests stand on: amp as a process with a simulated fleet, and pages of one Chromium."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from programs import program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["PATIENCE_MS", "PATIENCE_S", "Amp", "amp_process", "chromium", "sign_in", "sim_process"]

PATIENCE_S = 60
PATIENCE_MS = PATIENCE_S * 1000
AMP = (sys.executable, "-m", "amp")

CONFIG = """
[proxy]
name = "lab"
[log]
format = "json"
[[listen]]
port = {port}
protocols = ["http", "websocket"]
[[listen]]
port = 0
[simulate]
asterisks = 2
sniffers = 1
calls_per_second = 1
seed = 1
[[user]]
name = "operator"
secret = "let-the-operator-in"
read = ["all"]
write = ["all", "command", "fanout", "admin"]
[[user]]
name = "wallboard"
secret = "let-the-wallboard-in"
read = ["call"]
write = []
"""
CROWDED = """
import trio
from amp.cli.sim import serve_until_told
from amp.sim.sniffer.sniffer import SimSniffer
sniffer = SimSniffer(calls_at_start={calls}, call_seconds=(3600.0, 7200.0))
trio.run(serve_until_told, sniffer.serve, "127.0.0.1", 0)
"""
SERVER = """
[[server]]
kind = "{kind}"
name = "{name}"
host = "127.0.0.1"
port = {port}
{more}
"""


@attrs.define(eq=False, kw_only=True)
class Amp:
    """A running amp.

    Attributes:
        port: of its listener for browsers.
        ami_port: of the other one.
    """

    port: int
    ami_port: int
    process: subprocess.Popen[bytes]

    @property
    def origin(self) -> str:
        """Where its page is."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: object = None) -> Any:
        """Ask the API as the operator."""
        data = None if body is None else json.dumps(body).encode()
        who = base64.b64encode(b"operator:let-the-operator-in").decode()
        headers = {"authorization": f"Basic {who}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.origin}/api/v1{path}", data, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def act(self, **headers: str) -> Any:
        """Have an action done."""
        answer = self.ask("/actions", {"action": headers})
        assert answer["complete"], answer
        return answer


def channel_states(amp: Amp, server: str) -> list[str]:
    """Of all channels there; in a call that is on hold nothing happens any more once they are up."""
    (answer,) = amp.act(Action="CoreShowChannels", Server=server)["answers"]
    return [one["ChannelStateDesc"] for one in answer["events"] if one["Event"] == "CoreShowChannel"]


def asterisk(name: str, port: int) -> str:
    """A server of the configuration, from `sim_process`."""
    more = 'username = "amp"\nsecret = "secret"\nreconnect_first = "100ms"\nreconnect_max = "200ms"'
    return SERVER.format(kind="asterisk", name=name, port=port, more=more)


def sniffer(name: str, port: int) -> str:
    """A sniffer of the configuration, from `crowded_sniffer`."""
    more = 'encryption = "none"\nwatch = { calls = "20s", stat = "20s" }'
    return SERVER.format(kind="voipmonitor", name=name, port=port, more=more)


@contextmanager
def amp_process(folder: Path, more: str = "", *, port: int = 0) -> Iterator[Amp]:
    """amp with the simulated fleet, and every server up.

    Args:
        folder: for its configuration and its log.
        more: further lines of the configuration.
        port: a fixed one, for an amp that comes back.
    """
    path, log = folder / "amp.toml", folder / "amp.log"
    path.write_text(CONFIG.format(port=port) + more)
    with log.open("wb") as out:
        process = subprocess.Popen([*AMP, "run", "--allow-root", str(path)], stderr=out)
    try:
        listening: list[str] = until(lambda: _listening(log, process))
        ports = [int(place.rpartition(":")[2]) for place in listening]
        amp = Amp(port=ports[0], ami_port=ports[1], process=process)
        until(lambda: all(server["state"] == "up" for server in amp.ask("/servers")))
        yield amp
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _listening(log: Path, process: subprocess.Popen[bytes]) -> list[str] | None:
    assert process.poll() is None, log.read_text()
    for line in log.read_text().splitlines():
        if '"event":"ready"' in line:
            told: dict[str, list[str]] = json.loads(line)
            return told["listen"]
    return None


def sim_process(*options: str) -> AbstractContextManager[tuple[int, subprocess.Popen[bytes]]]:
    """``amp sim`` with these options: its port, and itself."""
    return _sim_process([*AMP, "sim", *options])


def crowded_sniffer(calls: int) -> AbstractContextManager[tuple[int, subprocess.Popen[bytes]]]:
    """A simulated sniffer with so many calls, which last for hours."""
    return _sim_process([sys.executable, "-c", CROWDED.format(calls=calls)])


@contextmanager
def _sim_process(command: list[str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["port"], process
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a screen; skips where there is none."""
    path = program("chromium", "chromium")
    from playwright.sync_api import sync_playwright  # takes half a second

    # As root, in a container, Chromium's own sandbox does not work; and it would look for its makers' hosts.
    arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def sign_in(
    page: Page,
    origin: str,
    user: str = "operator",
    secret: str = "let-the-operator-in",
    view: str = "servers",
) -> None:
    """As a user does; then that view is shown and the connection is live."""
    page.goto(f"{origin}/#{view}")
    page.get_by_label("User").fill(user)
    page.get_by_label("Secret").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".connection[data-state=live]").wait_for()


def until(told: Callable[[], Any]) -> Any:
    """Wait until it gives something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := told()):
        assert time.monotonic() < deadline, "nothing came in time"
        time.sleep(0.05)
    return found

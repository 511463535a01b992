"""Asterisk's own HTTP interface: through amp and straight to the server, the same answers."""

from __future__ import annotations

import http.client
import re
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import attrs
import pytest
import trio

from programs import program
from real.amp_process import Upstream, open_amp
from real.asterisk import Asterisk

pytestmark = pytest.mark.asterisk

PATIENCE_S = 60
LISTEN = '[[listen]]\nport = 0\nprotocols = ["http"]\n'

ACTIONS: Mapping[str, Mapping[str, str]] = {
    "core settings": {"action": "coresettings", "actionid": "p 1"},
    "a list": {"action": "coreshowchannels", "actionid": "l1"},
    "a list without ActionID": {"action": "queuestatus"},
    "a command": {"action": "command", "command": "dialplan show amp-load"},
    "an unknown command": {"action": "command", "command": "no such thing"},
    "a variable": {"action": "getvar", "variable": "<x>&\"'"},
    "no action": {"actionid": "1"},
    "logoff": {"action": "logoff"},
    "after the logoff": {"action": "ping"},
}


@attrs.define
class Browser:
    """A plain HTTP client that keeps its cookie; every call is made in a thread."""

    port: int
    user: str
    secret: str
    cookie: str = ""

    async def get(self, path: str, fields: Mapping[str, str]) -> tuple[int, str, str]:
        """Status, content type and body."""
        return await trio.to_thread.run_sync(self._get, path, fields)

    async def login(self, path: str) -> str:
        login = {"action": "login", "username": self.user, "secret": self.secret}
        return (await self.get(path, login))[2]

    def _get(self, path: str, fields: Mapping[str, str]) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Cookie": f"mansession_id={self.cookie}"} if self.cookie else {}
        connection.request("GET", f"{path}?{urlencode(fields, quote_via=quote)}", headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode("latin-1")
        found = re.match(r'mansession_id="([0-9a-f]+)"; Version=1; Max-Age=60', answer.headers["Set-Cookie"])
        assert found
        self.cookie = found[1]
        connection.close()
        return answer.status, answer.headers["Content-Type"], body


@asynccontextmanager
async def browsers(server: Asterisk, folder: Path) -> AsyncIterator[tuple[Browser, Browser]]:
    """One at amp, one at the server itself."""
    async with open_amp(folder, [Upstream(name="plain", port=server.ports.ami)], users=LISTEN) as amp:
        ready = await amp.wait_log("ready")
        port = int(str(ready["listen"][1]).rpartition(":")[2])
        yield Browser(port, "client", "client secret"), Browser(server.ports.http, "oracle", "secret")


def plain(body: str) -> str:
    """Without what amp adds on purpose."""
    return re.sub(r"\r\nServer: plain(?=\r\n)| server='plain'", "", body)


@pytest.mark.parametrize("path", ["/rawman", "/mxml"])
async def test_answers_are_those_of_the_server_itself(
    asterisks: Mapping[str, Asterisk], tmp_path: Path, path: str
) -> None:
    async with browsers(asterisks["plain"], tmp_path) as (through, direct):
        assert await through.login(path) == await direct.login(path)
        for name, fields in ACTIONS.items():
            status, kind, body = await through.get(path, fields)
            expected = await direct.get(path, fields)
            assert (status, kind, plain(body)) == expected, name


@pytest.mark.parametrize("path", ["/arawman", "/amxml"])
async def test_digests_are_answered_as_by_the_server_itself(
    asterisks: Mapping[str, Asterisk], tmp_path: Path, path: str
) -> None:
    """With curl, which answers the challenge of either."""
    async with browsers(asterisks["plain"], tmp_path) as both:
        for query in ("action=coresettings&actionid=d1", "action=getvar&variable=%3Cx%3E", "action=nonsense"):
            bodies = [await digested(browser, f"{path}?{query}") for browser in both]
            assert plain(bodies[0]) == bodies[1], query
            assert "200 OK" in bodies[0]


async def digested(browser: Browser, target: str) -> str:
    """Status and body of a request by curl with a digest."""
    command = [program("curl", "curl"), "-s", "--digest", "-u", f"{browser.user}:{browser.secret}"]
    command += ["-w", "%{http_code} OK", f"http://127.0.0.1:{browser.port}{target}"]
    done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.DEVNULL)
    return done.stdout.decode("latin-1")


async def test_events_are_fetched_as_from_the_server_itself(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """One event, seen by both, in the words of WaitEvent."""
    async with browsers(asterisks["plain"], tmp_path) as both:
        for browser in both:
            assert "Success" in await browser.login("/rawman")
        userevent = {"action": "userevent", "userevent": "Seen", "x": "1"}
        assert "Success" in (await both[1].get("/rawman", userevent))[2]
        with trio.fail_after(PATIENCE_S):
            found = [await waited(browser, "Event: UserEvent") for browser in both]
        assert [plain(body) for body in found[0]] == found[1]


async def waited(browser: Browser, wanted: str) -> list[str]:
    """The frames around and of this event, asked for until it has come."""
    while True:
        body = (await browser.get("/rawman", {"action": "waitevent", "timeout": "10", "actionid": "w"}))[2]
        frames = [frame + "\r\n" for frame in body.removesuffix("\r\n\r\n").split("\r\n\r\n")]
        if events := [frame for frame in frames if frame.startswith(wanted)]:
            return [frames[0], *events, frames[-1]]

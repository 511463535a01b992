"""Asterisk's own HTTP interface: through amp and straight to the server, the same answers."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import attrs
import pytest
import trio

from real.amp_process import Upstream, open_amp
from real.asterisk import Asterisk

pytestmark = pytest.mark.asterisk

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


def plain(body: str) -> str:
    """Without what amp adds on purpose."""
    return re.sub(r"\r\nServer: plain(?=\r\n)| server='plain'", "", body)


@pytest.mark.parametrize("path", ["/rawman", "/mxml"])
async def test_answers_are_those_of_the_server_itself(
    asterisks: Mapping[str, Asterisk], tmp_path: Path, path: str
) -> None:
    ports = asterisks["plain"].ports
    async with open_amp(tmp_path, [Upstream(name="plain", port=ports.ami)], users=LISTEN) as amp:
        ready = await amp.wait_log("ready")
        through = Browser(int(str(ready["listen"][1]).rpartition(":")[2]), "client", "client secret")
        direct = Browser(ports.http, "oracle", "secret")
        assert await through.login(path) == await direct.login(path)
        for name, fields in ACTIONS.items():
            status, kind, body = await through.get(path, fields)
            expected = await direct.get(path, fields)
            assert (status, kind, plain(body)) == expected, name

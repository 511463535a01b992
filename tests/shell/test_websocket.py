"""WebSocket through the whole proxy, with an independent client: logins, subscriptions, actions, ends."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import orjson
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

from amp.config.schema import Listen, User
from amp.config.secret import Secret
from shell.harness import PATIENCE_S, Lab, lab

WEB = (Listen(port=0, protocols=("websocket",)),)
ALL = (Listen(port=0, protocols=("ami", "http", "websocket"), detect_timeout_s=0.05),)
RITA = User(name="rita", secret=Secret("rita's"), read=("user",), write=())


@attrs.define(eq=False)
class Talker:
    """A client of amp.v1 that reads what comes in order."""

    socket: WebSocketConnection
    _ids: int = 0
    _kept: deque[dict[str, Any]] = attrs.field(factory=deque)

    async def message(self) -> dict[str, Any]:
        """The next one that is no answer to `ask`."""
        return self._kept.popleft() if self._kept else await self._read()

    async def _read(self) -> dict[str, Any]:
        with trio.fail_after(PATIENCE_S):
            found = orjson.loads(await self.socket.get_message())
        assert isinstance(found, dict)
        return found

    async def ask(self, kind: str, **fields: object) -> dict[str, Any]:
        """Send a request, and give its answer; whatever comes before is kept for `message`."""
        self._ids += 1
        await self.socket.send_message(orjson.dumps({"id": self._ids, "type": kind, **fields}).decode())
        while True:
            answer = await self._read()
            if answer["type"] == "response" and answer["id"] == self._ids:
                return answer
            self._kept.append(answer)

    async def login(self, user: str = "anna", secret: str = "anna's") -> dict[str, Any]:
        """Sign in."""
        return await self.ask("login", username=user, secret=secret)

    async def event(self, name: str) -> dict[str, Any]:
        """Read on until this event."""
        while True:
            message = await self.message()
            if message.get("event") == name:
                return message

    async def closed(self) -> tuple[int, str]:
        """Read on until the end: its code and reason."""
        with pytest.raises(ConnectionClosed) as caught, trio.fail_after(PATIENCE_S):
            while True:
                await self.socket.get_message()
        reason = caught.value.reason
        assert reason is not None
        return reason.code, reason.reason or ""


@asynccontextmanager
async def talking(one: Lab, *, listener: int = 0, **settings: Any) -> AsyncIterator[Talker]:
    """A connection to amp; with its subprotocol, unless said otherwise."""
    settings = {"subprotocols": ["amp.v1"], **settings}
    url = f"ws://127.0.0.1:{one.port_of(listener)}/ws"
    async with open_websocket_url(url, **settings) as socket:
        yield Talker(socket)


async def test_login_subscribe_and_events() -> None:
    async with lab("a", listen=WEB) as one, talking(one) as talker:
        hello = await talker.login()
        assert (hello["ok"], hello["user"], hello["read"]) == (True, "anna", ["all"])
        assert hello["servers"] == [{"name": "a", "kind": "asterisk", "up": True}]
        told = await talker.ask("subscribe", events=["UserEvent"], servers=["*"])
        position = told["positions"]["a"]
        done = await talker.ask(
            "action", action={"Action": "UserEvent", "UserEvent": "One", "ActionID": "mine", "Key": "é"}
        )
        assert done["ok"]
        assert done["response"]["ActionID"] == "mine"
        event = await talker.event("UserEvent")
        assert (event["type"], event["server"], event["epoch"]) == ("event", "a", position["epoch"])
        assert event["seq"] > position["seq"]
        assert event["headers"]["Key"] == "é"
        assert event["headers"]["ActionID"] == "mine"
        assert "Server" not in event["headers"]
        assert (await talker.ask("ping"))["ok"]
        line = None
        await talker.socket.aclose()
        line = await one.logged("client_done", user="anna")
        assert (line["reason"], line["events"]) == ("closed by the client", 1)

"""A client of amp.v1 for tests, on an independent implementation of WebSocket."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import orjson
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from shell.harness import PATIENCE_S, Lab

__all__ = ["Talker", "talking"]


@attrs.define(eq=False)
class Talker:
    """A client of amp.v1 that reads what comes in order."""

    socket: WebSocketConnection
    _ids: int = 0
    kept: deque[dict[str, Any]] = attrs.field(factory=deque)

    async def message(self) -> dict[str, Any]:
        """The next one that is no answer to `ask`."""
        return self.kept.popleft() if self.kept else await self._read()

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
            self.kept.append(answer)

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
async def talking(
    one: Lab, *, listener: int = 0, tls: ssl.SSLContext | None = None, **settings: Any
) -> AsyncIterator[Talker]:
    """A connection to amp; with its subprotocol, unless said otherwise."""
    settings = {"subprotocols": ["amp.v1"], **settings}
    host = f"127.0.0.1:{one.port_of(listener)}"
    # The library's own ways to connect leave the socket open where the other end closes first.
    plain = await trio.open_tcp_stream("127.0.0.1", one.port_of(listener))
    stream = plain if tls is None else trio.SSLStream(plain, tls, server_hostname="localhost")
    async with trio.open_nursery() as nursery:
        try:
            socket = await wrap_client_stream(nursery, stream, host, "/ws", **settings)
            yield Talker(socket)
            with trio.move_on_after(PATIENCE_S):
                await socket.aclose()
        finally:
            await trio.aclose_forcefully(stream)
        nursery.cancel_scope.cancel()

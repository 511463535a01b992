"""A reader of event streams for tests, as the HTML standard says (§9.2.6): it knows nothing else of amp."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import attrs
import trio

from shell.browsing import Browser, basic
from shell.harness import PATIENCE_S, Lab

__all__ = ["Block", "EventStream", "streaming"]


@attrs.frozen
class Block:
    """An event as a script gets it.

    Attributes:
        kind: ``message`` if the stream says nothing else.
        data: the JSON in it.
        last_id: where the reader stands behind it.
    """

    kind: str
    data: Any
    last_id: str


@attrs.define(eq=False)
class EventStream:
    """One connection; read it with `block`.

    Attributes:
        head: status line and headers.
        last_id: where it stands now.
        comments: how many there were.
    """

    browser: Browser
    head: str = ""
    last_id: str = ""
    comments: int = 0
    _buffer: bytes = b""

    async def begin(self) -> None:
        """Read the head."""
        with trio.fail_after(PATIENCE_S):
            while b"\r\n\r\n" not in self._buffer:
                assert await self._more(), self._buffer
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        self.head = head.decode()

    async def block(self) -> Block | None:
        """The next event; ``None`` at the end of the stream."""
        with trio.fail_after(PATIENCE_S):
            while True:
                while b"\n\n" not in self._buffer:
                    if not await self._more():
                        return None
                raw, _, self._buffer = self._buffer.partition(b"\n\n")
                if (found := self._dispatched(raw.decode())) is not None:
                    return found

    def _dispatched(self, raw: str) -> Block | None:
        kind, data = "message", ""
        for line in raw.split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                self.last_id = value
            elif name == "event":
                kind = value
            elif name == "data":
                data += value
            self.comments += not name
        return Block(kind, json.loads(data), self.last_id) if data else None

    async def _more(self) -> bool:
        try:
            data = bytes(await self.browser.stream.receive_some(65536))
        except trio.BrokenResourceError:
            return False
        self._buffer += data
        return bool(data)


@asynccontextmanager
async def streaming(
    one: Lab, *headers: tuple[str, str], user: str = "anna", last_id: str = "", **query: str
) -> AsyncIterator[EventStream]:
    """A stream that has begun; it is cut off at the end."""
    browser = await Browser.open(one)
    sent = [*headers, *([basic(user, f"{user}'s")] if user else [])]
    if last_id:
        sent.append(("Last-Event-ID", last_id))
    await browser.send("GET", "/api/v1/events" + ("?" + urlencode(query) if query else ""), *sent)
    stream = EventStream(browser)
    await stream.begin()
    try:
        yield stream
    finally:
        await trio.aclose_forcefully(browser.stream)

"""WebSockets in front of a real Asterisk: the events of a direct connection, actions, and resuming."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

from amp.core.ws.event_json import headers_object
from real.amp_process import AmpProcess, Upstream, open_amp
from real.asterisk import Asterisk
from real.calls import calls_over, hang_up_all, make_calls
from real.oracle import signed_in
from real.streams import Window, mark, seen_by_oracle, wait_window

pytestmark = pytest.mark.asterisk

PATIENCE_S = 60


@attrs.define(eq=False)
class Subscriber:
    """A client of amp.v1 that keeps what it is told."""

    socket: WebSocketConnection
    stream: trio.SocketStream
    events: list[dict[str, Any]] = attrs.field(factory=list)

    async def ask(self, **fields: object) -> dict[str, Any]:
        """Send a request and give its answer; events that come before it are kept."""
        await self.socket.send_message(orjson.dumps({"id": 1, **fields}).decode())
        with trio.fail_after(PATIENCE_S):
            while (message := await self._next())["type"] != "response":
                pass
        assert message["ok"], message
        return message

    async def until(self, mark: str) -> None:
        """Read on until the mark that ends a window."""
        with trio.fail_after(PATIENCE_S):
            while not self.events or self.events[-1]["headers"].get("Mark") != mark:
                await self._next()

    async def more(self, count: int) -> None:
        """Read on until there are so many more events."""
        enough = len(self.events) + count
        with trio.fail_after(PATIENCE_S):
            while len(self.events) < enough:
                await self._next()

    async def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = orjson.loads(await self.socket.get_message())
        if message["type"] == "event":
            self.events.append(message)
        assert message["type"] != "gap", message
        return message


@asynccontextmanager
async def subscriber(amp: AmpProcess, **wishes: object) -> AsyncIterator[Subscriber]:
    """A connection that has signed in and subscribed; cut without a word at the end."""
    stream = await trio.open_tcp_stream("127.0.0.1", amp.port)
    async with trio.open_nursery() as nursery:
        try:
            socket = await wrap_client_stream(
                nursery, stream, f"127.0.0.1:{amp.port}", "/ws", subprotocols=["amp.v1"]
            )
            one = Subscriber(socket, stream)
            await one.ask(type="login", username="client", secret="client secret")
            await one.ask(type="subscribe", **wishes)
            yield one
        finally:
            await trio.aclose_forcefully(stream)
        nursery.cancel_scope.cancel()


def as_told(raw: bytes) -> dict[str, Any]:
    """The headers that an event of a direct connection has in JSON, by the plain way to make them."""
    return dict(headers_object(raw)[0])


def in_window(events: list[dict[str, Any]], window: Window) -> list[dict[str, Any]]:
    """The headers of the events from one mark to the other."""
    marks = [
        at for at, event in enumerate(events)
        if event["headers"].get("Mark") in (f"begin {window.tag}", f"end {window.tag}")
    ]  # fmt: skip
    assert len(marks) == 2
    found = [event["headers"] for event in events[marks[0] : marks[1] + 1]]
    return [one for one in found if one.get("Privilege") != "security,all" and one["Event"] != "FullyBooted"]


async def test_calls_are_told_as_on_a_direct_connection(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """20 calls of every kind: each event once, in order, with the same headers; two more cut and resume."""
    plain, window = asterisks["plain"], Window.at("plain")
    upstream = Upstream(name="plain", port=plain.ports.ami)
    async with (
        signed_in(plain.ports.ami, events="off") as control,
        open_amp(tmp_path, [upstream], protocols=("ami", "http", "websocket")) as amp,
        signed_in(plain.ports.ami) as oracle,
    ):
        await hang_up_all(control)
        kept: list[dict[str, Any]] = []
        async with subscriber(amp) as steady:
            async with subscriber(amp) as cut:
                await mark(control, window, "begin")
                await make_calls(control, 20)
                await cut.more(100)
                kept += cut.events
            for _ in range(4):
                since = {"plain": {"epoch": kept[-1]["epoch"], "seq": kept[-1]["seq"]}}
                async with subscriber(amp, since=since) as again:
                    await again.more(100)
                    kept += again.events
            await calls_over(control)
            await mark(control, window, "end")
            await wait_window([oracle], [window])
            await steady.until(f"end {window.tag}")
            since = {"plain": {"epoch": kept[-1]["epoch"], "seq": kept[-1]["seq"]}}
            async with subscriber(amp, since=since) as last:
                await last.until(f"end {window.tag}")
                kept += last.events
        expected = [as_told(raw) for raw in seen_by_oracle(oracle, window)]
    assert len(expected) > 1000
    assert in_window(steady.events, window) == expected
    assert in_window(kept, window) == expected


async def test_actions_and_lists(asterisks: Mapping[str, Asterisk], tmp_path: Path) -> None:
    plain = asterisks["plain"]
    upstream = Upstream(name="plain", port=plain.ports.ami)
    async with (
        signed_in(plain.ports.ami, events="off") as control,
        open_amp(tmp_path, [upstream], protocols=("ami", "http", "websocket")) as amp,
        subscriber(amp, events="UserEvent") as one,
    ):
        await hang_up_all(control)
        direct = await control.ask_list("QueueStatus")
        told = await one.ask(type="action", action={"Action": "QueueStatus", "Server": "plain"})
        assert told["response"]["EventList"] == "start"
        assert [event["Event"] for event in told["events"]] == [
            *((message.get("Event") or b"").decode() for message in direct), "QueueStatusComplete",
        ]  # fmt: skip
        assert len(direct) > 0
        command = {"Action": "Command", "Command": "core show version", "Server": "plain"}
        told = await one.ask(type="action", action=command)
        assert told["response"]["Output"].startswith("Asterisk ")
        event = {
            "Action": "UserEvent",
            "UserEvent": "Told",
            "Key": "é",
            "Server": "plain",
            "ActionID": "mine",
        }
        assert (await one.ask(type="action", action=event))["response"]["ActionID"] == "mine"
        await one.more(1 - len(one.events))
        assert (one.events[0]["headers"]["Key"], one.events[0]["headers"]["ActionID"]) == ("é", "mine")

"""Stand-in for server.c; it always writes in blocks."""

from __future__ import annotations

import time
from pathlib import Path

import attrs
import trio

from amp.core.ami.frame import Frame, encode
from bench.standin.common import CHUNK, END, Options, bound_port, commands, numbered, say
from bench.stream import read_stream

__all__ = ["run"]

BOOTED = Frame.of(("Event", "FullyBooted"), ("Privilege", "system,all"), ("Status", "Fully Booted"))


@attrs.define(eq=False)
class Link:
    """One connection."""

    stream: trio.SocketStream
    port: int
    events: bool
    sending: trio.Lock = attrs.field(factory=trio.Lock)


async def run(options: Options) -> None:
    """Serve ``ports`` servers until stdin ends; replay on ``go E``."""
    recorded = read_stream(Path(options["stream"])) if "stream" in options else []
    bare = options.get("bare") == "yes"
    links: set[Link] = set()
    listeners = [
        (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0] for _ in range(int(options.get("ports", "1")))
    ]

    async def serve(stream: trio.SocketStream) -> None:
        port: int = stream.socket.getsockname()[1]
        link = Link(stream, port, bare)
        links.add(link)
        try:
            await _serve(link)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            links.discard(link)

    async with commands() as orders, trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        say(ports=[bound_port(listener) for listener in listeners])
        while line := (await orders.receive_some(64)).decode():
            for link in [link for link in links if link.events]:
                nursery.start_soon(_replay, link, recorded, int(line.split()[1]))
        nursery.cancel_scope.cancel()


async def _serve(link: Link) -> None:
    await link.stream.send_all(b"Asterisk Call Manager/11.0.0\r\n")
    if link.events:
        say(link=link.port, events=True)
    data = b""
    while more := await link.stream.receive_some(CHUNK):
        *actions, data = (data + more).split(END)
        for action in actions:
            async with link.sending:
                await link.stream.send_all(_answer(link, Frame.parse(action)))


def _answer(link: Link, action: Frame) -> bytes:
    action_id = action.get(b"ActionID")
    head = (("ActionID", action_id),) if action_id else ()
    match action.name.lower():
        case b"login":
            link.events = action.get(b"Events", b"on") != b"off"
            say(link=link.port, events=link.events)
            accepted = Frame.of(("Response", "Success"), *head, ("Message", "Authentication accepted"))
            return encode(accepted) + (encode(BOOTED) if link.events else b"")
        case b"challenge":
            return encode(Frame.of(("Response", "Success"), *head, ("Challenge", "840415273")))
        case b"ping":
            pong = ("Ping", "Pong"), ("Timestamp", f"{time.time():.6f}")
            return encode(Frame.of(("Response", "Success"), *head, *pong))
        case b"events":
            return encode(Frame.of(("Response", "Success"), *head, ("Events", "Off")))
        case b"logoff":
            return encode(Frame.of(("Response", "Goodbye"), *head, ("Message", "Thanks for all the fish.")))
    return encode(Frame.of(("Response", "Error"), *head, ("Message", "Invalid/unknown command")))


async def _replay(link: Link, recorded: list[bytes], count: int) -> None:
    began = time.monotonic()
    size = len(recorded)
    try:
        async with link.sending:
            for first in range(0, count, 100):
                numbers = range(first, min(first + 100, count))
                await link.stream.send_all(b"".join(numbered(recorded[n % size], n) for n in numbers))
    except trio.BrokenResourceError:
        pass  # as if all had gone out: nobody is there to miss it
    say(sent=count, seconds=time.monotonic() - began)

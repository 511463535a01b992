"""What a connection makes of a flood of small frames: it takes turns with others, and nothing gathers."""

from __future__ import annotations

import base64
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection

from amp.shell.websocket.messages import MOST_PINGS, SLICE, Messages
from amp.shell.wire import PlainWire

PING = b"\x89\x80\0\0\0\0"
TEXT = b"\x81\x81\0\0\0\0x"
PATIENCE_S = 60
FLOOD = 5000


def opened() -> WSConnection:
    """A server's side behind the handshake."""
    protocol = WSConnection(ConnectionType.SERVER)
    key = base64.b64encode(bytes(16))
    headers = [
        (b"host", b"x"), (b"upgrade", b"websocket"), (b"connection", b"upgrade"),
        (b"sec-websocket-version", b"13"), (b"sec-websocket-key", key),
    ]  # fmt: skip
    protocol.initiate_upgrade_connection(headers, "/ws")
    protocol.send(AcceptConnection())
    assert len(list(protocol.events())) == 1
    return protocol


@asynccontextmanager
async def reading(
    data: bytes, *, is_behind: Callable[[], bool] = lambda: False
) -> AsyncIterator[tuple[Messages, list[bytes]]]:
    """What reads these bytes and then the end, and what it says."""
    here, there = socket.socketpair()
    said: list[bytes] = []
    with here, there, trio.fail_after(PATIENCE_S):
        here.setblocking(False)
        wire = PlainWire(trio.socket.from_stdlib_socket(here))
        messages = Messages(wire, opened(), said.append, lambda size: "", is_behind, 1000, PATIENCE_S)
        there.sendall(data)
        there.shutdown(socket.SHUT_WR)
        yield messages, said


async def test_many_frames_in_one_read_leave_others_their_turns() -> None:
    async with reading(PING * FLOOD) as (messages, said), trio.open_nursery() as nursery:
        seen = [0]

        async def look() -> None:
            while True:
                await trio.lowlevel.checkpoint()
                seen.append(len(said))

        nursery.start_soon(look)
        assert await messages.next() is None
        nursery.cancel_scope.cancel()
    assert len(said) == FLOOD
    assert max(later - earlier for earlier, later in itertools.pairwise(seen)) <= 2 * SLICE


async def test_what_comes_behind_a_message_waits_till_that_is_taken() -> None:
    """However much is read at once, one message is unfolded at a time."""
    async with reading(TEXT + PING + TEXT) as (messages, said):
        assert (await messages.next(), said) == ("x", [])
        assert (await messages.next(), len(said)) == ("x", 1)
        assert await messages.next() is None


@pytest.mark.parametrize(("behind", "answered"), [(False, FLOOD), (True, MOST_PINGS)])
async def test_who_takes_no_answers_may_ping_only_so_often(behind: bool, answered: int) -> None:
    async with reading(PING * FLOOD, is_behind=lambda: behind) as (messages, said):
        assert await messages.next() is None
    assert len(said) == answered
    assert ("does not take the answers" in messages.reason) == behind

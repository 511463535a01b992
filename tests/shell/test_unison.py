"""Many clients, one batch: whoever can take it at once gets it so, and all others as ever."""

from __future__ import annotations

import errno
import socket

import trio

from amp.core.fanout.batch import Span
from amp.core.fanout.members import Group, Member
from amp.core.fanout.view import View, ViewKey
from amp.core.stats import ClientStats
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.unison import FEW, write_to_all
from amp.shell.wire import PlainWire

SPAN = Span(b"pbx1", b"e1", 1, 2)
DATA = b"Event: A\r\n\r\n" * 100
LARGE = DATA * 10_000
PATIENCE_S = 60
LIMITS = OutletLimits(order_hold_bytes=2 * len(LARGE))


class Client:
    """An outlet on one end of a pair of sockets, and what it is told."""

    def __init__(self) -> None:
        ours, self.peer = socket.socketpair()
        ours.setblocking(False)
        self.peer.settimeout(PATIENCE_S)
        self.sock = trio.socket.from_stdlib_socket(ours)
        self.reasons: list[str] = []
        self.outlet = Outlet(PlainWire(self.sock), LIMITS, self.reasons.append)
        group = Group(View(ViewKey()))
        self.member = Member(self.outlet, self.outlet.offer, ClientStats(), group)

    def got(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self.peer.recv(size - len(data))
        return data

    def close(self) -> None:
        self.sock.close()
        self.peer.close()


async def test_each_gets_all_of_it_in_its_own_way() -> None:
    """Some take it at once, one takes a part, others are full, behind, held, waiting, gone or broken."""
    whole, part, full, behind, held, waiting, gone, broken, last = clients = [Client() for _ in range(9)]
    seen: list[bool] = []
    try:
        while full.outlet.descriptor() >= 0:  # fill the socket, and forget what waits
            full.outlet.offer(LARGE)
        full.outlet._queue.clear()
        full.outlet.pending_bytes = 0
        behind.outlet.offer(LARGE)
        held.outlet.hold(b"pbx1")
        waiting.outlet.on_event = lambda: seen.append(True)
        gone.outlet.detach()
        gone.member.live = False
        broken.peer.close()
        for client in (part, behind):
            assert client.outlet.bytes_out < len(LARGE)
        write_to_all([client.member for client in clients], LARGE, SPAN)
        assert part.outlet.pending_bytes > 0
        assert part.outlet.bytes_out + part.outlet.pending_bytes == len(LARGE)
        assert full.outlet.pending_bytes == len(LARGE)
        assert full.outlet.oldest_events == SPAN
        assert behind.outlet.bytes_out + behind.outlet.pending_bytes == 2 * len(LARGE)
        assert held.outlet.pending_bytes == held.outlet.bytes_out == gone.outlet.bytes_out == 0
        assert seen == [True]
        assert broken.reasons == [f"write failed: {OSError(errno.EPIPE, 'Broken pipe').strerror}"]
        assert not last.reasons
    finally:
        for client in clients:
            client.close()
    del whole


async def test_small_events_arrive_at_all_of_many() -> None:
    clients = [Client() for _ in range(FEW + 1)]
    try:
        for _ in range(3):
            write_to_all([client.member for client in clients], DATA, SPAN)
        for client in clients:
            assert client.got(3 * len(DATA)) == 3 * DATA
            assert client.outlet.bytes_out == 3 * len(DATA)
            assert not client.outlet.pending_bytes
    finally:
        for client in clients:
            client.close()


async def test_few_are_served_one_by_one() -> None:
    clients = [Client() for _ in range(FEW - 1)]
    try:
        write_to_all([client.member for client in clients], DATA, SPAN)
        assert all(client.got(len(DATA)) == DATA for client in clients)
    finally:
        for client in clients:
            client.close()

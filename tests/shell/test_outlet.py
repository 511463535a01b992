"""The outlet on real socket pairs: exact bytes, limits, holding back, the patience rule."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
import trio.testing

from amp.core.fanout.batch import Span
from amp.shell.crowd import HEAVY_BYTES, Crowd
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.wire import PlainWire
from shell.harness import PATIENCE_S

SPAN = Span(b"pbx1", b"e", 1, 1)


class Peer:
    """One outlet over a socket pair with small buffers, and the other end of it."""

    def __init__(self, limits: OutletLimits | None = None, crowd: Crowd | None = None) -> None:
        near, self.far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        near.setblocking(False)
        self.far.setblocking(False)
        self.reasons: list[str] = []
        self.wire = PlainWire(trio.socket.from_stdlib_socket(near))
        self.outlet = Outlet(self.wire, limits or OutletLimits(), self.reasons.append, crowd)

    def read(self) -> bytes:
        """All there is right now."""
        got: list[bytes] = []
        while True:
            try:
                data = self.far.recv(1 << 20)
            except BlockingIOError:
                return b"".join(got)
            if not data:
                return b"".join(got)
            got.append(data)

    async def read_until(self, size: int) -> bytes:
        """Exactly ``size`` bytes, read slowly."""
        far = trio.socket.from_stdlib_socket(self.far.dup())
        got = b""
        with trio.fail_after(PATIENCE_S):
            while len(got) < size:
                got += await far.recv(5000)
        far.close()
        return got

    def close(self) -> None:
        self.outlet.detach()
        self.wire.close()
        self.far.close()


@contextmanager
def peer(limits: OutletLimits | None = None, crowd: Crowd | None = None) -> Iterator[Peer]:
    one = Peer(limits, crowd)
    try:
        yield one
    finally:
        one.close()


async def test_what_fits_is_written_at_once_without_a_task() -> None:
    """A small offer has left when `offer` returns."""
    with peer() as one:
        one.outlet.offer(b"Event: A\r\n\r\n")
        assert one.read() == b"Event: A\r\n\r\n"
        assert one.outlet.pending_bytes == 0
        assert one.outlet.bytes_out == 12


async def test_bytes_arrive_exactly_and_in_order_whatever_the_sizes() -> None:
    """What does not fit at once follows through the flusher, byte for byte."""
    rng = random.Random(7)
    with peer() as one:
        sent = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.outlet.flush_forever)
            for _ in range(200):
                data = rng.randbytes(rng.choice((1, 50, 5000, 40000)))
                sent += data
                one.outlet.offer(data)
            assert one.outlet.peak_bytes > 100_000
            assert await one.read_until(len(sent)) == sent
            await one.outlet.drain()
            assert one.outlet.pending_bytes == 0
            assert one.outlet.bytes_out == len(sent)
            one.outlet.detach()


async def test_an_empty_offer_is_nothing_also_behind_others() -> None:
    """It must not stay in the queue: the flusher would spin on it."""
    with peer() as one:
        one.outlet.offer(b"")
        one.outlet.offer(b"x" * 300_000)
        one.outlet.offer(b"")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.outlet.flush_forever)
            await one.read_until(300_000)
            with trio.fail_after(PATIENCE_S):
                await one.outlet.drain()
            one.outlet.detach()


async def test_over_the_byte_limit_the_peer_is_cut_with_a_reason() -> None:
    """The limit counts what waits, and the reason says it."""
    with peer(OutletLimits(outlet_bytes=50_000)) as one:
        for _ in range(100):
            one.outlet.offer(b"x" * 5000)
        assert one.reasons == ["too slow: more than 50000 bytes waiting"]
        assert one.outlet.dead
        assert one.outlet.pending_bytes == 0


async def test_a_peer_that_takes_nothing_for_the_stall_time_is_cut() -> None:
    """Time without progress counts also when little waits."""
    with peer(OutletLimits(stall_timeout=0.05)) as one:
        one.outlet.offer(b"x" * 200_000)
        with trio.fail_after(PATIENCE_S):
            await one.outlet.flush_forever()
        assert one.reasons == ["stalled: took no byte for 0.05 s"]


async def test_a_gone_peer_is_reported_once() -> None:
    """A write error cuts; later offers are ignored."""
    with peer() as one:
        one.far.close()
        one.outlet.offer(b"a")
        one.outlet.offer(b"b")
        assert len(one.reasons) == 1
        assert one.reasons[0].startswith("write failed")


async def test_a_gone_peer_is_noticed_by_the_flusher() -> None:
    """The error may come from the flusher's write as well, of one buffer or of several."""
    for count in (1, 3):
        with peer() as one:
            for _ in range(count):
                one.outlet.offer(b"x" * 300_000)
            one.far.close()
            with trio.fail_after(PATIENCE_S):
                await one.outlet.flush_forever()
            assert one.reasons[0].startswith("write failed")


async def test_a_detached_outlet_never_writes_to_whoever_gets_its_descriptor() -> None:
    """The kernel gives a closed descriptor's number to the next socket."""
    with peer() as one:
        number = one.wire.sock.fileno()
        one.outlet.detach()
        one.wire.close()
        with peer() as other:
            assert other.wire.sock.fileno() == number
            one.outlet.offer(b"for the dead")
            assert other.read() == b""
        assert one.reasons == []


async def test_a_closed_socket_without_detach_is_an_error_not_a_stranger() -> None:
    """Even if the order of closing were wrong, no foreign socket is written to."""
    with peer() as one:
        one.wire.close()
        one.outlet.offer(b"x")
        assert one.reasons == ["write failed: Bad file descriptor"]


async def test_events_of_a_held_server_wait_for_the_release_and_keep_their_order() -> None:
    """Answers and other servers' events pass; the held ones follow in order."""
    with peer() as one:
        one.outlet.hold(b"pbx1")
        one.outlet.hold(b"pbx1")
        one.outlet.offer(b"1", SPAN)
        one.outlet.offer(b"2", SPAN)
        one.outlet.offer(b"other", Span(b"pbx2", b"e", 1, 1))
        one.outlet.offer(b"answer")
        assert one.read() == b"otheranswer"
        one.outlet.release(b"pbx1")
        one.outlet.release(b"pbx1")
        one.outlet.offer(b"3", SPAN)
        assert one.read() == b"123"


async def test_holding_back_is_bounded_and_counted() -> None:
    """Over the byte limit the held events go out at once."""
    with peer(OutletLimits(order_hold_bytes=10)) as one:
        one.outlet.hold(b"pbx1")
        one.outlet.offer(b"12345", SPAN)
        assert one.read() == b""
        one.outlet.offer(b"67890A", SPAN)
        assert one.read() == b"1234567890A"
        assert one.outlet.hold_overruns == 1
        one.outlet.hold(b"pbx1")
        one.outlet.detach()
        one.outlet.offer(b"x", SPAN)
        assert one.read() == b""


async def test_a_reader_waits_only_while_most_of_those_that_move_are_heavy() -> None:
    """Half is not more than half; a stalled outlet does not count."""
    crowd = Crowd()
    with peer(crowd=crowd) as a, peer(crowd=crowd) as b, peer(crowd=crowd) as c:
        for one in (a, b, c):
            crowd.join(one.outlet)
        assert not crowd.is_behind()
        a.outlet.offer(b"x" * (2 * HEAVY_BYTES))
        assert not crowd.is_behind()
        b.outlet.offer(b"x" * (2 * HEAVY_BYTES))
        assert crowd.is_behind()
        b.outlet.last_progress -= 60
        assert not crowd.is_behind()  # a of (a, c)
        crowd.leave(c.outlet)
        assert crowd.is_behind()  # a alone
        await crowd.patience()
        assert crowd.waits == 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crowd.patience)
            await trio.testing.wait_all_tasks_blocked()
            a.outlet.detach()
        assert not crowd.is_behind()


async def test_a_heavy_outlet_becomes_light_when_it_has_written() -> None:
    """The flusher takes the outlet out of the heavy ones again."""
    crowd = Crowd()
    with peer(crowd=crowd) as one:
        crowd.join(one.outlet)
        one.outlet.offer(b"x" * (2 * HEAVY_BYTES))
        assert crowd.is_behind()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.outlet.flush_forever)
            await one.read_until(2 * HEAVY_BYTES)
            await one.outlet.drain()
            assert not crowd.heavy
            one.outlet.detach()


@pytest.mark.parametrize("size", [1, 3])
async def test_detach_ends_the_flusher(size: int) -> None:
    """Waiting for work or for the socket, the flusher ends."""
    with peer() as one:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.outlet.flush_forever)
            await trio.testing.wait_all_tasks_blocked()
            one.outlet.offer(b"x" * size)
            one.outlet.detach()


async def test_a_reader_gives_turns_while_anybody_is_heavy() -> None:
    """A backlog is worked off even beside a reader that never runs out of data."""
    crowd = Crowd()
    with peer(crowd=crowd) as a, peer(crowd=crowd) as b:
        for one in (a, b):
            crowd.join(one.outlet)
        await crowd.make_way()
        a.outlet.offer(b"x" * (2 * HEAVY_BYTES))
        assert not crowd.is_behind()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(a.outlet.flush_forever)
            far = trio.socket.from_stdlib_socket(a.far.dup())
            nursery.start_soon(_swallow, far)
            with trio.fail_after(PATIENCE_S):
                while crowd.heavy:
                    await crowd.make_way()
            nursery.cancel_scope.cancel()
        far.close()
        assert crowd.waits == 0
        b.outlet.offer(b"x" * (2 * HEAVY_BYTES))
        crowd.leave(a.outlet)
        await crowd.make_way()
        assert crowd.waits == 1


async def _swallow(far: trio.socket.SocketType) -> None:
    while await far.recv(50_000):
        pass


def gap(span: Span, new: int) -> bytes:
    return b"gap %d-%d +%d\n" % (span.first, span.last, new)


async def test_with_the_gap_policy_the_oldest_events_go_and_answers_stay() -> None:
    """What is written in part is finished, what is dropped is told once in its place, the rest follows."""
    with peer(OutletLimits(outlet_bytes=100_000)) as one:
        one.outlet.on_drop = gap
        sent = b"first" * 10_000
        one.outlet.offer(sent[:-5], Span(b"pbx1", b"e", 1, 1))  # the socket takes the beginning
        one.outlet.offer(b"answer\n")
        for number in range(2, 200):
            one.outlet.offer(b"%04d\n" % number * 200, Span(b"pbx1", b"e", number, number))
        assert one.reasons == []
        assert one.outlet.pending_bytes <= 100_000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.outlet.flush_forever)
            got = await one.read_until(one.outlet.bytes_out + one.outlet.pending_bytes)
            one.outlet.detach()
        start, _, rest = got.partition(b"answer\n")
        assert start == sent[:-5]
        told, _, rest = rest.partition(b"\n")
        assert told.startswith(b"gap 2-")
        last = int(told.split(b" ")[1][2:])
        assert rest == b"".join(b"%04d\n" % number * 200 for number in range(last + 1, 200))


async def test_answers_alone_are_too_much_also_with_the_gap_policy() -> None:
    with peer(OutletLimits(outlet_bytes=100_000)) as one:
        one.outlet.on_drop = gap
        for _ in range(60):
            one.outlet.offer(b"x" * 5000)
        assert one.reasons == ["too slow: more than 100000 bytes waiting"]
        assert one.outlet.pending_bytes == 0


async def test_a_gap_that_cannot_be_told_ends_the_client() -> None:
    """Nothing is ever lost in silence."""

    def broken(span: Span, new: int) -> bytes:
        raise ValueError

    with peer(OutletLimits(outlet_bytes=100_000)) as one:
        one.outlet.on_drop = broken
        for number in range(1, 200):
            one.outlet.offer(b"x" * 5000, Span(b"pbx1", b"e", number, number))
        assert one.reasons == ["telling of dropped events failed: ValueError"]


async def test_who_drops_is_no_longer_heavy() -> None:
    crowd = Crowd()
    with peer(OutletLimits(outlet_bytes=HEAVY_BYTES + 100_000), crowd) as one:
        one.outlet.on_drop = gap
        crowd.join(one.outlet)
        number = 0
        while not crowd.heavy:
            number += 1
            one.outlet.offer(b"x" * 50_000, Span(b"pbx1", b"e", number, number))
        while crowd.heavy:
            number += 1
            one.outlet.offer(b"x" * 50_000, Span(b"pbx1", b"e", number, number))
        assert one.outlet.pending_bytes < HEAVY_BYTES
        assert one.reasons == []


async def test_a_gap_stands_before_the_events_that_were_held_back() -> None:
    """Those of a server that waits for an answer come later than what was dropped of it."""
    with peer(OutletLimits(outlet_bytes=100_000)) as one:
        one.outlet.on_drop = gap
        one.outlet.offer(b"first" * 10_000, Span(b"pbx1", b"e", 1, 1))
        one.outlet.offer(b"x" * 60_000, Span(b"pbx1", b"e", 2, 2))
        one.outlet.hold(b"pbx1")
        one.outlet.offer(b"held\n", Span(b"pbx1", b"e", 3, 3))
        one.outlet.offer(b"other" * 1000, Span(b"pbx2", b"e", 1, 1))
        one.outlet.offer(b"answer\n")
        one.outlet.release(b"pbx1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.outlet.flush_forever)
            got = await one.read_until(one.outlet.bytes_out + one.outlet.pending_bytes)
            one.outlet.detach()
        rest = got.removeprefix(b"first" * 10_000).replace(b"other" * 1000, b"")
        assert rest == b"gap 2-2 +1\nanswer\nheld\n"

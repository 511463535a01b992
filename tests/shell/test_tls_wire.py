"""TLS without waiting: exact bytes, the peer's wishes, and ends of every kind. Real sockets, real OpenSSL."""

from __future__ import annotations

import os
import random
import re
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from amp.core.fanout.batch import Span
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.tls import TlsWire
from certificates import authority

PATIENCE_S = 60
LINES = b"".join(b"line %07d\n" % number for number in range(60_000))


def server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority().issue(folder, "localhost"))
    return context


def client_context(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority().text)
    context.maximum_version = version
    return context


def sockets(send_buffer: int) -> tuple[trio.socket.SocketType, trio.SocketStream]:
    """Both ends of a connection: ours, with a small buffer, and the peer's."""
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    for one in (near, far):
        one.setblocking(False)
    return trio.socket.from_stdlib_socket(near), trio.SocketStream(trio.socket.from_stdlib_socket(far))


class Pair:
    """A `TlsWire` as server with its outlet, and a client at the other end."""

    def __init__(
        self, wire: TlsWire, far: trio.SSLStream[trio.SocketStream], raw: trio.SocketStream,
        limits: OutletLimits,
    ) -> None:  # fmt: skip
        self.wire, self.far, self.raw = wire, far, raw
        self.reasons: list[str] = []
        self.outlet = Outlet(wire, limits, self.reasons.append)

    async def read(self, size: int, piece: int = 5000) -> bytes:
        """Exactly so much plain text, in pieces."""
        got = bytearray()
        with trio.fail_after(PATIENCE_S):
            while len(got) < size:
                data = await self.far.receive_some(min(piece, size - len(got)))
                assert data, "the stream ended early"
                got += data
        return bytes(got)


@asynccontextmanager
async def pair(
    folder: Path,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    send_buffer: int = 4096,
    limits: OutletLimits | None = None,
) -> AsyncIterator[Pair]:
    near, raw = sockets(send_buffer)
    wire = TlsWire(near, server_context(folder))
    far = trio.SSLStream(raw, client_context(version), server_hostname="localhost")
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.handshake)
            await far.do_handshake()
    one = Pair(wire, far, raw, limits or OutletLimits())
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.outlet.flush_forever)
            yield one
            one.outlet.detach()
    finally:
        wire.close()
        await trio.aclose_forcefully(raw)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("seed", range(4))
async def test_bytes_arrive_exactly_whatever_the_sizes_and_the_reader(
    tmp_path: Path, version: ssl.TLSVersion, seed: int
) -> None:
    """Offers of all sizes, a reader that takes odd pieces, and the other direction at the same time."""
    rng = random.Random(seed)
    async with pair(tmp_path, version) as one:
        assert one.wire.tls == ("TLSv1.2" if version is ssl.TLSVersion.TLSv1_2 else "TLSv1.3")
        sizes = (0, 1, 70, 5000, 16384, 16385, 65536, 300_000)
        offers = [rng.randbytes(rng.choice(sizes)) for _ in range(60)]
        back = rng.randbytes(400_000)
        got: list[bytes] = []

        async def read_ours() -> None:
            while sum(map(len, got)) < len(back):
                got.append(await one.wire.receive())

        async def offer_all() -> None:
            for data in offers:
                one.outlet.offer(data)
                if rng.random() < 0.3:
                    await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_ours)
            nursery.start_soon(offer_all)
            nursery.start_soon(one.far.send_all, back)
            whole = b"".join(offers)
            assert await one.read(len(whole), rng.choice((500, 5000, 70_000))) == whole
        assert b"".join(got) == back
        assert max(map(len, got)) <= 65536
        await one.outlet.drain()
        assert (one.outlet.bytes_out, one.outlet.pending_bytes) == (len(whole), 0)
        assert one.reasons == []


async def test_beyond_what_the_socket_takes_at_most_one_piece_is_encrypted(tmp_path: Path) -> None:
    """The rest stays in the outlet, which has the limits; `blocked` says that ciphertext waits."""
    near, raw = sockets(4096)
    wire = TlsWire(near, server_context(tmp_path))
    far = trio.SSLStream(raw, client_context(), server_hostname="localhost")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.handshake)
        nursery.start_soon(far.do_handshake)
    taken = 0
    while not wire.blocked:
        taken += wire.write_now(bytes(200_000))
    assert (wire.write_now(b"more"), wire.write_many_now([b"more", b"still"])) == (0, 0)
    got = 0
    with trio.fail_after(PATIENCE_S):
        while got < taken:
            with trio.move_on_after(0.01):
                got += len(await far.receive_some(1 << 20))
            wire.write_now(b"")
    assert got == taken
    wire.end_output()
    wire.close()
    wire.close()
    assert await far.receive_some() == b""  # an orderly end: SSLStream would raise without close_notify
    await trio.aclose_forcefully(far)


@pytest.mark.parametrize("sizes", [(1,), (3, 4, 5), (70_000, 5), (5, 70_000), (65_530, 6), (65_530, 7), ()])
async def test_several_buffers_are_taken_in_order(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """Joined while they make one piece; the count says how many bytes."""
    buffers = [bytes([65 + index]) * size for index, size in enumerate(sizes)]
    whole = b"".join(buffers)
    async with pair(tmp_path, send_buffer=1 << 20) as one:
        taken = one.wire.write_many_now(buffers)
        assert bool(taken) == bool(whole)
        assert await one.read(taken) == whole[:taken]


async def test_a_closed_sending_side_is_the_end_and_answers_still_go_out(tmp_path: Path) -> None:
    """close_notify from the peer ends reading only; a socket cut short ends it as well."""
    async with pair(tmp_path) as one:
        with pytest.raises(ssl.SSLWantReadError):
            one.far._ssl_object.unwrap()
        await one.raw.send_all(one.far._outgoing.read())
        assert await one.wire.receive() == b""
        one.outlet.offer(b"the answer")
        assert one.reasons == []
    async with pair(tmp_path) as one:
        await one.far.send_all(b"last words")
        await one.raw.send_eof()
        assert await one.wire.receive() == b"last words"
        assert (await one.wire.receive(), await one.wire.receive()) == (b"", b"")


async def test_garbage_in_the_middle_is_an_error_with_a_reason(tmp_path: Path) -> None:
    """Never plain text of somebody else's making; the peer is told by an alert."""
    async with pair(tmp_path) as one:
        await one.raw.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises(ConnectionError, match="TLS: "):
            await one.wire.receive()
        with pytest.raises(trio.BrokenResourceError):
            await one.far.receive_some()


async def test_what_reading_has_to_say_wakes_who_writes_when_the_socket_is_full(tmp_path: Path) -> None:
    """An alert, here: it cannot go out at once, so the one writer is told to see to it."""
    near, raw = sockets(4096)
    wire = TlsWire(near, server_context(tmp_path))
    far = trio.SSLStream(raw, client_context(), server_hostname="localhost")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.handshake)
        nursery.start_soon(far.do_handshake)
    woken: list[bool] = []
    wire.when_blocked(lambda: woken.append(wire.blocked))
    with pytest.raises(BlockingIOError):
        while True:
            os.write(near.fileno(), bytes(1000))
    await raw.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(ConnectionError):
        await wire.receive()
    assert woken == [True]
    with pytest.raises(ConnectionError, match="TLS: "):
        while True:
            await raw.receive_some(100_000)
            wire.write_now(b"more")
    wire.close()
    await trio.aclose_forcefully(raw)


async def test_a_gone_peer_is_a_write_error(tmp_path: Path) -> None:
    async with pair(tmp_path) as one:
        await trio.aclose_forcefully(one.raw)
        with trio.fail_after(PATIENCE_S):
            while not one.reasons:
                one.outlet.offer(bytes(1000))
                await trio.sleep(0.01)
        assert one.reasons[0].startswith("write failed: ")


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (b"Action: Login\r\n\r\n", "TLS: the peer does not speak TLS on this port"),
        (b"GET / HTTP/1.1\r\n\r\n", "TLS: the peer sent an HTTP request in plain text"),
        (b"\x16\x03\x01\x00\x05hello", "TLS: "),
        (b"", "TLS: the peer closed the connection during the handshake"),
    ],
)
async def test_a_handshake_that_fails_says_why(tmp_path: Path, says: bytes, reason: str) -> None:
    near, raw = sockets(4096)
    wire = TlsWire(near, server_context(tmp_path))
    await raw.send_all(says)
    await raw.send_eof()
    with pytest.raises(ConnectionError, match=reason), trio.fail_after(PATIENCE_S):
        await wire.handshake()
    wire.close()
    await raw.aclose()


async def test_bytes_read_before_belong_to_the_handshake(tmp_path: Path) -> None:
    """Who looked at the first bytes to find out what is spoken hands them on."""
    near, raw = sockets(4096)
    far = trio.SSLStream(raw, client_context(), server_hostname="localhost")
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(far.do_handshake)
            hello = await near.recv(100)
            wire = TlsWire(near, server_context(tmp_path), pushed=hello)
            await wire.handshake()
    wire.close()
    await trio.aclose_forcefully(far)


async def test_key_updates_in_the_middle_of_a_slow_stream(tmp_path: Path) -> None:
    """``openssl s_client`` asks for new keys both ways (its command K) while it is being written to."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3"]
    peer = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert peer.stdin is not None
    assert peer.stdout is not None
    near = (await listener.accept()).socket
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    wire = TlsWire(near, server_context(tmp_path))
    with trio.fail_after(PATIENCE_S):
        await wire.handshake()
        outlet = Outlet(wire, OutletLimits(), pytest.fail)
        got = bytearray()
        async with trio.open_nursery() as nursery:
            heard = trio.testing.MemoryReceiveStream()

            async def listen() -> None:
                heard.put_data(await wire.receive())

            nursery.start_soon(outlet.flush_forever)
            nursery.start_soon(listen)
            for start in range(0, len(LINES), 100_000):
                outlet.offer(LINES[start : start + 100_000])
                await peer.stdin.send_all(b"K\n")
                got += await peer.stdout.receive_some(20_000)
            while not got.endswith(LINES[-13:]):
                got += await peer.stdout.receive_some(20_000)
            await peer.stdin.send_all(b"with the newest keys\n")
            assert await heard.receive_some() == b"with the newest keys\n"
            outlet.detach()
    assert b"".join(re.findall(rb"line \d{7}\n", got)) == LINES
    peer.kill()
    await peer.wait()
    wire.close()
    await listener.aclose()
    await peer.stdin.aclose()
    await peer.stdout.aclose()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_dropped_events_leave_whole_lines(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """What is encrypted is written: only what TLS has not begun with is dropped, and told in its place."""
    async with pair(tmp_path, version, limits=OutletLimits(outlet_bytes=300_000)) as one:
        dropped: list[int] = []

        def tell(span: Span, new: int) -> bytes:
            dropped.append(new)
            return b"gap %d %d\n" % (span.first, span.last)

        one.outlet.on_drop = tell
        for number in range(1, 121):
            one.outlet.offer(b"%05d\n" % number * 1500, Span(b"pbx1", b"e", number, number))
        lines = (await one.read(one.outlet.bytes_out + one.outlet.pending_bytes, 70_000)).split(b"\n")
        (told,) = (line for line in lines if line.startswith(b"gap"))
        first, last = map(int, told.split()[1:])
        assert sum(dropped) == last - first + 1
        left = [number for number in range(1, 121) if not first <= number <= last]
        expected = [b"%05d" % number for number in left for _ in range(1500)]
        assert [line for line in lines if line != told] == [*expected, b""]
        assert one.reasons == []

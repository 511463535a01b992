"""Frames byte by byte, in the groups of the Autobahn test suite: framing, fragments, pings, reserved bits and
opcodes, UTF-8 as it comes, closing, limits, compression."""

from __future__ import annotations

import struct
import zlib

import orjson
import pytest
import trio

from amp.config.schema import Limits, Listen
from shell.browsing import Browser
from shell.harness import PATIENCE_S, Lab, lab

WEB = (Listen(port=0, protocols=("websocket",)),)
LIMITS = Limits(websocket_message_bytes=8192)
MASK = b"\x01\x02\x03\x04"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n"
)


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """A client's frame, right or wrong."""
    first, size = (0x80 if fin else 0) | rsv << 4 | opcode, len(payload)
    mask = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, mask | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask | 127, size)
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


class Raw:
    """One connection, behind the handshake."""

    def __init__(self, stream: trio.abc.Stream, left: bytes, head: str) -> None:
        self.stream = stream
        self.head = head
        self._left = left

    @classmethod
    async def open(cls, one: Lab, headers: str = "") -> Raw:
        browser = await Browser.open(one)
        await browser.raw(HANDSHAKE.format(headers).encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += await browser.stream.receive_some(1000)
        head, _, left = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in head.lower()
        return cls(browser.stream, left, head.decode())

    async def send(self, *frames: bytes, each: int = 0) -> None:
        """Send, in pieces of so many bytes or all at once."""
        data = b"".join(frames)
        for start in range(0, len(data), each or len(data)):
            await self.stream.send_all(data[start : start + (each or len(data))])

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: its first byte and its payload; zero at the end."""
        with trio.fail_after(PATIENCE_S):
            head = await self._take(2)
            if not head:
                return 0, b""
            assert head[1] < 128, "a server's frames are not masked"
            size = head[1]
            if size > 125:
                size = int.from_bytes(await self._take(2 if size == 126 else 8), "big")
            return head[0], await self._take(size)

    async def closed(self) -> int:
        """The code of the close frame, behind which nothing comes."""
        while (found := await self.frame())[0] not in (0x88, 0):
            pass
        assert found[0] == 0x88
        assert (await self.frame())[0] == 0
        return int.from_bytes(found[1][:2], "big")

    async def answer(self) -> object:
        """The id in the next answer."""
        first, payload = await self.frame()
        assert first == 0x81
        return orjson.loads(payload)["id"]

    async def _take(self, count: int) -> bytes:
        while len(self._left) < count:
            data = await self.stream.receive_some(65536)
            if not data:
                return b""
            self._left += data
        taken, self._left = self._left[:count], self._left[count:]
        return taken


def ask(name: object) -> bytes:
    return orjson.dumps({"id": name, "type": "ping"})


async def test_framing_of_every_length_and_in_any_pieces() -> None:
    async with lab("a", listen=WEB, limits=LIMITS) as one:
        raw = await Raw.open(one)
        for padding in (0, 100, 126, 4000):
            await raw.send(frame(TEXT, ask("x") + b" " * padding), each=0 if padding else 1)
            assert await raw.answer() == "x"
        await raw.send(*(frame(TEXT, ask(number)) for number in range(20)))
        assert [await raw.answer() for _ in range(20)] == list(range(20))


async def test_fragments_with_pings_between_them() -> None:
    text = ask("é€\U0001f600")
    async with lab("a", listen=WEB, limits=LIMITS) as one:
        raw = await Raw.open(one)
        await raw.send(
            *(frame(TEXT if at == 0 else 0, text[at : at + 1], fin=False) for at in range(len(text))),
            frame(PING, b"between"),
            frame(0, b""),
        )
        assert await raw.frame() == (0x8A, b"between")
        assert await raw.answer() == "é€\U0001f600"
        await raw.send(frame(PING, b"x" * 125), frame(PONG, b"unasked"), frame(PING))
        assert [await raw.frame() for _ in range(2)] == [(0x8A, b"x" * 125), (0x8A, b"")]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"x", masked=False), 1002),
        *((frame(TEXT, b"x", rsv=rsv), 1002) for rsv in range(1, 8)),
        *((frame(opcode, b"x"), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(0, b"x"), 1002),
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"\xed\xa0\x80"), 1007),
        (frame(TEXT, b"\xf4\x90", fin=False), 1007),
        (frame(TEXT, b"\xc3"), 1007),
        (frame(TEXT, b"ok \xce\xba", fin=False) + frame(0, b"\xe1\xbd", fin=False) + frame(0, b"x"), 1007),
        (frame(BINARY, b"x"), 1003),
        (frame(TEXT, b" " * 8193), 1009),
        (frame(TEXT, b" " * 5000, fin=False) + frame(0, b" " * 5000, fin=False), 1009),
        (frame(CLOSE, b"\x03\xe8bye"), 1000),
        (frame(CLOSE, b"\x0f\xa0"), 4000),
        (frame(CLOSE, b"\x03\xe8") + frame(TEXT, b"behind"), 1000),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, b"\x03\xe8\xff"), 1007),
        *((frame(CLOSE, struct.pack("!H", code)), 1002) for code in (0, 999, 1004, 1005, 1006, 1016, 2999)),
    ],
)
async def test_what_ends_a_connection(sent: bytes, code: int) -> None:
    """Each with the code that says why, and amp lives on."""
    async with lab(listen=WEB, limits=LIMITS) as one:
        raw = await Raw.open(one)
        await raw.send(sent)
        assert await raw.closed() == code


async def test_compressed_messages_with_and_without_memory_and_a_bomb() -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    async with lab("a", listen=WEB, limits=LIMITS) as one:
        raw = await Raw.open(one, offer)
        assert "server_no_context_takeover" in raw.head
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
        for number in range(3):
            data = squeeze.compress(ask(number)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
            await raw.send(frame(TEXT, data[:-4], rsv=4))
            assert await raw.answer() == number
        await raw.send(frame(TEXT, b'{"id":1,"type":"%s"}' % (b"x" * 200)))
        first, _ = await raw.frame()
        assert first in (0x81, 0xC1)
        bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = bomb.compress(b" " * (64 << 20)) + bomb.flush(zlib.Z_SYNC_FLUSH)
        await raw.send(frame(TEXT, data[:-4], rsv=4))
        first, why = await raw.frame()
        assert (first, why) == (0x88, struct.pack("!H", 1009) + b"a message may have 8192 bytes")


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; server_max_window_bits=9",
        "permessage-deflate; client_max_window_bits=x",
        "x-y",
    ],
)
async def test_offers_that_cannot_be_met_are_passed_over(offer: str) -> None:
    async with lab(listen=WEB) as one:
        raw = await Raw.open(one, f"Sec-WebSocket-Extensions: {offer}\r\n")
        assert "sec-websocket-extensions" not in raw.head.lower()
        await raw.send(frame(TEXT, ask(1)))
        assert await raw.answer() == 1

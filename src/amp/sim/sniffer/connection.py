"""One connection to a simulated sniffer: read a request, work it, write the reply, close."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import trio

from amp.core.voipmonitor.commands import COMMANDS
from amp.sim.sniffer.aes import Sealing, unseal
from amp.sim.sniffer.handlers import FAILED, HANDLERS, NEED_AES, NOT_FOUND, Reply
from amp.sim.sniffer.request import Ask, find_command, first_line, read_request, split_sealed

if TYPE_CHECKING:
    from amp.sim.sniffer.sniffer import SimSniffer

__all__ = ["serve_connection"]

PLAIN_OPTIONS: Final = {"server_bind", "server_bind_port", "server_destination", "packetbuffer_sender"}


async def serve_connection(sniffer: SimSniffer, stream: trio.abc.Stream, *, local: bool) -> None:
    """Work one connection and close it; a client that goes away is nothing to tell."""
    try:
        async with stream:
            request = await read_request(stream)
            if not sniffer.faults.starting:
                await _answer(sniffer, stream, request, local=local)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass


async def _answer(sniffer: SimSniffer, stream: trio.abc.Stream, request: bytes, *, local: bool) -> None:
    sealing: Sealing | None = None
    await sniffer.faults.before_reply()
    if request[:3].lower() == b"aes":
        reply, sealing = _work_sealed(sniffer, request)
    else:
        reply = _work(sniffer, first_line(request), plain=not local)
    if sniffer.faults.garbage is not None:
        reply, sealing = sniffer.faults.garbage, None
    # Whoever stops reading an endless reply has to end it, too.
    async with aclosing(_pieces(reply)) as pieces, aclosing(_sealed(pieces, sealing)) as sealed:
        await _write(sniffer, stream, sealed)


def _work_sealed(sniffer: SimSniffer, request: bytes) -> tuple[Reply, Sealing | None]:
    """The reply to an encrypted request, and what it is encrypted with."""
    name, ciphertext = split_sealed(request) or (request.partition(b":")[0].decode("latin-1"), b"")
    key = sniffer.kept_key or sniffer.read_key()
    text = None if key is None else unseal(name, key, ciphertext)
    if text is None or not _is_text(text):
        key = sniffer.read_key()  # a failed request reads the key again, and is tried once more
        text = None if key is None else unseal(name, key, ciphertext)
    if key is None:
        return FAILED, None
    if text is None or not _is_text(text):
        return FAILED, Sealing(name, key)
    line = first_line(text)
    popup = line is not None and line.startswith(b"login_screen_popup")
    return _work(sniffer, line, plain=False), None if popup else Sealing(name, key)


def _work(sniffer: SimSniffer, line: bytes | None, *, plain: bool) -> Reply:
    if line is None:
        return b""
    ask = find_command(line)
    sniffer.asked[ask.name if ask else ""] += 1
    if ask is None:
        return NOT_FOUND
    # The key is read again before a request is refused.
    if plain and not sniffer.unencrypted and not _plain_allowed(ask) and sniffer.read_key() is not None:
        return NEED_AES
    handler = HANDLERS.get(ask.name)
    return b"" if handler is None else handler(sniffer, ask)


async def _write(sniffer: SimSniffer, stream: trio.abc.Stream, pieces: AsyncIterator[bytes]) -> None:
    faults, left = sniffer.faults, sniffer.faults.cut_after
    async for piece in pieces:
        for at in range(0, len(piece), faults.piece_bytes):
            part = piece[at : at + faults.piece_bytes]
            await stream.send_all(part if left is None else part[:left])
            if left is not None:
                left -= len(part)
                if left <= 0:
                    _cut(stream, reset=faults.reset)
                    return
            if faults.piece_pause_s:
                await trio.sleep(faults.piece_pause_s)


def _cut(stream: trio.abc.Stream, *, reset: bool) -> None:
    if reset and isinstance(stream, trio.SocketStream):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _plain_allowed(ask: Ask) -> bool:
    if ask.name == "get_json_config":
        return set(ask.text.decode("latin-1").split(",")) <= PLAIN_OPTIONS
    return COMMANDS[ask.name].plain


def _is_text(text: bytes) -> bool:
    """Whether it can be a command at all; what another IV makes of one cannot (recording aes128-wrong-iv)."""
    return all(32 <= byte < 127 or byte in b"\t\r\n" for byte in text[:16])


async def _pieces(reply: Reply) -> AsyncGenerator[bytes, None]:
    if isinstance(reply, bytes):
        yield reply
    elif isinstance(reply, Iterator):
        for piece in reply:
            yield piece
    else:
        async with aclosing(reply):
            async for piece in reply:
                yield piece


async def _sealed(pieces: AsyncIterator[bytes], sealing: Sealing | None) -> AsyncGenerator[bytes, None]:
    async for piece in pieces:
        yield sealing.feed(piece) if sealing is not None else piece
    if sealing is not None:
        yield sealing.finish()

"""A WebSocket to amp with a bound on every wait; trio-websocket has none of its own."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import gaierror
from typing import Final

import orjson
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection, wrap_client_stream

from amp.cli.tail_place import TailPlace
from amp.core.tail.messages import Answer, read_message
from amp.errors import RemoteProtocolError

__all__ = ["ABNORMAL", "ask", "closed_with", "connect", "next_text", "words_of"]

SUBPROTOCOL: Final = "amp.v1"
MOST_BYTES: Final = 256 << 20
"""Of a message: several events may share one, and each may have ``max_frame_bytes``."""
READ_BYTES: Final = 1 << 16
ABNORMAL: Final = 1006
"""What a connection that ended without a close frame is given for a code (RFC 6455 §7.1.5)."""

MOST_WORDS: Final = 200

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


@asynccontextmanager
async def connect(
    place: TailPlace, nursery: trio.Nursery, timeout_s: float
) -> AsyncIterator[WebSocketConnection]:  # fmt: skip
    """A connection as long as the block lasts.

    Args:
        nursery: where it lives; it fails there, too.
        timeout_s: for all of the way there.

    Raises:
        OSError: it cannot be reached.
        trio.TooSlowError: not in time.
        ConnectionRejected: it is answered, but not by a WebSocket.
        RemoteProtocolError: it is no amp.
    """
    with trio.fail_after(timeout_s):
        stream = await _open(place)
    try:
        with trio.fail_after(timeout_s):
            if isinstance(stream, trio.SSLStream):
                await stream.do_handshake()
            socket = await wrap_client_stream(
                nursery, stream, place.host_header, place.resource, subprotocols=[SUBPROTOCOL],
                max_message_size=MOST_BYTES, receive_buffer_size=READ_BYTES,
            )  # fmt: skip
        if socket.subprotocol != SUBPROTOCOL:
            raise RemoteProtocolError(f"{place}: expected an amp, which speaks {SUBPROTOCOL}")
        yield socket
    finally:
        await trio.aclose_forcefully(stream)  # the library leaves that to whom it is from, in some cases


async def ask(socket: WebSocketConnection, timeout_s: float, kind: str, **fields: object) -> Answer:
    """Send a request, and wait for its answer; for when nothing else comes.

    Raises:
        trio.TooSlowError: it did not come in time.
        ConnectionClosed: nor will it.
    """
    with trio.fail_after(timeout_s):
        await socket.send_message(orjson.dumps({"id": kind, "type": kind, **fields}).decode())
        while True:
            found = read_message(await next_text(socket))
            if isinstance(found, Answer) and found.id in (kind, None):
                return found


async def next_text(socket: WebSocketConnection) -> str:
    """The next message.

    Raises:
        ConnectionClosed: there are no more.
        RemoteProtocolError: it is no text.
    """
    message = await socket.get_message()
    if isinstance(message, bytes):
        raise RemoteProtocolError("expected text, got a binary message")
    return message


def closed_with(closed: ConnectionClosed) -> tuple[str, int]:
    """Why a connection was closed, for people, and its code."""
    if closed.reason is None or closed.reason.code == ABNORMAL:
        return "it ended without a word", ABNORMAL
    code, reason = closed.reason.code, closed.reason.reason
    return f"{code} {reason}" if reason else str(code), code


def words_of(error: BaseException) -> str:
    """What went wrong with a connection, in a few words."""
    if isinstance(error, ConnectionRejected):
        text = (error.body or b"").decode("utf-8", "replace").strip().partition("\n")[0]
        return text[:MOST_WORDS] or f"HTTP status {error.status_code}"
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    for one in (error, cause):
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"certificate: {one.verify_message}"
        if isinstance(one, ssl.SSLError):  # an OSError whose number is none of the system's
            return _tls_words(one)
        if isinstance(one, OSError) and one.errno is not None:
            # What trio says repeats the address; a resolver's numbers are its own.
            return (one.strerror or "") if isinstance(one, gaierror) else os.strerror(one.errno)
    return str(error) or type(error).__name__


def _tls_words(error: ssl.SSLError) -> str:
    """What OpenSSL says, and what it means where amp has no TLS: what comes back is no TLS at all."""
    said = (error.reason or "failed").replace("_", " ").lower()
    return f"TLS: {said}: is it ws:// there?" if error.reason == "WRONG_VERSION_NUMBER" else f"TLS: {said}"


async def _open(place: TailPlace) -> Stream:
    to = place.place
    if not to.port:
        return await trio.open_unix_socket(to.host)
    stream = await trio.open_tcp_stream(to.host, to.port)
    if place.context is None:
        return stream
    return trio.SSLStream(stream, place.context, server_hostname=to.host, https_compatible=True)

"""What every connection of a listener passes before anything serves it: TLS or not, and which protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

import attrs
import trio

from amp.core.ami import replies
from amp.core.ami.auth import SlowClient
from amp.core.ami.pin import Pin
from amp.core.formats.dress import Dresser
from amp.core.formats.format import Format
from amp.core.formats.standard import STANDARD
from amp.core.http.detect import Spoken, spoken
from amp.shell.contexts import ReloadableContext
from amp.shell.tls import TLS_HELLO, TlsWire
from amp.shell.wire import READ_BYTES, PlainWire, Wire

__all__ = ["Gate"]

HTTP_REFUSAL = (
    b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s"
)

HELLO = bytes((TLS_HELLO,))


@attrs.frozen(kw_only=True)
class Gate:
    """How one listener takes connections.

    Attributes:
        tls: whether TLS may, must or must not be spoken.
        context: amp's certificate; there is one unless ``tls`` is ``off``.
        speaks: what may be spoken inside; ``either`` finds out.
        offers: the protocols that the listener names.
        detect_timeout_s: where there is something to find out, so much silence means AMI, and plain text: AMI
            clients wait for the greeting before they say anything.
        pin: what its clients are bound to, if anything.
        reads: the format of its clients' actions, until a user or a client brings another one.
        writes: the format of what they get; the same.
        slow_client: what becomes of clients that do not keep up.
        slow_websocket: and of those by WebSocket.
        greeting: the line that AMI clients wait for, without its line end; empty where AMI is not spoken.
    """

    tls: Literal["off", "optional", "required"] = "off"
    context: ReloadableContext | None = None
    speaks: Spoken | Literal["either"] = "ami"
    offers: frozenset[str] = frozenset(("http",))
    detect_timeout_s: float = 0.25
    pin: Pin | None = None
    reads: Format = STANDARD
    writes: Format = STANDARD
    slow_client: SlowClient = "disconnect"
    slow_websocket: SlowClient = "gap"
    greeting: bytes = b""

    def refusal(self, words: str) -> bytes:
        """What somebody gets who is refused before anything was said; nothing where it may be TLS."""
        if self.tls == "off" and self.speaks == "http":
            body = f"429 Too Many Requests: {words}\n".encode()
            return HTTP_REFUSAL % (len(body), body)
        if self.tls != "off" or not self.greeting:
            return b""
        line = self.greeting + b"\r\n" if self.reads.greets else b""
        with suppress(Exception):  # whatever a plug-in does
            return line + Dresser(self.writes).dress(replies.error(None, words))
        return line

    async def open(self, sock: trio.socket.SocketType, timeout_s: float) -> tuple[Wire, Spoken]:
        """Find out what is spoken and agree on keys if need be. Where one thing is possible nothing waits.

        TLS and protocol are told by the same bytes in plain text, so silence costs one ``detect_timeout_s``;
        inside TLS it costs one more only to a client that said hello, and then waits for the greeting.

        Args:
            sock: just accepted; whoever calls this closes it.
            timeout_s: how long a handshake may take.

        Returns:
            The wire, which gives what was read here once more, and what is spoken on it.

        Raises:
            OSError: there will be no connection; the text says why, for people.
        """
        first: bytes | None = None
        if self.context is not None:
            if self.tls == "optional":
                first = await self._first_bytes(sock)
            if first is None or first[:1] == HELLO:
                wire = await self._handshake(sock, self.context, first or b"", timeout_s)
                return wire, await self._tell(wire, wire.receive, b"")
        plain = PlainWire(sock)
        if first == b"":
            return plain, self._in_silence
        if first is None and self.speaks != "either":
            return plain, self.speaks
        return plain, await self._tell(plain, plain.receive, first or b"")

    @property
    def _in_silence(self) -> Spoken:
        return "ami" if self.speaks == "either" else self.speaks

    async def _handshake(
        self, sock: trio.socket.SocketType, context: ReloadableContext, first: bytes, timeout_s: float
    ) -> TlsWire:
        try:
            with trio.fail_after(timeout_s):
                wire = TlsWire(sock, context.current, pushed=first)
                await wire.handshake()
                return wire
        except trio.TooSlowError:
            raise TimeoutError(f"TLS: no handshake within {timeout_s:g} s") from None

    async def _first_bytes(self, sock: trio.socket.SocketType) -> bytes:
        """What comes first; empty after too much silence."""
        with trio.move_on_after(self.detect_timeout_s):
            data = await sock.recv(READ_BYTES)
            if not data:
                raise ConnectionError("closed before it said anything")
            return data
        return b""

    async def _tell(self, wire: Wire, receive: Callable[[], Awaitable[bytes]], first: bytes) -> Spoken:
        """Which protocol it is; what had to be read for it is pushed back."""
        told = spoken(first) if self.speaks == "either" else self.speaks
        with trio.move_on_after(self.detect_timeout_s):
            while told is None:
                data = await receive()
                if not data and not first:
                    raise ConnectionError("closed before it said anything")
                first += data
                told = spoken(first) if data else "ami"
        if first:
            wire.push_back(first)
        return told or "ami"

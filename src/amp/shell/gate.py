"""What every connection of a listener passes before a client is made of it: plain text or TLS, told apart."""

from __future__ import annotations

from typing import Literal

import attrs
import trio

from amp.core.ami.pin import Pin
from amp.core.formats.format import Format
from amp.core.formats.standard import STANDARD
from amp.shell.contexts import ReloadableContext
from amp.shell.tls import TLS_HELLO, TlsWire
from amp.shell.wire import READ_BYTES, PlainWire, Wire

__all__ = ["Gate"]


@attrs.frozen(kw_only=True)
class Gate:
    """How one listener takes connections.

    Attributes:
        tls: whether TLS may, must or must not be spoken.
        context: amp's certificate; there is one unless ``tls`` is ``off``.
        detect_timeout_s: with ``optional``, so much silence means plain text: AMI clients wait for the
            greeting before they say anything.
        pin: what its clients are bound to, if anything.
        reads: the format of its clients' actions, until a user or a client brings another one.
        writes: the format of what they get; the same.
    """

    tls: Literal["off", "optional", "required"] = "off"
    context: ReloadableContext | None = None
    detect_timeout_s: float = 0.25
    pin: Pin | None = None
    reads: Format = STANDARD
    writes: Format = STANDARD

    async def open(self, sock: trio.socket.SocketType, timeout_s: float) -> Wire:
        """Find out what is spoken and agree on keys if need be; a plain listener waits for nothing.

        Args:
            sock: just accepted; whoever calls this closes it.
            timeout_s: how long a handshake may take.

        Raises:
            OSError: there will be no connection; the text says why, for people.
        """
        if self.context is None:
            return PlainWire(sock)
        first = b""
        try:
            with trio.fail_after(timeout_s):
                if self.tls == "optional":
                    first = await self._first_bytes(sock)
                    if first[:1] != bytes((TLS_HELLO,)):
                        return PlainWire(sock, first)
                wire = TlsWire(sock, self.context.current, pushed=first)
                await wire.handshake()
                return wire
        except trio.TooSlowError:
            raise TimeoutError(f"TLS: no handshake within {timeout_s:g} s") from None

    async def _first_bytes(self, sock: trio.socket.SocketType) -> bytes:
        with trio.move_on_after(self.detect_timeout_s):
            data = await sock.recv(READ_BYTES)
            if not data:
                raise ConnectionError("closed before it said anything")
            return data
        return b""

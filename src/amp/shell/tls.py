"""TLS on a socket, without waiting on the way out and without a lock.

trio's ``SSLStream`` lets one task send at a time and makes it wait; an outlet may do neither (DESIGN §3). So
this is an ``ssl.SSLObject`` between two buffers in memory, and the socket is used as `PlainWire` uses it.
Measured for 64 KB of events: 75 µs with the write, where a plain socket takes 32 (docs/tls.md).
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import trio

from amp.shell.wire import READ_BYTES

__all__ = ["TLS_HELLO", "TlsWire", "tls_reason"]

TLS_HELLO: Final = 0x16
"""The first byte of every TLS connection (record type *handshake*); no AMI action begins with it."""

PIECE_BYTES: Final = 65536
"""Plain text encrypted at a time: what the socket does not take of it waits here, not in the outlet."""

RECORD_BYTES: Final = 16384
"""The most plain text in one TLS record (RFC 8446 §5.1)."""

HANDSHAKE_READ_BYTES: Final = 16384


def _ignore() -> None:
    """What `TlsWire.when_blocked` is told to call before anybody writes."""


class TlsWire:
    """A `Wire` over TLS. Await `handshake` first; everything else is as with `PlainWire`.

    Ciphertext that the socket did not take is kept and goes out first at the next write, so at most
    `PIECE_BYTES` of plain text are ever taken beyond what the socket takes.

    Args:
        sock: connected.
        context: for a server or for a client; it decides which role this end has.
        server_name: towards a server, whose name its certificate must have; ``None`` as a server.
        pushed: bytes that were read from the socket already.
    """

    __slots__ = ("_ended", "_eof", "_in", "_out", "_pushed", "_tls", "_unsent", "_wake", "sock", "tls")

    def __init__(
        self, sock: trio.socket.SocketType, context: ssl.SSLContext, *, server_name: str | None = None,
        pushed: bytes = b"",
    ) -> None:  # fmt: skip
        self.sock = sock
        self.tls = ""
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        as_server = context.protocol is ssl.PROTOCOL_TLS_SERVER
        self._tls = context.wrap_bio(self._in, self._out, as_server, server_name)
        self._in.write(pushed)
        self._pushed = b""
        self._unsent = memoryview(b"")
        self._wake: Callable[[], None] = _ignore
        self._eof = False
        self._ended = False

    @property
    def blocked(self) -> bool:
        """See `Wire.blocked`."""
        return bool(self._unsent)

    @property
    def peer_certificate(self) -> bytes:
        """What the peer showed, in DER, verified or not; empty before the handshake, or if it showed none."""
        return self._tls.getpeercert(binary_form=True) or b""

    def when_blocked(self, wake: Callable[[], None]) -> None:
        """See `Wire.when_blocked`."""
        self._wake = wake

    async def handshake(self) -> None:
        """Agree with the peer on keys. Bound it by a cancel scope; after any failure only `close` is left.

        Raises:
            OSError: refused by either end, or the connection ended; the text says why, for people.
        """
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._push_all()
            except ssl.SSLError as error:
                with suppress(OSError):
                    self._push()  # the alert that tells the peer
                raise ConnectionError(tls_reason(error)) from error
            data = await self.sock.recv(HANDSHAKE_READ_BYTES)
            if not data:
                raise ConnectionError("TLS: the peer closed the connection during the handshake")
            self._in.write(data)
        self.tls = self._tls.version() or "TLS"
        await self._push_all()

    def write_now(self, data: bytes | memoryview) -> int:
        """See `Wire.write_now`. Bytes count as taken when they are encrypted."""
        if self._unsent and not self._push():
            return 0
        if len(data) <= PIECE_BYTES:
            return self._encrypt(data) if data else 0
        taken, view = 0, memoryview(data)
        while taken < len(view) and not self._unsent:
            taken += self._encrypt(view[taken : taken + PIECE_BYTES])
        return taken

    def write_many_now(self, buffers: Sequence[bytes | memoryview]) -> int:
        """See `Wire.write_many_now`. Small buffers share a record, which costs 29 bytes and a call."""
        if self._unsent and not self._push():
            return 0
        size = 0
        for count, buffer in enumerate(buffers):
            size += len(buffer)
            if size > PIECE_BYTES:
                # One alone may be of any size; several are joined only while they make one piece.
                return self.write_now(b"".join(buffers[:count]) if count else buffers[0])
        return self.write_now(b"".join(buffers))

    async def receive(self) -> bytes:
        """See `Wire.receive`. The end is a close_notify or the end of the socket, whichever comes first.

        A connection cut short is no news to AMI, whose frames have an end of their own.
        """
        if self._pushed:
            pushed, self._pushed = self._pushed, b""
            return pushed
        data, ended = self._decrypt()
        news = data if data or ended else None
        while news is None:
            await trio.lowlevel.wait_readable(self.sock)
            news = self.receive_now()
        return news

    def receive_now(self) -> bytes | None:
        """See `Wire.receive_now`."""
        try:
            ciphertext = os.read(self.sock.fileno(), READ_BYTES)
        except BlockingIOError:
            return None
        self._eof = not ciphertext
        self._in.write(ciphertext)
        data, ended = self._decrypt()
        return data if data or ended else None

    def push_back(self, data: bytes) -> None:
        """See `Wire.push_back`."""
        self._pushed = data + self._pushed

    def end_output(self) -> None:
        """See `Wire.end_output`: says close_notify, unless the peer takes nothing; waits for nothing."""
        with suppress(OSError):
            self._say_close_notify()
            self.sock.shutdown(trio.socket.SHUT_WR)

    def close(self) -> None:
        """See `Wire.close`; says close_notify if `end_output` has not."""
        with suppress(OSError):
            self._say_close_notify()
        self.sock.close()

    def _say_close_notify(self) -> None:
        if self.tls and not self._ended and self._push():
            self._ended = True
            with suppress(ssl.SSLError):  # wants the peer's close_notify, which we do not wait for
                self._tls.unwrap()
            self._push()

    def _encrypt(self, data: bytes | memoryview) -> int:
        try:
            taken = self._tls.write(data)
        except ssl.SSLError as error:
            raise ConnectionError(tls_reason(error)) from error
        self._push()
        return taken

    def _decrypt(self) -> tuple[bytes, bool]:
        """All plain text there is, and whether none will follow."""
        parts: list[bytes] = []
        ended = self._eof
        try:
            while part := self._tls.read(RECORD_BYTES):
                parts.append(part)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError as error:
            raise ConnectionError(tls_reason(error)) from error
        finally:
            self._push_own()
        return parts[0] if len(parts) == 1 else b"".join(parts), ended

    def _push_own(self) -> None:
        """Send what reading gave rise to: an alert, an answer to a KeyUpdate, the tickets of a handshake."""
        if self._out.pending and not self._unsent:
            with suppress(OSError):  # the next write, or the next read, finds the connection gone
                if not self._push():
                    self._wake()

    def _push(self) -> bool:
        """Give the socket what ciphertext it takes; whether that was all."""
        while self._unsent or self._out.pending:
            if not self._unsent:
                self._unsent = memoryview(self._out.read())
            try:
                sent = os.write(self.sock.fileno(), self._unsent)
            except BlockingIOError:
                return False
            self._unsent = self._unsent[sent:]
        return True

    async def _push_all(self) -> None:
        while not self._push():
            await trio.lowlevel.wait_writable(self.sock)


REASONS: Final = {
    "WRONG_VERSION_NUMBER": "the peer does not speak TLS on this port",
    "HTTP_REQUEST": "the peer sent an HTTP request in plain text",
    "UNSUPPORTED_PROTOCOL": "the peer has no TLS version that we take (1.2 and up)",
    "NO_SHARED_CIPHER": "the peer has no cipher that we take",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the peer takes no TLS version that we have (1.2 and up)",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer refused the certificate: it does not know the CA",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer refused the certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the peer refused the certificate: it has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the peer refused the certificate",
    "UNEXPECTED_EOF_WHILE_READING": "the peer closed the connection during the handshake",
}
"""OpenSSL's words for what people meet in practice, in clearer ones."""

OTHER_CA: Final = {18, 19, 20, 21}
"""OpenSSL's verify codes for a chain that ends in no certificate we trust (openssl-verify(1))."""


def tls_reason(error: ssl.SSLError) -> str:
    """Why TLS failed, for people: one line, with nothing of what was sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        if error.verify_code in OTHER_CA:
            why = f"signed by another CA than those we trust ({why})"
        return f"TLS: the certificate is refused: {why}"
    reason = error.reason or "failed"
    return f"TLS: {REASONS.get(reason) or reason.replace('_', ' ').lower()}"

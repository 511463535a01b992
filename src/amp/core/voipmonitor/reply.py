"""A sniffer's reply, decrypted and checked as it comes.

A reply is the bytes up to the close: no length, no status, no end mark. One cut short by a crash looks like a
complete one but for what is checked here: padding, gzip's trailer, the bracket that closes JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from amp.core.voipmonitor.cipher import BLOCK, Cipher, Decryption
from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.commands import Reply, Zip
from amp.core.voipmonitor.exchange_events import Failure
from amp.core.voipmonitor.gzip_member import GZIP_MAGIC, GzipReader
from amp.errors import RemoteProtocolError

__all__ = ["ENCRYPTED", "FAILED_DECRYPT", "NEED_AES", "ReplyDecoder"]

ENCRYPTED: Final = b"aes:"
"""What an encrypted reply begins with."""
FAILED_DECRYPT: Final = b"failed aes decrypt!\n"
NEED_AES: Final = b"need aes!\n"
WRONG_KEY_BYTES: Final = len(ENCRYPTED) + 2 * BLOCK
"""The size of an encrypted ``failed aes decrypt!``, which is what a wrong key is answered with."""

_BY_WISH: Final = (Zip.MEMBER, Zip.WORD)
_CLOSING: Final = {b"[": b"]", b"{": b"}"}


class ReplyDecoder:
    """The reply to one command. Its first bytes are kept until it is sure that they are no failure.

    Args:
        command: what was asked.
        cipher: what it was asked with; ``None`` if it was plain.
        unpack: give what a packed reply holds, instead of checking it and passing it on.
        max_unpacked_bytes: how much a packed reply may hold.

    Attributes:
        failure: what went wrong, with a sentence; from then on nothing more is given.
        encrypted: the reply came encrypted; known from its 37th byte or its end on.
        packed: the reply is gzip.
    """

    def __init__(
        self,
        command: Command,
        cipher: Cipher | None,
        *,
        unpack: bool = False,
        max_unpacked_bytes: float = math.inf,
    ) -> None:
        self.failure: tuple[Failure, str] | None = None
        self.encrypted = self.packed = False
        self._command = command
        self._cipher = cipher
        self._unpack = unpack
        self._opening: bytes | None = b""
        """The first bytes, while they may still be a failure's."""
        self._decryption: Decryption | None = None
        self._magic: bytes | None = b"" if command.asks_zip or command.spec.zip in _BY_WISH else None
        """The first bytes of the text, while they may still be gzip's."""
        self._gzip = GzipReader(max_unpacked_bytes)
        self._first = self._last = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes from the sniffer and give what is certain of the reply; often nothing at first."""
        if self.failure is not None:
            return []
        if self._opening is not None:
            self._opening += data
            if self._may_be_failure(self._opening):
                return []
            data = self._open(self._opening)
        return self._guarded(data, last=False)

    def finish(self) -> list[bytes]:
        """Say that the sniffer has closed, and get the rest of the reply."""
        rest = b""
        if self._opening is not None:
            self.failure = self._judge(self._opening)
            rest = self._open(self._opening)
        return [] if self.failure is not None else self._guarded(rest, last=True)

    def _may_be_failure(self, opening: bytes) -> bool:
        # A reply of 36 bytes may be a wrong key's, so nothing of it is told before the 37th has come.
        if self._cipher is not None:
            return len(opening) <= WRONG_KEY_BYTES
        return NEED_AES.startswith(opening)

    def _open(self, opening: bytes) -> bytes:
        """Decide whether the reply is encrypted, and give the bytes that are its own."""
        self._opening = None
        if self._cipher is None or not opening.startswith(ENCRYPTED):
            return opening
        self.encrypted = True
        self._decryption = self._cipher.decryption()
        return opening[len(ENCRYPTED) :]

    def _judge(self, reply: bytes) -> tuple[Failure, str] | None:
        """What a whole short reply says of the key, if it does."""
        if self._cipher is None:
            if reply == NEED_AES and self._command.name != "need_aes":
                return Failure.NEED_KEY, "the sniffer has a key and takes this command only encrypted"
            return None
        if reply == FAILED_DECRYPT:
            return Failure.WRONG_KEY, "the sniffer could not read the request: it has no key, or another"
        if not reply.startswith(ENCRYPTED):
            return None
        try:
            text = self._cipher.decrypt(reply[len(ENCRYPTED) :])
        except RemoteProtocolError as error:
            if len(reply) == WRONG_KEY_BYTES:
                return Failure.WRONG_KEY, "the reply cannot be read: the sniffer has another key"
            return Failure.UNREADABLE, str(error)
        if text == FAILED_DECRYPT and self._command.name != "failed_aes_decrypt":
            return Failure.WRONG_KEY, "the sniffer could not read the request"
        if len(reply) == WRONG_KEY_BYTES and not self._looks_right(text):
            return Failure.WRONG_KEY, "the reply is no text: the sniffer has another key"
        return None

    def _looks_right(self, text: bytes) -> bool:
        # Every 256th wrong key gives good padding by chance; what should be text then is none.
        if self._command.reply is Reply.BINARY or self._command.asks_zip:
            return True
        try:
            return all(letter.isprintable() or letter.isspace() for letter in text.decode())
        except UnicodeDecodeError:
            return False

    def _guarded(self, data: bytes, *, last: bool) -> list[bytes]:
        """Decode, and keep a failure instead of raising it."""
        try:
            return self._decode(data, last=last)
        except RemoteProtocolError as error:
            self.failure = (Failure.CUT if self._decryption is None else Failure.UNREADABLE), str(error)
            return []

    def _decode(self, data: bytes, *, last: bool) -> list[bytes]:
        text = data
        if self._decryption is not None:
            text = self._decryption.feed(data)
            if last:
                text += self._decryption.finish()
        pieces = self._inflated(text, last=last) if self._magic is not None or self.packed else [text]
        out = [piece for piece in pieces if piece]
        if self._command.reply is Reply.JSON and not (self.packed and not self._unpack):
            self._watch_brackets(out, last=last)
        return out

    def _inflated(self, text: bytes, *, last: bool) -> Iterable[bytes]:
        """The text, through gzip if it is packed."""
        if self._magic is not None:
            text = self._magic + text
            if len(text) < len(GZIP_MAGIC) and not last:
                self._magic = text
                return []
            self._magic = None
            self.packed = text.startswith(GZIP_MAGIC)
            if self.packed and not self._command.asks_zip:
                # Who reads the reply, or hides something in it, would not see what it says.
                raise RemoteProtocolError("a packed reply, which was not asked for")
            if not self.packed:
                return [text]
        out = [text]
        if self._unpack:
            out = list(self._gzip.feed(text))
        else:
            for _ in self._gzip.feed(text):
                pass  # only to reach the trailer
        if last:
            self._gzip.finish()
        return out

    def _watch_brackets(self, pieces: list[bytes], *, last: bool) -> None:
        """JSON that opens with a bracket has to end with its partner."""
        for piece in pieces:
            if not self._first:
                self._first = piece.lstrip()[:1]
            self._last = piece.rstrip()[-1:] or self._last
        if last and self._last != _CLOSING.get(self._first, self._last):
            raise RemoteProtocolError("reply cut short: JSON without its end")

"""A sniffer's reply on its way to one client of a listener: hide, pack again, encrypt again.

The bytes of a sniffer are never handed on as they are: what a client gets is encrypted with the listener's
key, in the cipher that the client asked with, and holds only what its rights show.
"""

from __future__ import annotations

from amp.core.voipmonitor.cipher import Cipher
from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.gzip_member import GzipWriter
from amp.core.voipmonitor.hiding import Hider, hider_for
from amp.core.voipmonitor.reply_encoder import ReplyEncoder
from amp.core.voipmonitor.rights import SnifferGrant

__all__ = ["ReplyRelay"]


class ReplyRelay:
    """The way back of one reply, in bounded memory.

    Args:
        command: what was asked.
        cipher: what the client asked with; ``None`` if plain.
        grant: what the client may see.

    Attributes:
        unpack: how the `Exchange` has to be asked: whether the reply must come unpacked.
    """

    def __init__(self, command: Command, cipher: Cipher | None, grant: SnifferGrant) -> None:
        self._hider: Hider | None = hider_for(command, grant)
        self.unpack = self._hider is not None and self._hider.needs_text and command.asks_zip
        self._packer = GzipWriter() if self.unpack else None
        self._encoder = ReplyEncoder(cipher)
        self._any = False

    def feed(self, data: bytes) -> bytes:
        """The bytes for the client by now."""
        self._any = self._any or bool(data)
        return self._onwards(self._hider.feed(data) if self._hider is not None else data)

    def finish(self) -> bytes:
        """The rest. After a failure do not call it: a reply that breaks off must not look complete."""
        if not self._any:
            return b""
        rest = self._onwards(self._hider.finish()) if self._hider is not None else b""
        if self._packer is not None:
            rest += self._encoder.feed(self._packer.finish())
        return rest + self._encoder.finish()

    def _onwards(self, text: bytes) -> bytes:
        if self._packer is not None:
            text = self._packer.feed(text)
        return self._encoder.feed(text)

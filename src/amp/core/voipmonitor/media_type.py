"""What a reply is called in HTTP: told from the command, and from how the reply begins."""

from __future__ import annotations

from typing import Final

from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.commands import Reply
from amp.core.voipmonitor.gzip_member import GZIP_MAGIC

__all__ = ["media_type"]

TEXT: Final = b"text/plain; charset=utf-8"
BYTES: Final = b"application/octet-stream"

BEGINNINGS: Final = (
    (GZIP_MAGIC, b"application/gzip"),
    (b"\xd4\xc3\xb2\xa1", b"application/vnd.tcpdump.pcap"),
    (b"\xa1\xb2\xc3\xd4", b"application/vnd.tcpdump.pcap"),
    (b"\x0a\x0d\x0d\x0a", b"application/vnd.tcpdump.pcap"),
    (b"RIFF", b"audio/wav"),
    (b"OggS", b"audio/ogg"),
)
"""Of what content commands give: captures and sound. The sniffer itself does not say what it sends."""

ERROR: Final = b"error"


def media_type(command: Command, first: bytes) -> bytes:
    """The content type of a reply.

    Args:
        command: what was asked.
        first: how the reply begins, as far as it came in one piece.
    """
    for beginning, name in BEGINNINGS:
        if first.startswith(beginning):
            return name
    if command.reply is Reply.JSON and first[:1] in (b"{", b"["):
        return b"application/json"
    if command.reply is Reply.BINARY and not first.startswith(ERROR):
        return BYTES
    return TEXT

"""The action ``SnifferCommand``: a sniffer's reply in the frames of the manager protocol."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final

from amp.core.ami.frame import Frame, encode
from amp.core.routing.error_frames import error_response, not_sent, outcome_unknown
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure

__all__ = ["failure_text", "is_text", "sniffer_error", "sniffer_reply"]

LINE_ENDS: Final = re.compile(rb"\r\n|\n|\r")
BASE64_BYTES: Final = 57
"""Of data in one line of base64, which then has 76 letters."""


def sniffer_reply(original: bytes, reply: bytes, server: str) -> bytes:
    """A whole reply: one ``Output`` for each line, as Asterisk answers ``Command`` (recording command).

    Args:
        original: the client's ActionID; empty for none.
        reply: what the sniffer said. If it is no text it is given in base64, which ``Encoding`` tells.
        server: the sniffer's name; empty if the reply is that of several.
    """
    text = is_text(reply)
    outputs = _lines(reply) if text else _base64(reply)
    action_id = [(b"ActionID", original)] if original else []
    kind = [] if text else [(b"Encoding", b"base64")]
    frame = Frame(
        (
            (b"Response", b"Success"),
            *action_id,
            (b"Message", b"Command output follows" if reply else b"Command has no output"),
            *kind,
            *((b"Output", line) for line in outputs),
            *([(b"Server", server.encode())] if server else []),
        )
    )
    return encode(frame)


def sniffer_error(original: bytes, text: str, server: str) -> bytes:
    """``Response: Error``; see `error_response`."""
    return error_response(original, text, server)


def failure_text(failed: ExchangeFailed) -> str:
    """What a client is told of a failed exchange: whether the command was sent, and why there is no reply."""
    if not failed.sent or failed.failure in (Failure.WRONG_KEY, Failure.NEED_KEY):
        return not_sent(failed.message)
    return outcome_unknown(failed.message)


def is_text(reply: bytes) -> bool:
    """Whether a reply can stand in headers as it is."""
    if b"\0" in reply:
        return False
    try:
        reply.decode()
    except UnicodeDecodeError:
        return False
    return True


def _lines(reply: bytes) -> list[bytes]:
    lines = LINE_ENDS.split(reply)
    return lines if lines[-1] else lines[:-1]


def _base64(reply: bytes) -> Iterator[bytes]:
    for start in range(0, len(reply), BASE64_BYTES):
        yield binascii.b2a_base64(reply[start : start + BASE64_BYTES], newline=False)

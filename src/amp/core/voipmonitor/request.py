"""The bytes of a request, as they have to go out: all of them in one segment.

A request that comes in pieces, or without its end in the first one, makes the sniffer wait 500 ms or run the
first part as a command of its own (FACTS §2).
"""

from __future__ import annotations

from typing import Final

from amp.core.voipmonitor.cipher import Cipher
from amp.core.voipmonitor.command import Command
from amp.errors import LocalProtocolError

__all__ = ["END_MARK", "MAX_TRIES", "encode_request"]

BLANK_LINE: Final = b"\r\n\r\n"
END_MARK: Final = b":sea"
MAX_TRIES: Final = 16


def encode_request(command: Command, cipher: Cipher | None) -> bytes:
    """The request for one command.

    Args:
        cipher: ``None`` for a plain request.

    Raises:
        LocalProtocolError: no encrypted form of this command gets through.

    An encrypted request ends at the first ``:sea`` in it, and nothing escapes one that the ciphertext
    happens to hold. As key and IV stay, such a command would fail every time. More blanks behind its name
    change every block from there on (recordings aes128-sea-inside-avoided, aes128-sea-start-avoided).
    """
    if cipher is None:
        return command.line() + BLANK_LINE
    for spaces in range(MAX_TRIES):
        request = _seal(command.line(spaces) + BLANK_LINE, cipher)
        if request.find(END_MARK) == len(request) - len(END_MARK):
            return request
    raise LocalProtocolError(
        f"{command.name}: encrypted with this key it always holds the end mark of a request; "
        "another key, or another cipher, is needed"
    )


def _seal(text: bytes, cipher: Cipher) -> bytes:
    return b"%s:%s%s" % (cipher.name.encode(), cipher.encrypt(text), END_MARK)

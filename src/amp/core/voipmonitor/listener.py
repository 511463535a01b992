"""The sniffer's end of its own protocol, so that its clients can use amp in a sniffer's place.

When a request is complete is decided as the sniffer does (FACTS §2, §4): at once if its end is in the first
segment, else with the next segment that brings one, else 500 ms after the last. Commands are found by exact
name only. The protocol has no login: the rights are the listener's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import attrs

from amp.core.ami.framing import NEED_DATA, NeedData
from amp.core.voipmonitor.cipher import CIPHERS, Cipher, SnifferKey
from amp.core.voipmonitor.command import Command, parse_command
from amp.core.voipmonitor.commands import COMMANDS
from amp.core.voipmonitor.reply import FAILED_DECRYPT, NEED_AES
from amp.core.voipmonitor.reply_encoder import encode_reply
from amp.core.voipmonitor.request import BLANK_LINE, END_MARK
from amp.core.voipmonitor.rights import SnifferGrant
from amp.errors import LocalProtocolError, ProtocolError

__all__ = ["NOT_FOUND", "Answered", "CommandAsked", "ListenerConnection"]

PAUSE_S: Final = 0.5
"""How long the sniffer waits for more of a request."""
NOT_FOUND: Final = b"command not found\n"
MAX_NAME_BYTES: Final = 19
DEFAULT_CIPHER: Final = "aes-128-cbc"
_ALIASES: Final[Mapping[bytes, str]] = {
    **{name.encode(): name for name in CIPHERS},
    b"aes128": "aes-128-cbc",
    b"aes192": "aes-192-cbc",
    b"aes256": "aes-256-cbc",
}
_OTHER_MODES: Final = (b"ecb", b"ctr", b"ofb", b"gcm", b"ccm", b"xts", b"ocb", b"siv", b"wrap", b"pad")
"""Ciphers that the sniffer would take too; with a fixed IV they are weaker still."""


class CommandAsked(NamedTuple):
    """A permitted command; the reply goes out in ``cipher`` (``None``: plain), then the connection closes."""

    command: Command
    cipher: Cipher | None


class Answered(NamedTuple):
    """The end: these bytes, perhaps none, then close. ``reason`` is for the log."""

    data: bytes
    reason: str


class _RefusedError(Exception):
    """A request that gets an answer of amp's own."""

    def __init__(self, text: bytes, reason: str) -> None:
        super().__init__(reason)
        self.text = text


@attrs.define(kw_only=True, eq=False)
class ListenerConnection:
    """One connection of a client that takes amp for a sniffer. Times are the caller's monotonic seconds.

    Attributes:
        key: the listener's own key; ``None`` if it has none, and then everything is plain.
        grant: what its clients may do.
        plain_everything: plain requests may be anything although there is a key, as on a unix socket.
        request_s: how long a client may take for its request; the sniffer itself has no such bound.
        max_bytes: of a request; the sniffer has no such bound either.
        now: when the client connected.

    Tells one `CommandAsked` or `Answered`; all that comes behind a request is ignored.
    """

    key: SnifferKey | None = None
    grant: SnifferGrant
    plain_everything: bool = False
    request_s: float = 30.0
    max_bytes: int = 2 << 20
    now: float

    _received: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _pause_at: float = attrs.field(default=math.inf, init=False)
    _over: bool = attrs.field(default=False, init=False)
    _event: CommandAsked | Answered | None = attrs.field(default=None, init=False)

    def receive_data(self, data: bytes, now: float) -> None:
        """Take one segment; ``b""`` means that the client has shut down its side."""
        if self._over:
            return
        searched = len(self._received)
        self._received += data
        if len(self._received) > self.max_bytes:
            self._finish(Answered(b"", f"request of over {self.max_bytes} bytes"))
        elif not data or self._is_complete(searched):
            self._decide()
        else:
            self._pause_at = now + PAUSE_S

    def next_event(self) -> CommandAsked | Answered | NeedData:
        """The one thing there is to tell, once."""
        event, self._event = self._event, None
        return event or NEED_DATA

    def next_deadline(self) -> float:
        """When `handle_timeout` wants to be called; ``math.inf`` when the request is there."""
        return math.inf if self._over else min(self._pause_at, self.now + self.request_s)

    def handle_timeout(self, now: float) -> None:
        """Take what there is for the request, or give a client up that is too slow."""
        if self._over or now < self.next_deadline():
            return
        if now >= self.now + self.request_s:
            self._finish(Answered(b"", f"no request within {self.request_s:g} s"))
        else:
            self._decide()

    def _is_complete(self, searched: int) -> bool:
        """Whether the sniffer would run this at once. An end is not searched for twice in the same bytes."""
        if self._received.startswith(b"aes"):  # capitals have to wait (recording aes128-upper-prefix)
            return self._received.find(END_MARK, max(0, searched - len(END_MARK)) if searched > 3 else 0) >= 0
        end = BLANK_LINE if not searched else b"\r\n"
        found = self._received.find(end, max(0, searched - 1) if searched > 3 else 0)
        # Text ends for the sniffer at a NUL: it does not see what is behind (recording plain-nul).
        return found >= 0 and self._received.find(0, 0, found) < 0

    def _finish(self, event: CommandAsked | Answered) -> None:
        self._over = True
        self._event = event
        self._received.clear()

    def _decide(self) -> None:
        request = bytes(self._received)
        encrypted = request[:3].lower() == b"aes"
        if not encrypted:
            self._run(request, None)
        elif self.key is None:
            self._finish(Answered(FAILED_DECRYPT, "encrypted request, but no key"))
        else:
            self._run_encrypted(request, self.key)

    def _run_encrypted(self, request: bytes, key: SnifferKey) -> None:
        name, _, _ = request.partition(b":")
        cipher = Cipher(DEFAULT_CIPHER, key)
        try:
            cipher = _cipher(name, key)
            text = cipher.decrypt(_body(request, len(name)))
        except ProtocolError:
            # The same words as for an unknown command, so that nobody can try ciphertexts on amp.
            self._finish(Answered(encode_reply(NOT_FOUND, cipher), "request that cannot be decrypted"))
        else:
            self._run(text, cipher)

    def _run(self, text: bytes, cipher: Cipher | None) -> None:
        line = text.partition(BLANK_LINE)[0]
        if not line:
            self._finish(Answered(b"", "empty request"))
            return
        for end in (b"\r", b"\n", b"\0"):
            line = line.partition(end)[0]
        try:
            command = self._permitted(line, cipher)
        except _RefusedError as refused:
            self._finish(Answered(encode_reply(refused.text, cipher), str(refused)))
        else:
            self._finish(CommandAsked(command, None if command.spec.plain_reply else cipher))

    def _permitted(self, line: bytes, cipher: Cipher | None) -> Command:
        name = line.split(None, 1)[0].decode("latin-1") if line[:1].strip() else ""
        if name not in COMMANDS:
            raise _RefusedError(NOT_FOUND, "unknown command")
        try:
            command = parse_command(line)
        except LocalProtocolError as error:
            raise _RefusedError(_error(str(error)), str(error)) from None
        own = self._own_answer(name)
        if own is not None:
            raise _RefusedError(own, f"{name} answered by amp")
        if cipher is None and self.key is not None and not (self.plain_everything or command.plain_allowed):
            raise _RefusedError(NEED_AES, f"{name}: plain, but the listener has a key")
        refusal = self.grant.refusal(command.spec)
        if refusal is not None:
            raise _RefusedError(_error(refusal), refusal)
        return command

    def _own_answer(self, name: str) -> bytes | None:
        """The answer to what is about this connection and not about the sniffer behind it."""
        match name:
            case "support_aes":
                return b"yes"
            case "exists_aes_key":
                return b"no" if self.key is None else b"yes"
            case "need_aes":
                return NEED_AES
            case "failed_aes_decrypt":
                return FAILED_DECRYPT
            case _:
                return None


def _cipher(name: bytes, key: SnifferKey) -> Cipher:
    """What a client calls its cipher. Unknown names mean AES-128 (recording aes256-unknown-name).

    Raises:
        LocalProtocolError: a name too long, another mode, or a cipher that the key is too short for.
    """
    name = name.lower()
    if len(name) > MAX_NAME_BYTES or name.endswith(_OTHER_MODES) or b"cfb" in name:
        raise LocalProtocolError(f"no cipher for a listener: {name[:40]!r}")
    return Cipher(_ALIASES.get(name, DEFAULT_CIPHER), key)


def _body(request: bytes, name_bytes: int) -> bytes:
    """What stands between the name's colon and the first end mark.

    Raises:
        LocalProtocolError: no end mark, or one that begins with the name's own colon.
    """
    end = request.find(END_MARK)
    if end <= name_bytes:
        raise LocalProtocolError("encrypted request without its end mark")
    return request[name_bytes + 1 : end]


def _error(text: str) -> bytes:
    return f"error: {text}\n".encode()

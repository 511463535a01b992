"""What users who do not run the sniffers should not learn from replies.

Addresses in the sniffer's memory (callreferences), paths on its disk, and its own key, which its
configuration shows in clear. Every hider takes a reply in any pieces and keeps back only what it must.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final, Protocol

from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.gzip_member import GZIP_MAGIC, GzipReader, pack
from amp.core.voipmonitor.rights import SnifferGrant
from amp.errors import RemoteProtocolError

__all__ = ["HIDDEN", "Hider", "KeyHider", "PathHider", "ReferenceHider", "hider_for", "shown_problem"]

HIDDEN: Final = b"hidden"
_REFERENCE: Final = re.compile(rb'"0x[0-9a-fA-F]{1,16}"')
_REFERENCE_BEGUN: Final = re.compile(rb'"(?:0(?:x[0-9a-fA-F]{0,16})?)?\Z')
_REFERENCE_BYTES: Final = 20

_KEY_NAME: Final = b"manager_aes"
_KEY_REACH: Final = 400
"""How far behind its name a value of the key can stand: the sniffer's JSON tells it three times over."""
_KEY: Final = re.compile(rb"manager_aes_(?:key|iv)[\s\S]{0,%d}" % _KEY_REACH)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\\]{20,}={0,2}")

_PATH_ERROR: Final = re.compile(rb"\A(error: [^/]*)/[^\r\n]*/([^/\r\n]*)\s*\Z")
_DIRECTORIES: Final = re.compile(r"(?<![\w.])(?:/[^/\s:;()]+)+/")
MAX_ERROR_BYTES: Final = 2048
"""Longer replies are files, and go on as they come."""


class Hider(Protocol):
    """Takes a reply, and gives it without what is to be hidden."""

    needs_text: ClassVar[bool]
    """The reply has to come unpacked, and to be packed again behind it."""

    def feed(self, data: bytes) -> bytes:
        """Take the next piece, and give what may be shown by now."""

    def finish(self) -> bytes:
        """Give the rest."""


class ReferenceHider:
    """Hides callreferences: JSON texts that are an address and nothing else."""

    needs_text: ClassVar[bool] = True

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Give all but an address that is not complete."""
        text = self._held + data
        # The quote that closes an address does not begin another one.
        done = max((found.end() for found in _REFERENCE.finditer(text)), default=0)
        begun = _REFERENCE_BEGUN.search(text, max(done, len(text) - _REFERENCE_BYTES))
        end = begun.start() if begun else len(text)
        self._held = text[end:]
        return _REFERENCE.sub(b'"%s"' % HIDDEN, text[:end])

    def finish(self) -> bytes:
        """Give the rest."""
        return self._held


class KeyHider:
    """Hides the sniffer's key and IV where their names stand, in a configuration file or its JSON."""

    needs_text: ClassVar[bool] = True

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Give all but the last name and what stands behind it, and what might be a name's beginning."""
        text = self._held + data
        name = text.rfind(_KEY_NAME, max(0, len(text) - 2 * _KEY_REACH))
        end = name if name >= 0 else max(0, len(text) - len(_KEY_NAME))
        self._held = text[end:]
        return self._hide(text[:end])

    def finish(self) -> bytes:
        """Give the rest."""
        return self._hide(self._held)

    def _hide(self, text: bytes) -> bytes:
        return _KEY.sub(lambda found: _BASE64.sub(HIDDEN, found.group()), text)


class PathHider:
    """Hides the directories in an error text; a reply too long for one is passed on as it comes."""

    needs_text: ClassVar[bool] = False

    def __init__(self) -> None:
        self._held: bytes | None = b""

    def feed(self, data: bytes) -> bytes:
        """Give nothing while it may be an error."""
        if self._held is None:
            return data
        self._held += data
        if len(self._held) <= MAX_ERROR_BYTES:
            return b""
        data, self._held = self._held, None
        return data

    def finish(self) -> bytes:
        """Give a short reply, with its error's path cut to the file's name."""
        reply = self._held or b""
        if not reply.startswith(GZIP_MAGIC):
            return _without_path(reply)
        try:
            text = b"".join(GzipReader(MAX_ERROR_BYTES).feed(reply))
        except RemoteProtocolError:
            return reply  # a file, packed well
        shown = _without_path(text)
        return reply if shown == text else pack(shown)


def _without_path(text: bytes) -> bytes:
    return _PATH_ERROR.sub(rb"\1\2", text)


def shown_problem(text: str, grant: SnifferGrant) -> str:
    """What amp itself tells of a failed command: where its files are is for who may see the sniffer's."""
    return text if grant.sees_internals else _DIRECTORIES.sub("", text)


def hider_for(command: Command, grant: SnifferGrant) -> Hider | None:
    """What a reply has to pass on its way to a user; ``None`` if there is nothing to hide.

    The key is hidden from everybody: who has the preset ``gui`` may ask for the sniffer's configuration, and
    with the key could go past amp.
    """
    if command.name in ("get_sensor_information", "get_json_config"):
        return KeyHider()
    if grant.sees_internals:
        return None
    match command.name:
        case "listcalls" | "active_call_info":
            return ReferenceHider()
        case name if name.startswith("getfile"):
            return PathHider()
        case _:
            return None

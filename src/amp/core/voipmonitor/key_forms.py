"""The forms in which an installation keeps a sniffer's key, and their reading and writing.

Every reader gets the text of a file or a column as bytes and says where it stood only by ``source``, which
goes into its errors; the errors never hold any of the key.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

import orjson

from amp.core.voipmonitor.cipher import SnifferKey
from amp.errors import ConfigError, LocalProtocolError

__all__ = ["from_base64", "from_gui_json", "from_gui_php", "from_sniffer_conf", "to_base64", "to_gui_json"]

_CONF_LINE: Final = re.compile(
    rb"^[ \t]*(manager_aes_key|manager_aes_iv)[ \t]*=[ \t]*(.*?)[ \t\r]*$",
    re.MULTILINE,
)
_PHP_COMMENT: Final = re.compile(rb"/\*.*?\*/|^[ \t]*(?://|#)[^\n]*", re.MULTILINE | re.DOTALL)
_PHP_DEFINE: Final = re.compile(
    rb"""\bdefine\s*\(\s*(['"])(VPMANAGER_AES_KEY|VPMANAGER_AES_IV)\1\s*,\s*(['"])(.*?)\3\s*\)""",
    re.IGNORECASE,
)


def from_base64(key: str | bytes, iv: str | bytes, *, source: str) -> SnifferKey:
    """The key from its two base64 texts, as the configuration writes them.

    Raises:
        ConfigError: one of them is no base64, or too short.
    """
    raw = {}
    for name, text in (("key", key), ("iv", iv)):
        try:
            raw[name] = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError(source, [f"{name}: not base64"]) from None
    try:
        return SnifferKey(raw["key"], raw["iv"])
    except LocalProtocolError as error:
        raise ConfigError(source, [str(error)]) from None


def to_base64(key: SnifferKey) -> tuple[str, str]:
    """The two base64 texts: key, IV."""
    return base64.b64encode(key.key).decode(), base64.b64encode(key.iv).decode()


def from_gui_json(content: bytes, *, source: str) -> SnifferKey:
    """The key from the GUI's database: column ``content`` of the ``system`` row of type ``manager_key``.

    Raises:
        ConfigError: not the JSON object that the GUI writes there.
    """
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(source, ["expected a JSON object with key and iv"])
    return _from_pair(found.get("key"), found.get("iv"), ("key", "iv"), source)


def to_gui_json(key: SnifferKey) -> bytes:
    """The JSON object that the GUI and the sniffers read."""
    text, iv = to_base64(key)
    return orjson.dumps({"key": text, "iv": iv})


def from_sniffer_conf(text: bytes, *, source: str) -> SnifferKey | None:
    """The key from a ``voipmonitor.conf``; ``None`` if it has none. Lines that begin with ``#`` or ``;``
    are comments, and of several lines the last counts.

    Raises:
        ConfigError: only one of the two is there, or they cannot be used.
    """
    found = {name: value.strip(b"\"'") for name, value in _CONF_LINE.findall(text)}
    return _from_found(found, (b"manager_aes_key", b"manager_aes_iv"), source)


def from_gui_php(text: bytes, *, source: str) -> SnifferKey | None:
    """The key from the GUI's ``configuration.php``; ``None`` if it has none. What is commented out does not
    count; of several definitions the first does, as in PHP.

    Raises:
        ConfigError: only one of the two is there, or they cannot be used.
    """
    found: dict[bytes, bytes] = {}
    for _, name, _, value in _PHP_DEFINE.findall(_PHP_COMMENT.sub(b"", text)):
        found.setdefault(name.upper(), value)
    return _from_found(found, (b"VPMANAGER_AES_KEY", b"VPMANAGER_AES_IV"), source)


def _from_found(found: dict[bytes, bytes], names: tuple[bytes, bytes], source: str) -> SnifferKey | None:
    key, iv = (found.get(name) or None for name in names)
    if key is None and iv is None:
        return None
    return _from_pair(key, iv, (names[0].decode(), names[1].decode()), source)


def _from_pair(key: object, iv: object, names: tuple[str, str], source: str) -> SnifferKey:
    missing = [name for name, value in zip(names, (key, iv), strict=True) if not value]
    if missing:
        raise ConfigError(source, [f"{name}: missing" for name in missing])
    if not isinstance(key, str | bytes) or not isinstance(iv, str | bytes):
        raise ConfigError(source, [f"{names[0]} and {names[1]}: expected base64 texts"])
    return from_base64(key, iv, source=source)

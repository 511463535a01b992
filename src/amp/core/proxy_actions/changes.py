"""Servers that come and go while amp runs: what AddServer and DropServer ask for, and how they are answered.

``Server``, ``Username``, ``Secret``, ``Port`` and ``Events`` are astmanproxy's headers, and the messages are
its messages (ProxyAddServer, ProxyDropServer in its ``proxyfunc.c``), with the reason behind a failure's. All
other headers are amp's own: each is a key of ``[[server]]``, without its underscores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from amp.core.ami.frame import FORBIDDEN, Frame
from amp.core.routing.error_frames import plain

__all__ = ["SETTINGS", "AddServer", "DropServer", "ServerChange", "added", "dropped", "read_change"]

SETTINGS: Final[Mapping[str, str]] = {
    "Server": "name",
    "Host": "host",
    "Port": "port",
    "TLS": "tls",
    "CA": "ca",
    "ServerName": "server_name",
    "Username": "username",
    "Secret": "secret",
    "Sessions": "sessions",
    "Events": "events",
    "MaxSessions": "max_sessions",
    "IdleTimeout": "idle_timeout",
    "Keepalive": "keepalive",
    "ConnectTimeout": "connect_timeout",
    "LoginTimeout": "login_timeout",
    "ReconnectFirst": "reconnect_first",
    "ReconnectMax": "reconnect_max",
}
"""Header: the key of ``[[server]]`` that it sets."""

ENVELOPE: Final = frozenset((b"proxyaction", b"action", b"actionid", b"proxykey"))
KNOWN: Final = {name.lower().encode(): name for name in (*SETTINGS, "Save")}
YES: Final = frozenset((b"true", b"yes", b"on", b"1"))
NO: Final = frozenset((b"", b"false", b"no", b"off", b"0"))
LONGEST_NAME: Final = 64
"""Characters of a name that an answer repeats; no server's is longer."""


@attrs.frozen(kw_only=True)
class AddServer:
    """A server is to be added.

    Attributes:
        settings: by the headers of `SETTINGS`, as text; empty ones are left out. Nothing of it is checked.
        save: it shall be there after the next start, too.
    """

    settings: Mapping[str, str] = attrs.field(repr=False)
    save: bool = False

    @property
    def name(self) -> str:
        """What is to be added, as answers call it."""
        return self.settings.get("Server", "")


@attrs.frozen(kw_only=True)
class DropServer:
    """A server is to be dropped.

    Attributes:
        name: its name or its host.
        save: it shall not be there after the next start either.
    """

    name: str
    save: bool = False


ServerChange = AddServer | DropServer


def read_change(frame: Frame, kind: type[ServerChange]) -> ServerChange | str:
    """What an AddServer or a DropServer asks for, or what is wrong with it.

    A header that is not known is wrong: with a slip of the pen in ``TLS`` the secret would go in the open.
    """
    texts = _texts(frame)
    if isinstance(texts, str):
        return texts
    save = texts.pop("Save", "").lower().encode()
    if save not in YES | NO:
        return "Save: expected true or false"
    if kind is AddServer:
        return AddServer(settings=texts, save=save in YES)
    if extra := [name for name in texts if name != "Server"]:
        return f"{extra[0]}: not a header of DropServer"
    return DropServer(name=texts.get("Server", ""), save=save in YES)


def _texts(frame: Frame) -> dict[str, str] | str:
    texts: dict[str, str] = {}
    seen = set()
    for name, value in frame.headers:
        key = name.strip().lower()
        if key in ENVELOPE:
            continue
        if (header := KNOWN.get(key)) is None:
            return f"{_shown(name.decode('latin-1'))}: unknown header"
        if header in seen:
            return f"{header}: given twice"
        seen.add(header)
        if not FORBIDDEN.isdisjoint(value):
            return f"{header}: expected no CR, LF or NUL"
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return f"{header}: expected UTF-8 text"
        text = text if header == "Secret" else text.strip()
        if text:
            texts[header] = text
    return texts


def added(name: str, problem: str = "") -> tuple[bytes, bytes]:
    """``ProxyResponse`` and ``Message`` of an AddServer; without a problem it was done."""
    if problem:
        return b"Failure", f"Could not add {_shown(name)}: {plain(problem)}".encode()
    return b"Success", f"Added {_shown(name)}".encode()


def dropped(name: str, problem: str = "Does Not Exist") -> tuple[bytes, bytes]:
    """The same of a DropServer; an empty problem says that it was done."""
    if problem:
        return b"Failure", f"Cannot Drop Server {_shown(name)}, {plain(problem)}".encode()
    return b"Success", f"Dropped {_shown(name)}".encode()


def _shown(name: str) -> str:
    return plain(name[:LONGEST_NAME])

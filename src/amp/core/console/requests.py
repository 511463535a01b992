"""Requests at the control socket: one line of JSON each, one line of JSON back.

``{"command": "pause", "server": "pbx1"}`` and a line feed. Everything that can be asked stands in `COMMANDS`.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args

import attrs
import orjson

from amp.errors import RemoteProtocolError

__all__ = [
    "COMMANDS", "MAX_LINE_BYTES", "Kill", "Pause", "Reconnect", "Reload", "Request", "Resume", "Show",
    "Topic", "read_request",
]  # fmt: skip

MAX_LINE_BYTES: Final = 4096
"""Of a request, its line feed included; the longest that makes sense has 120."""

Topic = Literal["servers", "clients", "sessions", "stats"]


@attrs.frozen
class Show:
    """Tell how things are: one row for each server, client or session, or all counters."""

    what: Topic


@attrs.frozen
class Pause:
    """Refuse clients' actions at a server from now on."""

    server: str


@attrs.frozen
class Resume:
    """End `Pause`."""

    server: str


@attrs.frozen
class Reconnect:
    """Close a server's links and open them anew, at once."""

    server: str


@attrs.frozen
class Kill:
    """Disconnect a client, by its number."""

    client: int


@attrs.frozen
class Reload:
    """Read the configuration again, as at SIGHUP."""


Request = Show | Pause | Resume | Reconnect | Kill | Reload

COMMANDS: Final[Mapping[str, type[Request]]] = {
    "show": Show,
    "pause": Pause,
    "resume": Resume,
    "reconnect": Reconnect,
    "kill": Kill,
    "reload": Reload,
}


def read_request(line: bytes) -> Request:
    """The request of a line, with or without its line feed.

    Raises:
        RemoteProtocolError: it is none; ``reply_hint`` says what was expected.
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise RemoteProtocolError(f'expected {{"command": ...}} in one line, got {line[:40]!r}') from None
    if not isinstance(found, dict):
        raise RemoteProtocolError("expected an object with command")
    kind = COMMANDS.get(name) if isinstance(name := found.pop("command", None), str) else None
    if kind is None:
        raise RemoteProtocolError(f"command: expected one of {', '.join(COMMANDS)}, got {_shown(name)}")
    fields = attrs.fields_dict(kind)
    if unknown := found.keys() - fields.keys():
        raise RemoteProtocolError(f"{name}: no such argument: {_shown(min(unknown))}")
    return kind(**{field: _READ[field](found.get(field)) for field in fields})


def _topic(value: object) -> Any:
    if value in get_args(Topic):
        return value
    raise RemoteProtocolError(f"what: expected one of {', '.join(get_args(Topic))}, got {_shown(value)}")


def _server(value: object) -> Any:
    if isinstance(value, str) and value:
        return value
    raise RemoteProtocolError(f"server: expected its name, got {_shown(value)}")


def _client(value: object) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise RemoteProtocolError(f"client: expected its number, got {_shown(value)}")


_READ: Final[Mapping[str, Callable[[object], Any]]] = {"what": _topic, "server": _server, "client": _client}
"""How each argument is read, by its name."""


def _shown(value: object) -> str:
    return "nothing" if value is None else reprlib.repr(value)[:40]  # however deep it is

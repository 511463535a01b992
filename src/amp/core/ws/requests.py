"""What clients ask by ``amp.v1``: JSON objects, checked before anything else looks at them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

import orjson

from amp.core.ami.frame import Frame, encode
from amp.core.fanout.catchup import Position
from amp.core.http.action_object import read_action_object
from amp.core.ws.globs import glob_problem
from amp.core.ws.selection import MAX_PARTS, Subscription
from amp.errors import LocalProtocolError

__all__ = [
    "Act",
    "BadRequest",
    "Id",
    "Login",
    "Ping",
    "Request",
    "Subscribe",
    "Unsubscribe",
    "read_request",
    "read_subscription",
]

Id = str | int | float | None
"""What a client calls its request; ``None`` where it gave none that could be used."""

MAX_ID: Final = 256
MAX_GLOBS: Final = 64
MAX_CONDITIONS: Final = 8
MAX_NAME: Final = 64
MAX_SEQ: Final = 1 << 62

SIGN_IN: Final = frozenset((b"login", b"challenge"))


class BadRequest(NamedTuple):
    """A request that cannot be understood."""

    id: Id
    message: str


class Login(NamedTuple):
    """Sign in; again means as somebody else."""

    id: Id
    username: str
    secret: str


class Subscribe(NamedTuple):
    """See events.

    Attributes:
        name: of the subscription; one of the same name is replaced.
        what: which ones.
        since: where the client stands, by server; ``None`` for live events only.
        batch: events that come together may come in one message.
    """

    id: Id
    name: str
    what: Subscription
    since: Mapping[bytes, Position] | None
    batch: bool


class Unsubscribe(NamedTuple):
    """See them no more."""

    id: Id
    name: str


class Act(NamedTuple):
    """Have an action done.

    Attributes:
        frame: the action, which can be encoded.
        kind: how it is answered: a sniffer's ``command`` with its output, an ``action`` with its events.
        stream: tell each event as it comes.
    """

    id: Id
    frame: Frame
    kind: Literal["action", "command"]
    stream: bool


class Ping(NamedTuple):
    """Say something."""

    id: Id


Request = Login | Subscribe | Unsubscribe | Act | Ping


class _BadValueError(Exception):
    """What is wrong with a value; for the client."""


class _Fields:
    """The fields of a request, each asked for once."""

    def __init__(self, fields: dict[str, object], where: str = "") -> None:
        self._fields = fields
        self._where = where

    def text(self, name: str, most: int, default: str | None = None) -> str:
        value = self._fields.pop(name, default)
        if not isinstance(value, str):
            raise _BadValueError(f"{self._where}{name}: expected a string")
        if len(value) > most:
            raise _BadValueError(f"{self._where}{name}: expected at most {most} characters, got {len(value)}")
        return value

    def flag(self, name: str) -> bool:
        value = self._fields.pop(name, False)
        if not isinstance(value, bool):
            raise _BadValueError(f"{self._where}{name}: expected true or false")
        return value

    def table(self, name: str) -> dict[str, object] | None:
        value = self._fields.pop(name, None)
        if value is not None and not isinstance(value, dict):
            raise _BadValueError(f"{self._where}{name}: expected an object")
        return value

    def number(self, name: str) -> int:
        value = self._fields.pop(name, None)
        if type(value) is not int or not 0 <= value <= MAX_SEQ:
            raise _BadValueError(f"{self._where}{name}: expected a whole number, 0 or more")
        return value

    def globs(self, name: str) -> frozenset[bytes]:
        return _globs(self._fields.pop(name, []), self._where + name)

    def end(self) -> None:
        """Nothing else may be there: it would be a misspelt wish."""
        if self._fields:
            raise _BadValueError(f"{self._where}{next(iter(self._fields))[:40]}: unknown field")


def read_request(message: str) -> Request | BadRequest:
    """Read one message.

    Args:
        message: a whole text message.
    """
    try:
        found = orjson.loads(message)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        return BadRequest(None, "expected one JSON object")
    name = found.pop("id", None)
    if not _is_id(name):
        return BadRequest(None, f"id: expected a number, or a string of at most {MAX_ID} characters")
    kind = found.pop("type", None)
    reader = READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        return BadRequest(name, f"type: expected one of {', '.join(READERS)}")
    try:
        fields = _Fields(found)
        request = reader(name, fields)
        fields.end()
    except _BadValueError as error:
        return BadRequest(name, str(error))
    return request


def read_subscription(fields: dict[str, object]) -> Subscribe:
    """Read what a ``subscribe`` says, without type and id.

    Raises:
        LocalProtocolError: what is wrong with it, for the client.
    """
    found = _Fields(fields)
    try:
        request = _subscribe(None, found)
        found.end()
    except _BadValueError as error:
        raise LocalProtocolError(str(error)) from None
    return request


def _is_id(name: object) -> bool:
    return (isinstance(name, str) and len(name) <= MAX_ID) or (
        isinstance(name, int | float) and not isinstance(name, bool)
    )


def _login(name: Id, fields: _Fields) -> Login:
    return Login(name, fields.text("username", 512), fields.text("secret", 512))


def _subscribe(name: Id, fields: _Fields) -> Subscribe:
    own = fields.text("sub", MAX_NAME, "")
    conditions = fields.table("where") or {}
    if len(conditions) > MAX_CONDITIONS:
        raise _BadValueError(f"where: expected at most {MAX_CONDITIONS} headers, got {len(conditions)}")
    where = frozenset(
        (_header(header), _globs(globs, f"where.{header[:40]}")) for header, globs in conditions.items()
    )
    events = frozenset(glob.lower() for glob in fields.globs("events"))
    what = Subscription(fields.globs("servers"), events, where)
    if what.parts > MAX_PARTS:
        raise _BadValueError(f"expected globs of at most {MAX_PARTS} parts in all, got {what.parts}")
    return Subscribe(name, own, what, _positions(fields.table("since")), fields.flag("batch"))


def _header(name: str) -> bytes:
    if not name or len(name) > MAX_NAME or ":" in name or not name.isprintable():
        raise _BadValueError("where: expected names of headers")
    return name.lower().encode()


def _positions(found: dict[str, object] | None) -> dict[bytes, Position] | None:
    if found is None:
        return None
    positions = {}
    for server, value in found.items():
        where = f"since.{server[:40]}"
        if not isinstance(value, dict):
            raise _BadValueError(f"{where}: expected an object with epoch and seq")
        fields = _Fields(value, f"{where}.")
        epoch = fields.text("epoch", MAX_NAME)
        if not (epoch.isascii() and epoch.isalnum()):
            raise _BadValueError(f"{where}.epoch: expected letters and digits")
        positions[server.encode()] = Position(epoch.encode(), fields.number("seq"))
        fields.end()
    return positions


def _globs(value: object, where: str) -> frozenset[bytes]:
    """One glob or several."""
    globs = value if isinstance(value, list) else [value]
    if len(globs) > MAX_GLOBS:
        raise _BadValueError(f"{where}: expected at most {MAX_GLOBS} globs, got {len(globs)}")
    found = set()
    for glob in globs:
        if not isinstance(glob, str):
            raise _BadValueError(f"{where}: expected a glob or a list of globs")
        if problem := glob_problem(glob.encode()):
            raise _BadValueError(f"{where}: {problem}")
        found.add(glob.encode())
    return frozenset(found)


def _unsubscribe(name: Id, fields: _Fields) -> Unsubscribe:
    return Unsubscribe(name, fields.text("sub", MAX_NAME, ""))


def _action(name: Id, fields: _Fields) -> Act:
    try:
        frame = read_action_object(fields.table("action"))
    except LocalProtocolError as error:
        raise _BadValueError(str(error)) from None
    if frame.name.strip().lower() in SIGN_IN:
        raise _BadValueError("action.Action: to sign in, send a request of type login")
    return Act(name, frame, "action", fields.flag("stream"))


def _command(name: Id, fields: _Fields) -> Act:
    frame = Frame.of(
        ("Action", "SnifferCommand"),
        ("Server", fields.text("server", 256)),
        ("Command", fields.text("command", 1 << 20)),
    )
    try:
        encode(frame)
    except LocalProtocolError as error:
        raise _BadValueError(f"command: {error}") from None
    return Act(name, frame, "command", stream=False)


def _ping(name: Id, fields: _Fields) -> Ping:
    del fields
    return Ping(name)


READERS: Final[Mapping[str, Callable[[Id, _Fields], Request]]] = {
    "login": _login,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "action": _action,
    "command": _command,
    "ping": _ping,
}
"""By type."""

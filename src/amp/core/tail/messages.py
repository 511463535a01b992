"""What amp says in ``amp.v1`` (docs/websocket.md), as its subscribers see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from amp.errors import RemoteProtocolError

__all__ = ["Answer", "Headers", "TailEvent", "TailGap", "read_message"]

Headers = Mapping[str, str | list[str]]


class TailEvent(NamedTuple):
    """One event.

    Attributes:
        server: whose it is.
        epoch: what its number counts in.
        seq: its number.
        event: its name; ``None`` for the rest of the event before it.
        headers: as the server wrote them; one that repeats is a list.
        unparsed: its lines that are no headers.
    """

    server: str
    epoch: str
    seq: int
    event: str | None
    headers: Headers
    unparsed: tuple[str, ...]

    def as_object(self) -> dict[str, object]:
        """The JSON object of an event that came alone."""
        found: dict[str, object] = {
            "type": "event", "server": self.server, "epoch": self.epoch, "seq": self.seq,
            "event": self.event, "headers": self.headers,
        }  # fmt: skip
        return {**found, "unparsed": self.unparsed} if self.unparsed else found


class TailGap(NamedTuple):
    """Events that the subscriber should have seen and does not get.

    Attributes:
        server: whose they are.
        epoch: what the numbers count in.
        first: the number of the first; ``None`` if that is not known.
        last: of the last.
        reason: why.
        seq: where the subscriber stands behind it; ``None`` if nothing of that server follows.
    """

    server: str
    epoch: str
    first: int | None
    last: int | None
    reason: str
    seq: int | None

    def as_object(self) -> dict[str, object]:
        """The JSON object."""
        return {
            "type": "gap", "server": self.server, "epoch": self.epoch, "from": self.first, "to": self.last,
            "reason": self.reason, "seq": self.seq,
        }  # fmt: skip


class Answer(NamedTuple):
    """An answer to a request.

    Attributes:
        id: of the request.
        code: what went wrong, for programs; empty if nothing did.
        message: the same for people.
        facts: the whole answer.
    """

    id: object
    code: str
    message: str
    facts: Mapping[str, Any]


def read_message(text: str) -> Answer | list[TailEvent | TailGap]:
    """Read one text message; one of a kind that is not known yet is an empty list.

    Raises:
        RemoteProtocolError: that is not ``amp.v1``.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise RemoteProtocolError(f"expected a JSON object, got {text[:40]!r}")
    try:
        match found.get("type"):
            case "event":
                return [_event(found, _text(found, "server"), _text(found, "epoch"))]
            case "events":
                server, epoch = _text(found, "server"), _text(found, "epoch")
                return [_event(one, server, epoch) for one in found["events"]]
            case "gap":
                return [_gap(found)]
            case "response":
                return _answer(found)
    except (KeyError, TypeError, AttributeError):
        raise RemoteProtocolError(f"expected what docs/websocket.md tells, got {text[:40]!r}") from None
    return []


def _event(found: dict[str, Any], server: str, epoch: str) -> TailEvent:
    event, headers, unparsed = found["event"], found["headers"], found.get("unparsed", [])
    if not isinstance(event, str | None) or not all(map(_is_value, headers.values())):
        raise TypeError
    if not all(isinstance(line, str) for line in unparsed):
        raise TypeError
    return TailEvent(server, epoch, _number(found["seq"]), event, headers, tuple(unparsed))


def _gap(found: dict[str, Any]) -> TailGap:
    numbers = [None if found[name] is None else _number(found[name]) for name in ("from", "to", "seq")]
    first, last, seq = numbers
    return TailGap(_text(found, "server"), _text(found, "epoch"), first, last, _text(found, "reason"), seq)


def _answer(found: dict[str, Any]) -> Answer:
    if found["ok"] is True:
        return Answer(found["id"], "", "", found)
    error = found["error"]
    return Answer(found["id"], _text(error, "code") or "internal", _text(error, "message"), found)


def _text(found: dict[str, Any], name: str) -> str:
    value = found[name]
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _is_value(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))

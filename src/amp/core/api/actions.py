"""Actions by ``POST /api/v1/actions``: read from JSON, answered server by server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from amp.core.ami.frame import Frame, encode
from amp.core.http.outcome import FAN_OUT_END
from amp.core.http.undone import undone
from amp.core.ws.event_json import headers_object
from amp.errors import LocalProtocolError

__all__ = ["answers", "read_action"]

SESSION: Final = frozenset((b"login", b"challenge", b"logoff"))


def read_action(found: dict[str, object]) -> Frame:
    """The action of an object: a header for each field; a list is a header that repeats.

    Raises:
        LocalProtocolError: it is none, or cannot be sent.
    """
    named = [name for name in found if name.lower() == "action"]
    action = found.pop(named[0]) if named else None
    if not isinstance(action, str) or not action.strip():
        raise LocalProtocolError("action: expected the headers of an action, Action among them")
    if action.strip().lower().encode() in SESSION:
        raise LocalProtocolError("action.Action: each request signs in by itself, so there is no session")
    headers = [("Action", action)]
    for name, value in found.items():
        headers += [(name, _text(name, one)) for one in (value if isinstance(value, list) else [value])]
    frame = Frame.of(*headers)
    encode(frame)
    return frame


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise LocalProtocolError(f"action.{name[:40]}: expected a string, a whole number, or a list of such")


def answers(frames: Iterable[bytes]) -> list[dict[str, object]]:
    """What each server said, in the order in which they answered.

    Args:
        frames: the whole answer, raw; each frame of a server ends in ``Server: NAME``.
    """
    by_server: dict[bytes, list[bytes]] = {}
    for raw in frames:
        frame = Frame.parse(raw)
        if frame.name != FAN_OUT_END:
            by_server.setdefault(frame.headers[-1][1] if _names_server(frame) else b"", []).append(raw)
    return [_answer(server, some) for server, some in by_server.items()]


def _names_server(frame: Frame) -> bool:
    return bool(frame.headers) and frame.headers[-1][0] == b"Server"


def _answer(server: bytes, frames: list[bytes]) -> dict[str, object]:
    why = undone(frames)
    ending = b"\r\nServer: " + server if server else b""
    read = [headers_object(raw.removesuffix(ending)) for raw in frames]
    unparsed = [line for _, lines in read for line in lines]
    return {
        "server": server.decode("utf-8", "replace") or None,
        "response": read[0][0],
        "events": [headers for headers, _ in read[1:]],
        "complete": why is None,
        "error": None if why is None else {"code": why.code, "message": why.message},
        **({"unparsed": unparsed} if unparsed else {}),
    }

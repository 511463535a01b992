"""Actions by ``POST /api/v1/actions``: read from JSON, answered server by server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from amp.core.ami.frame import Frame
from amp.core.http.action_object import read_action_object
from amp.core.http.outcome import FAN_OUT_END
from amp.core.http.undone import undone
from amp.core.ws.event_json import headers_object
from amp.errors import LocalProtocolError

__all__ = ["answers", "read_action"]

SESSION: Final = frozenset((b"login", b"challenge", b"logoff"))


def read_action(found: dict[str, object]) -> Frame:
    """The action of an object, see `read_action_object`.

    Raises:
        LocalProtocolError: it is none, cannot be sent, or is about a session.
    """
    frame = read_action_object(found)
    if frame.name.strip().lower() in SESSION:
        raise LocalProtocolError("action.Action: each request signs in by itself, so there is no session")
    return frame


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

"""Actions by ``POST /api/v1/actions``: read from JSON, answered server by server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from amp.core.ami.frame import Frame, encode
from amp.core.formats.lines import headers_of, text_of
from amp.core.http.outcome import FAN_OUT_END, LIST_ERROR, status_of
from amp.errors import LocalProtocolError

__all__ = ["Code", "answers", "headers_object", "problem_of", "read_action"]

Code = Literal[
    "bad_request", "not_signed_in", "not_permitted", "unknown_server", "server_down", "not_sent",
    "outcome_unknown",
]  # fmt: skip
"""What went wrong with an action, for programs."""

CODES: Final[dict[int, Code]] = {
    400: "bad_request",
    401: "not_signed_in",
    403: "not_permitted",
    404: "unknown_server",
    502: "not_sent",
    504: "outcome_unknown",
}
UNKNOWN_ACTION: Final = (b"Invalid/unknown command", b"Invalid Proxy Action")
DOWN: Final = b" is down"
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


def headers_object(raw: bytes) -> dict[str, str | list[str]]:
    """The headers of a raw frame; repeats are lists in order, lines that are none stand in ``unparsed``."""
    found: dict[str, list[str]] = {}
    for name, value in headers_of(text_of(raw)):
        found.setdefault(name or "unparsed", []).append(value)
    return {
        name: values[0] if len(values) == 1 and name != "unparsed" else values
        for name, values in found.items()
    }


def problem_of(frames: Sequence[bytes]) -> tuple[int, Code, str] | None:
    """Why amp did not have an action done: status, code and sentence; ``None`` if a server answered."""
    status = status_of(frames)
    if status not in CODES:
        return None
    frame = Frame.parse(frames[-1] if frames[-1].startswith(b"Event: " + LIST_ERROR) else frames[0])
    code, message = CODES[status], frame.get(b"Message") or b""
    if message.startswith(UNKNOWN_ACTION):
        status, code = 400, "bad_request"
    elif code == "not_sent" and DOWN in message:
        code = "server_down"
    return status, code, message.decode("utf-8", "replace")


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
    problem = problem_of(frames)
    said: dict[str, object] = {"server": server.decode("utf-8", "replace") or None}
    said["response"] = _without_server(frames[0], server)
    said["events"] = [_without_server(raw, server) for raw in frames[1:]]
    said["complete"] = problem is None
    said["error"] = None if problem is None else {"code": problem[1], "message": problem[2]}
    return said


def _without_server(raw: bytes, server: bytes) -> dict[str, str | list[str]]:
    return headers_object(raw.removesuffix(b"\r\nServer: " + server) if server else raw)

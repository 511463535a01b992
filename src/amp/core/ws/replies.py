"""What is answered by ``amp.v1``: JSON objects, each with the id of its request."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

import orjson

from amp.core.ami.frame import Frame
from amp.core.fanout.catchup import Position
from amp.core.http.undone import undone
from amp.core.ws.event_json import headers_object
from amp.core.ws.requests import Id

__all__ = ["Code", "action_done", "command_done", "done", "failed", "item", "positions_object"]

Code = Literal[
    "bad_request", "not_signed_in", "login_failed", "not_permitted", "unknown_server", "server_down",
    "not_sent", "outcome_unknown", "too_many", "too_large", "timeout", "internal",
]  # fmt: skip
"""What went wrong, for programs."""

NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


def done(name: Id, **facts: object) -> bytes:
    """It worked."""
    return orjson.dumps({"type": "response", "id": name, "ok": True, **facts})


def failed(name: Id, code: Code, message: str, facts: Mapping[str, object] = NOTHING) -> bytes:
    """It did not, and why."""
    error = {"code": code, "message": message}
    return orjson.dumps({"type": "response", "id": name, "ok": False, "error": error, **facts})


def item(name: Id, frame: bytes) -> bytes:
    """One event of an answer that is streamed."""
    headers, unparsed = headers_object(frame)
    return orjson.dumps({"type": "item", "id": name, "headers": headers, **_rest(unparsed)})


def action_done(name: Id, frames: Sequence[bytes], *, streamed: bool) -> bytes:
    """The whole answer to an action: what the server said of it, be that an error, is ``ok``.

    Args:
        frames: raw, at least one; the first is the response.
        streamed: the events were told before, one by one.
    """
    read = [headers_object(frame) for frame in (frames[:1] if streamed else frames)]
    facts: dict[str, object] = {
        "response": read[0][0], **_rest([line for _, lines in read for line in lines])
    }  # fmt: skip
    if server := Frame.parse(frames[0]).get(b"Server"):
        facts["server"] = server.decode("utf-8", "replace")
    if problem := _problem(frames):
        return failed(name, *problem, facts)
    if not streamed:
        facts["events"] = [headers for headers, _ in read[1:]]
    return done(name, **facts, complete=True)


def command_done(name: Id, frames: Sequence[bytes]) -> bytes:
    """The answer of a sniffer: its output as text, or as base64 where it is none."""
    answer = Frame.parse(frames[0])
    server = (answer.get(b"Server") or b"").decode("utf-8", "replace")
    if answer.name != b"Success":
        code, message = _problem(frames) or ("not_sent", _message(answer))
        return failed(name, code, message, {"server": server} if server else NOTHING)
    lines = [value for header, value in answer.headers if header == b"Output"]
    if answer.get(b"Encoding") == b"base64":
        data = base64.b64encode(base64.b64decode(b"".join(lines)))
        return done(name, server=server, output_base64=data.decode())
    return done(name, server=server, output=b"\n".join(lines).decode("utf-8", "replace"))


def positions_object(positions: Mapping[bytes, Position]) -> dict[str, dict[str, object]]:
    """Positions as clients give them back in ``since``."""
    return {
        server.decode("utf-8", "replace"): {"epoch": epoch.decode(), "seq": seq}
        for server, (epoch, seq) in positions.items()
    }


def _problem(frames: Sequence[bytes]) -> tuple[Code, str] | None:
    """Why amp did not have it done, if so. Whoever acts has signed in: it is another login that failed."""
    why = undone(frames)
    if why is None:
        return None
    return "login_failed" if why.code == "not_signed_in" else why.code, why.message


def _rest(unparsed: Sequence[str]) -> dict[str, object]:
    """Lines that are no headers, where there are some."""
    return {"unparsed": unparsed} if unparsed else {}


def _message(frame: Frame) -> str:
    return (frame.get(b"Message") or b"no answer").decode("utf-8", "replace")

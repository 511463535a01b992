"""Replies at the control socket: an object in one line, its ``rows`` perhaps written piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import orjson

__all__ = ["CLOSING", "OPENING", "Code", "done", "failed", "is_done", "rows"]

Code = Literal["bad_request", "unknown_server", "unknown_client", "refused", "failed", "too_many", "internal"]
"""What went wrong, for programs."""

OPENING: Final = b'{"ok":true,"rows":['
"""Begins a reply with rows; then come pieces of `rows`, a comma between any two, and `CLOSING`."""
CLOSING: Final = b"]}\n"


def done(**facts: object) -> bytes:
    """It was done."""
    return orjson.dumps({"ok": True, **facts}) + b"\n"


def failed(code: Code, message: str, problems: Iterable[str] = ()) -> bytes:
    """It was not done.

    Args:
        message: one sentence.
        problems: more to know, one a line.
    """
    error: dict[str, object] = {"code": code, "message": message}
    if several := list(problems):
        error["problems"] = several
    return orjson.dumps({"ok": False, "error": error}) + b"\n"


def is_done(reply: bytes) -> bool:
    """Whether a reply, or its first piece, says that it was done."""
    return reply.startswith(b'{"ok":true')


def rows(some: list[dict[str, object]]) -> bytes:
    """A few rows as they stand between `OPENING` and `CLOSING`."""
    return orjson.dumps(some)[1:-1]

"""Which status tells a program what became of an action, whatever format the answer is in.

What an Asterisk itself answered is 200, also if that is an error: HTTP has worked. The others are for what
never came so far, and tell who asks whether to ask again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from amp.core.ami.door import AUTHENTICATION_FAILED
from amp.core.ami.frame import Frame

__all__ = ["FAN_OUT_END", "LIST_ERROR", "status_of"]

FAN_OUT_END: Final = b"ProxyFanoutComplete"
LIST_ERROR: Final = b"ProxyListError"

BEGINNINGS: Final = (
    (b"Permission denied", 403),
    (AUTHENTICATION_FAILED.encode(), 401),
    (b"Invalid/unknown command", 404),
    (b"Invalid Proxy Action", 404),
    (b"Missing action in request", 400),
    (b"Failed to parse message", 400),
    (b"Outcome unknown: ", 504),
)
"""How the Message of an error begins, in Asterisk's words or amp's own, and what that is."""

NOT_SENT: Final = b"Not sent: "


def status_of(frames: Sequence[bytes]) -> int:
    """The status for the whole answer to one action.

    - 401, 403: it was refused, 404: no such action or server.
    - 502: it was not sent, since its server is down or busy; asking again is safe.
    - 504: it was sent and its answer did not come (whole); nobody knows whether it was done.
    - 200: everything else. An action for several servers is 200 if any of them answered.

    Args:
        frames: raw, without blank lines; at least one.
    """
    last = Frame.parse(frames[-1])
    if last.name == FAN_OUT_END and (last.get(b"Answers"), last.get(b"Errors")) != (b"0", b"0"):
        return 200
    if last.name == LIST_ERROR:
        return _status(last)
    first = Frame.parse(frames[0])
    is_error = bool(first.headers) and first.headers[0][0] in (b"Response", b"ProxyResponse")
    return _status(first) if is_error and first.name in (b"Error", b"Failure") else 200


def _status(frame: Frame) -> int:
    message = frame.get(b"Message") or b""
    if message.startswith(NOT_SENT):
        return 404 if frame.get(b"Server") is None else 502
    return next((status for beginning, status in BEGINNINGS if message.startswith(beginning)), 200)

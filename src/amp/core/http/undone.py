"""Why amp did not have an action done: what the HTTP API and WebSockets tell programs of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from amp.core.ami.frame import Frame
from amp.core.http.outcome import LIST_ERROR, status_of

__all__ = ["Undone", "UndoneCode", "undone"]

UndoneCode = Literal[
    "bad_request", "not_signed_in", "not_permitted", "unknown_server", "server_down", "not_sent",
    "outcome_unknown",
]  # fmt: skip
"""What went wrong with an action, for programs."""

CODES: Final[dict[int, UndoneCode]] = {
    400: "bad_request",
    401: "not_signed_in",
    403: "not_permitted",
    404: "unknown_server",
    502: "not_sent",
    504: "outcome_unknown",
}
"""By the status of the whole answer."""

UNKNOWN_ACTION: Final = (b"Invalid/unknown command", b"Invalid Proxy Action")
DOWN: Final = b" is down"


class Undone(NamedTuple):
    """What went wrong.

    Attributes:
        status: of HTTP.
        code: for programs.
        message: for people, in amp's words.
    """

    status: int
    code: UndoneCode
    message: str


def undone(frames: Sequence[bytes]) -> Undone | None:
    """Why amp did not have an action done, or not to its end.

    Args:
        frames: the whole answer, raw, without blank lines; at least one.

    Returns:
        ``None`` if a server answered, be it with an error.
    """
    status = status_of(frames)
    code = CODES.get(status)
    if code is None:
        return None
    frame = Frame.parse(frames[-1] if frames[-1].startswith(b"Event: " + LIST_ERROR) else frames[0])
    message = frame.get(b"Message") or b""
    if message.startswith(UNKNOWN_ACTION):
        status, code = 400, "bad_request"
    elif code == "not_sent" and DOWN in message:
        code = "server_down"
    return Undone(status, code, message.decode("utf-8", "replace"))

"""Actions as JSON objects: what the HTTP API and WebSockets take from programs."""

from __future__ import annotations

from typing import Final

from amp.core.ami.frame import Frame, encode
from amp.errors import LocalProtocolError

__all__ = ["read_action_object"]

FIRST: Final = ("Action", "ProxyAction")
"""One of them makes an object an action, as a block on TCP. The former counts before the latter."""


def read_action_object(found: object) -> Frame:
    """The action of an object: a header for each field; a list is a header that repeats.

    Args:
        found: what a program sent; the case of names does not count. Its fields keep their order, but for
            ``Action``, or ``ProxyAction`` where there is no such field, which comes first.

    Raises:
        LocalProtocolError: it is no action, or cannot be sent; for the program, beginning with ``action``.
    """
    fields = dict(found) if isinstance(found, dict) else {}
    headers = [_first(fields)]
    for name, value in fields.items():
        headers += [(name, _text(name, one)) for one in (value if isinstance(value, list) else [value])]
    frame = Frame.of(*headers)
    try:
        encode(frame)
    except LocalProtocolError as error:
        raise LocalProtocolError(f"action: {error}") from None
    return frame


def _first(fields: dict[str, object]) -> tuple[str, str]:
    """Take out the field that says what is to be done."""
    for first in FIRST:
        named = next((name for name in fields if name.lower() == first.lower()), None)
        if named is not None:
            what = fields.pop(named)
            if isinstance(what, str) and what.strip():
                return first, what
            break
    raise LocalProtocolError("action: expected an object with the headers of an action, Action among them")


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise LocalProtocolError(f"action.{name[:40]}: expected a string, a whole number, or a list of such")

"""JSON objects of requests, read field by field; what is wrong is named."""

from __future__ import annotations

from typing import Final

import orjson

from amp.core.http.message import Request
from amp.errors import LocalProtocolError

__all__ = ["Fields", "read_object"]

LEAST_S: Final = 0.1
"""Nothing could be answered in less."""


class Fields:
    """The fields of one object, each asked for once.

    Every method raises LocalProtocolError if the field is not what it should be.
    """

    def __init__(self, found: dict[str, object]) -> None:
        self._found = found

    def text(self, name: str) -> str:
        """A string, which must be there."""
        value = self._found.pop(name, None)
        if not isinstance(value, str):
            raise LocalProtocolError(f"{name}: expected a string")
        return value

    def table(self, name: str) -> dict[str, object]:
        """An object, which must be there."""
        value = self._found.pop(name, None)
        if not isinstance(value, dict):
            raise LocalProtocolError(f"{name}: expected an object")
        return value

    def seconds(self, name: str, most: float) -> float:
        """A number of seconds; ``most`` if it is not there."""
        value = self._found.pop(name, most)
        if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_S <= value <= most:
            raise LocalProtocolError(f"{name}: expected seconds, {LEAST_S:g} to {most:g}")
        return float(value)

    def end(self) -> None:
        """Nothing else may be there: it would be a misspelt wish."""
        if self._found:
            raise LocalProtocolError(f"{next(iter(self._found))[:40]!r}: unknown field")


def read_object(request: Request) -> Fields:
    """The object that a request sends.

    It must say that it is JSON: a page of somebody else's cannot make a browser send that unasked.

    Raises:
        LocalProtocolError: it is something else.
    """
    if request.media_type() != b"application/json":
        raise LocalProtocolError("expected a body of type application/json")
    try:
        found = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise LocalProtocolError("expected one JSON object as body")
    return Fields(found)

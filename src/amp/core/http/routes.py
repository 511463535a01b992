"""The route table: which handler answers which method and path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Generic, TypeVar

import attrs

__all__ = ["Found", "Route", "Routes"]

HandlerT = TypeVar("HandlerT")

PLACE: Final = re.compile(r"\{([a-z_]+)(:path)?\}")
KNOWN_METHODS: Final = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "TRACE")
)


@attrs.frozen
class Route(Generic[HandlerT]):
    """A row: what it answers, and who."""

    method: str
    pattern: str
    handler: HandlerT
    _expression: re.Pattern[str]

    def match(self, path: str) -> dict[str, str] | None:
        """What stands in the pattern's places, or ``None`` if this is another path."""
        found = self._expression.fullmatch(path)
        return found.groupdict() if found else None


@attrs.frozen
class Found(Generic[HandlerT]):
    """What the table says.

    Attributes:
        status: 200, or 404, 405 or 501 without a handler.
        handler: who answers; ``None`` if nobody does.
        arguments: what stands in the places of the pattern.
        allow: the methods of that path, sorted; for OPTIONS and 405.
    """

    status: int
    handler: HandlerT | None = None
    arguments: dict[str, str] = attrs.field(factory=dict)
    allow: tuple[str, ...] = ()


class Routes(Generic[HandlerT]):
    """The table. Whoever has something to offer adds its rows before the first request comes."""

    def __init__(self) -> None:
        self._rows: list[Route[HandlerT]] = []

    @property
    def rows(self) -> tuple[Route[HandlerT], ...]:
        """All of them, in order."""
        return tuple(self._rows)

    def add(self, methods: str | Iterable[str], pattern: str, handler: HandlerT) -> None:
        """Add a row for each method. Earlier rows win; GET also answers HEAD.

        Args:
            methods: one, or several.
            pattern: a path; ``{name}`` stands for one segment of it, ``{name:path}`` for any rest.
            handler: whoever answers.

        Raises:
            ValueError: no such method, or the pattern does not begin with ``/``.
        """
        if not pattern.startswith("/"):
            raise ValueError(f"expected a pattern that begins with '/', got {pattern!r}")
        expression = _expression(pattern)
        for method in (methods,) if isinstance(methods, str) else methods:
            if method not in KNOWN_METHODS:
                raise ValueError(f"expected one of {sorted(KNOWN_METHODS)}, got {method!r}")
            self._rows.append(Route(method, pattern, handler, expression))

    def find(self, method: str, path: str) -> Found[HandlerT]:
        """Who answers a request."""
        if method not in KNOWN_METHODS:
            return Found(501)
        wanted = "GET" if method == "HEAD" else method
        here = [(row, found) for row in self._rows if (found := row.match(path)) is not None]
        for row, arguments in here:
            if row.method in (method, wanted):
                return Found(200, row.handler, arguments)
        if not here:
            return Found(404)
        methods = {row.method for row, _ in here}
        methods |= {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        return Found(405, allow=tuple(sorted(methods)))


def _expression(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    end = 0
    for place in PLACE.finditer(pattern):
        parts.append(re.escape(pattern[end : place.start()]))
        parts.append(f"(?P<{place[1]}>{'.*' if place[2] else '[^/]+'})")
        end = place.end()
    return re.compile("".join(parts) + re.escape(pattern[end:]), re.DOTALL)

"""The formats that work, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from amp.core.formats.csv import CSV
from amp.core.formats.format import Format
from amp.core.formats.http_form import HTTP_FORM
from amp.core.formats.json import JSON
from amp.core.formats.standard import STANDARD
from amp.core.formats.xml import XML

__all__ = ["BUILT_IN", "GROUP", "Formats"]

GROUP: Final = "amp.formats"
"""The entry point group that plug-ins register in; `amp.config.formats` looks it up."""

BUILT_IN: Final = (STANDARD, XML, CSV, JSON, HTTP_FORM)


class Formats:
    """A set of formats with different names.

    Args:
        formats: in the order in which they are listed to clients.

    Raises:
        ValueError: two have the same name, or something is no `Format`.
    """

    def __init__(self, formats: Iterable[Format] = BUILT_IN) -> None:
        self._by_name: dict[str, Format] = {}
        for one in formats:
            if not isinstance(one, Format):
                raise ValueError(f"expected a Format, got {type(one).__name__}")
            if one.name in self._by_name:
                raise ValueError(f"there is a format {one.name!r} already")
            self._by_name[one.name] = one

    def __iter__(self) -> Iterator[Format]:
        return iter(self._by_name.values())

    @property
    def inputs(self) -> tuple[Format, ...]:
        """Those that read."""
        return tuple(one for one in self._by_name.values() if one.reader is not None)

    @property
    def outputs(self) -> tuple[Format, ...]:
        """Those that write."""
        return tuple(one for one in self._by_name.values() if one.render is not None)

    @property
    def streams(self) -> tuple[Format, ...]:
        """Those that read connections."""
        return tuple(one for one in self.inputs if one.streams)

    def input(self, name: str) -> Format | None:
        """The format of that name that reads, its case not counting."""
        return next((one for one in self.inputs if one.name == name.lower()), None)

    def stream(self, name: str) -> Format | None:
        """The same, if it reads connections."""
        return next((one for one in self.streams if one.name == name.lower()), None)

    def output(self, name: str) -> Format | None:
        """The format of that name that writes, its case not counting."""
        return next((one for one in self.outputs if one.name == name.lower()), None)

    def has(self, one: object) -> bool:
        """Whether this very format is among them."""
        return any(one is known for known in self._by_name.values())

    def with_format(self, one: Format) -> Formats:
        """The same set and one more.

        Raises:
            ValueError: as above.
        """
        return Formats((*self._by_name.values(), one))

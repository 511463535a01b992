"""The formats that are installed: amp's own, and those that other packages bring by entry points."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final, Literal

import attrs

from amp.config.rules import check_choice, check_type

if TYPE_CHECKING:
    from amp.core.formats.registry import Formats

__all__ = ["FormatName", "installed", "installed_formats"]


LONGEST_TEXT: Final = 200
"""Characters of what a plug-in says about its own failure; the traceback of an import may be in it."""


def installed_formats(found: Iterable[EntryPoint] | None = None) -> tuple[Formats, tuple[str, ...]]:
    """Load every format of the group ``amp.formats``.

    Args:
        found: the entry points; those of all installed packages if not given.

    Returns:
        The formats, amp's own first, and one sentence for each plug-in that cannot be used. A plug-in that
        is broken, or that takes the name of another format, must not keep amp from starting.
    """
    from amp.core.formats.registry import GROUP, Formats  # with orjson: not for a file that names no format

    formats, problems = Formats(), []
    for point in sorted(entry_points(group=GROUP) if found is None else found):
        try:
            one = point.load()
            if not formats.has(one):
                formats = formats.with_format(one)
        except Exception as error:  # whatever somebody else's module does when it is imported
            package = point.dist.name if point.dist else "an unknown package"
            text = " ".join(str(error)[:LONGEST_TEXT].split())
            problems.append(f"format {point.name} of {package}: {type(error).__name__}: {text}")
    return formats, tuple(problems)


@cache
def installed() -> tuple[Formats, tuple[str, ...]]:
    """The same, looked up once: what is installed later is there after the next start."""
    return installed_formats()


@attrs.frozen
class FormatName:
    """The name of a format that is installed. See `amp.config.rules.Rule`."""

    direction: Literal["input", "output"]

    def read(self, value: object) -> str:
        """The name as it is."""
        formats, unusable = installed()
        reads = self.direction == "input"
        if reads and check_type(value, str) in {one.name for one in formats.inputs if not one.streams}:
            raise ValueError(f"expected a format of connections; {value} is one of HTTP requests")
        names = [one.name for one in (formats.streams if reads else formats.outputs)]
        if value not in names and (
            why := [text for text in unusable if text.startswith(f"format {value} of ")]
        ):
            raise ValueError(f"expected one that can be used: {'; '.join(why)}")
        return check_choice(value, names)

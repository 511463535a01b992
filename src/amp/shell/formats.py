"""The formats that are installed: amp's own, and those that other packages bring by entry points."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from amp.core.formats.registry import GROUP, Formats

__all__ = ["installed_formats"]


def installed_formats(found: Iterable[EntryPoint] | None = None) -> tuple[Formats, tuple[str, ...]]:
    """Load every format of the group ``amp.formats``.

    Args:
        found: the entry points; those of all installed packages if not given.

    Returns:
        The formats, amp's own first, and one sentence for each plug-in that cannot be used. A plug-in that
        is broken, or that takes the name of another format, must not keep amp from starting.
    """
    formats, problems = Formats(), []
    for point in sorted(entry_points(group=GROUP) if found is None else found):
        try:
            one = point.load()
            if not formats.has(one):
                formats = formats.with_format(one)
        except Exception as error:  # whatever somebody else's module does when it is imported
            package = point.dist.name if point.dist else "an unknown package"
            problems.append(f"format {point.name} of {package}: {type(error).__name__}: {error}")
    return formats, tuple(problems)

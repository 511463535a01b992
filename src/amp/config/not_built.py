"""Keys and values of later work: recognised, and answered with "not built yet".

Who builds one deletes its row here and adds the field to `amp.config.schema`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

__all__ = [
    "NOT_BUILT_KEYS",
    "NOT_BUILT_VALUES",
    "OMITTED",
    "as_toml",
    "take_out_not_built",
]

NOT_BUILT_KEYS: Final[Mapping[tuple[str, str], str | int | None]] = {
    # (section, key): the one value that works today, or None if there is none
    ("user", "autofilter"): "unique",
}

NOT_BUILT_VALUES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("user", "read"): ("admin",),
}


class Omitted(enum.Enum):
    """Stands in an array for an element of later work: the others keep their places in error paths."""

    OMITTED = "omitted"


OMITTED: Final = Omitted.OMITTED


def take_out_not_built(data: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Split a parsed file into what can work today and what is not built yet.

    Returns:
        A copy without the rows of the tables above (`OMITTED` in the place of an array's element), and
        one problem for each that was set to something else than what works today. A ``[[server]]`` of
        a kind that is not built goes as a whole: its keys are of later work, too.
    """
    kept: dict[str, object] = {}
    problems: list[str] = []
    for section, value in data.items():
        if isinstance(value, list):
            kept[section] = [
                _item(section, f"{section}[{i}]", item, problems) for i, item in enumerate(value)
            ]
        else:
            kept[section] = _item(section, section, value, problems)
    return kept, problems


def _item(section: str, path: str, value: object, problems: list[str]) -> object:
    if not isinstance(value, dict):
        return value
    if value.get("kind") in NOT_BUILT_VALUES.get((section, "kind"), ()):
        problems.append(f"{path}.kind: {value['kind']!r} is not built yet")
        return OMITTED
    kept: dict[str, object] = {}
    for key, setting in value.items():
        if (section, key) in NOT_BUILT_KEYS:
            problems += _key_problem(f"{path}.{key}", NOT_BUILT_KEYS[section, key], setting)
        else:
            later = NOT_BUILT_VALUES.get((section, key), ())
            kept[key] = _without_later(f"{path}.{key}", later, setting, problems)
    return kept


def _key_problem(path: str, works: str | int | None, value: object) -> list[str]:
    if works is None:
        return [f"{path}: not built yet"]
    if type(value) is type(works) and value == works:
        return []
    return [f"{path}: not built yet (only {as_toml(works)} works)"]


def as_toml(value: str | int) -> str:
    """A plain value as TOML writes it, in single quotes as in the rest of amp's error texts."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _without_later(path: str, later: tuple[str, ...], value: object, problems: list[str]) -> object:
    if not isinstance(value, list) or not later:
        return value
    kept: list[object] = list(value)
    for index, item in enumerate(value):
        if isinstance(item, str) and item in later:
            problems.append(f"{path}[{index}]: {item!r} is not built yet")
            kept[index] = OMITTED
    return kept

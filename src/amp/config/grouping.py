"""What several users have wrong in the same words is told once: a list of all rights is long enough once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["grouped"]

OF_USER: Final = re.compile(r"(user\[(\d+)\][^:]*): (.*)")
LONGEST_NAME: Final = 40


def grouped(problems: Iterable[str], data: Mapping[str, object]) -> list[str]:
    """The problems, in order; the same one of several ``[[user]]`` becomes one that names them all.

    Args:
        problems: one sentence each, beginning with the path of the key.
        data: the parsed file, for the users' names.
    """
    places: dict[str, list[tuple[str, int]]] = {}
    for problem in problems:
        found = OF_USER.fullmatch(problem)
        if found is None:
            places[problem] = []
        else:
            places.setdefault(found[3], []).append((found[1], int(found[2])))
    return [_sentence(text, where, data) for text, where in places.items()]


def _sentence(text: str, where: list[tuple[str, int]], data: Mapping[str, object]) -> str:
    if len(where) <= 1:
        return f"{where[0][0]}: {text}" if where else text
    return f"{', '.join(f'{path}{_name(index, data)}' for path, index in where)}: {text}"


def _name(index: int, data: Mapping[str, object]) -> str:
    users = data.get("user")
    user = users[index] if isinstance(users, list) and index < len(users) else None
    name = user.get("name") if isinstance(user, dict) else None
    if isinstance(name, str) and name.isprintable() and 0 < len(name) <= LONGEST_NAME:
        return f" ({name})"
    return ""

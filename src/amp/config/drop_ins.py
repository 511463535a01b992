"""``servers.d/`` beside the configuration: servers in files of their own, such as those that AddServer saved.

Every ``*.toml`` there holds ``[[server]]`` tables and nothing else; they follow those of the configuration,
in the order of the files' names. Relative paths in them count from the configuration's folder, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import attrs
import tomli_w

from amp.config.files import sync_folder, write_whole
from amp.config.source import read_toml

__all__ = ["FOLDER", "DropIns", "Merged", "merged"]

FOLDER: Final = "servers.d"
MOST_FILES: Final = 10_000
PLACE: Final = re.compile(r"\bserver\[([0-9]+)\]")

ProblemsOf = Callable[[Mapping[str, object]], list[str]]


@attrs.frozen
class Merged:
    """A configuration with its drop-ins.

    Attributes:
        data: plain values, as if all stood in one file.
        problems: why a drop-in could not be read; each begins with its name.
        origins: for each ``[[server]]`` of a drop-in, by its number in ``data``: file and number there.
    """

    data: dict[str, object]
    problems: list[str] = attrs.field(factory=list)
    origins: dict[int, tuple[str, int]] = attrs.field(factory=dict)

    def placed(self, problem: str) -> str:
        """The text of a problem with the places of drop-ins as people find them."""
        return PLACE.sub(self._place, problem)

    def _place(self, found: re.Match[str]) -> str:
        origin = self.origins.get(int(found[1]))
        return f"{origin[0]}: server[{origin[1]}]" if origin else found[0]


def merged(data: Mapping[str, object], folder: Path, without: str = "") -> Merged:
    """The values of a configuration together with those of the drop-ins beside it.

    Args:
        data: what stands in the configuration itself.
        folder: where it is.
        without: the name of a file that is passed over.
    """
    own = data.get("server", [])
    if not isinstance(own, list):  # others tell of it
        return Merged(dict(data))
    servers: list[object] = list(own)
    found = Merged(dict(data))
    try:
        paths = sorted(path for path in (folder / FOLDER).glob("*.toml") if path.name[0] != ".")
    except OSError as error:
        found.problems.append(f"{FOLDER}: cannot read: {error.strerror}")
        paths = []
    if len(paths) > MOST_FILES:
        found.problems.append(f"{FOLDER}: more than {MOST_FILES} files")
        paths = []
    for path in paths:
        if path.name == without:
            continue
        name = f"{FOLDER}/{path.name}"
        tables, problem = _servers_in(path)
        found.problems.extend([f"{name}: {problem}"] if problem else [])
        found.origins.update({len(servers) + at: (name, at) for at in range(len(tables))})
        servers += tables
    if servers or "server" in data:
        found.data["server"] = servers
    return found


def _servers_in(path: Path) -> tuple[list[object], str]:
    if not path.is_file():
        return [], "cannot read: not a regular file"
    data, problems = read_toml(path)
    if problems:
        return [], problems[0]
    servers = data.pop("server", None)
    if data or not isinstance(servers, list):
        return [], "expected [[server]] and nothing else"
    return servers, ""


@attrs.frozen
class DropIns:
    """Where AddServer and DropServer with ``Save: true`` write.

    Attributes:
        config: the configuration that they are beside.
    """

    config: Path

    def save(self, table: Mapping[str, object], problems_of: ProblemsOf) -> str:
        """Keep a server for the next start, in a file of its own that only its owner can read.

        Args:
            table: a ``[[server]]`` that was checked, with its secret as it was given.
            problems_of: tells what is wrong with a whole configuration, see `amp.config.checks`.

        Returns:
            Why it was not saved, ``""`` if it was. The file is there as a whole or not at all.
        """
        path = self.path_of(str(table["name"]))
        if problem := self._in_the_way(path, table, problems_of):
            return problem
        return _write(path, tomli_w.dumps({"server": [dict(table)]}).encode())

    def remove(self, name: str) -> str:
        """See to it that a server is not there at the next start.

        Returns:
            Why that is not in amp's hands, ``""`` if it is done.
        """
        own = self.path_of(name)
        data, problems = read_toml(self.config)
        if problems:
            return f"cannot read {self.config.name}: {problems[0]}"
        if name in _names(data):
            return f"it stands in {self.config.name}; take it out there"
        rest = merged({}, self.config.parent, without=own.name)
        for index, (place, _) in rest.origins.items():
            if name in _names({"server": [_servers(rest.data)[index]]}):
                return f"it stands in {place}; take it out there"
        return self._unlink(own, name)

    def path_of(self, name: str) -> Path:
        """The file of a server: its name, with everything that means something to a path as ``%2F`` or so."""
        text = quote(name, safe="")
        return self.config.parent / FOLDER / (("%2E" + text[1:] if text[0] == "." else text) + ".toml")

    def _in_the_way(self, path: Path, table: Mapping[str, object], problems_of: ProblemsOf) -> str:
        """What the next start would say of it; else it would not start."""
        data, problems = read_toml(self.config)
        if problems:
            return f"cannot read {self.config.name}: {problems[0]}"
        there = merged(data, self.config.parent, without=path.name)
        if there.problems:
            return there.problems[0]
        own, problem = _servers_in(path) if os.path.lexists(path) else ([], "")
        if problem or len(own) > 1:
            return f"{FOLDER}/{path.name} is there already, and is not this server's"
        servers = _servers(there.data)
        whole = {**there.data, "server": [*servers, dict(table)]}
        place = f"server[{len(servers)}]"
        for problem in problems_of(whole):
            if place in problem:
                return f"it would clash at the next start: {there.placed(problem.replace(place, 'it'))}"
        return ""

    def _unlink(self, path: Path, name: str) -> str:
        if not os.path.lexists(path):
            return ""
        tables, problem = _servers_in(path)
        if problem or _names({"server": tables}) != [name]:
            return f"{FOLDER}/{path.name} holds something else; take it out there"
        try:
            path.unlink()
            sync_folder(path.parent)
        except OSError as error:
            return f"cannot remove {FOLDER}/{path.name}: {error.strerror}"
        return ""


def _servers(data: Mapping[str, object]) -> list[object]:
    servers = data.get("server", [])
    return servers if isinstance(servers, list) else []


def _names(data: Mapping[str, object]) -> list[object]:
    return [table.get("name") for table in _servers(data) if isinstance(table, dict)]


def _write(path: Path, data: bytes) -> str:
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, data, 0o600)
    except OSError as error:
        return f"cannot write {FOLDER}/{path.name}: {error.strerror}"
    return ""

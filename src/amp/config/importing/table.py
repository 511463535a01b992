"""A table of the TOML that comes out: settings where amp takes them, comments where it does not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import tomli_w

from amp.config.secret import SecretReader
from amp.config.structure import structure

__all__ = ["Element", "Imported", "Table", "Value", "render", "setting_lines", "toml"]

Value = str | int | bool | list[str]
Element = tuple[str, str]
"""An element of an array, and what to say behind it (``""`` for nothing)."""

WIDTH = 108
REQUIRED: Mapping[str, Mapping[str, Value]] = {
    "server": {"name": "x", "host": "x", "username": "x", "secret": "x"},
    "user": {"name": "x", "secret": "x"},
}
"""What a table must have, so that another key of it can be judged alone."""

INSTEAD: Mapping[tuple[str, str], str] = {("user", "secret_hash"): "secret"}
"""Key: the required one that it stands in for."""


@attrs.frozen
class Imported:
    """What comes out.

    Attributes:
        text: TOML that ``amp check`` takes.
        sections: how many users, servers and listeners are only a comment in it.
        settings: how many other things of what came in are only a comment in it.
    """

    text: str
    sections: int
    settings: int


@attrs.define
class Table:
    """One table, ``[section]`` or one of ``[[section]]``, line by line.

    Attributes:
        section: its name.
        array: whether it is one of an array of tables.
        lines: what it has so far.
        wrong: why it cannot be used at all; then it comes out as a comment.
        settings: what it sets so far.
        left_out: how many settings became only a comment.
    """

    section: str
    array: bool = False
    lines: list[str] = attrs.field(factory=list)
    wrong: str = ""
    settings: dict[str, Value] = attrs.field(factory=dict)
    left_out: int = 0

    def note(self, *sentences: str) -> None:
        """A comment: each of these on lines of its own."""
        for sentence in sentences:
            self.lines += commented(sentence)

    def leave_out(self, sentence: str, *lines: str) -> None:
        """A comment in the place of a setting: why, and the lines to use once that has changed."""
        self.left_out += 1
        self.note(sentence)
        self.lines += [f"#{line}" for line in lines]

    def set(self, key: str, value: Value, *sentences: str) -> bool:
        """A setting below these comments; only a comment if amp does not take it.

        Returns:
            Whether it is in effect.
        """
        self.note(*sentences)
        problem = self._problem(key, value)
        if problem:
            self._refuse(key, problem)
            return False
        self.lines += setting_lines(key, value)
        self.settings[key] = value
        return True

    def array_of(self, key: str, elements: list[Element]) -> None:
        """An array with one element a line and a comment behind each; they are known to be good."""
        self.lines.append(f"{key} = [")
        texts = [toml(element) + "," for element, _ in elements]
        width = max(map(len, texts), default=0)
        for text, (_, why) in zip(texts, elements, strict=True):
            self.lines.append(f"  {text:{width}}  # {why}" if why else f"  {text}")
        self.lines.append("]")
        self.settings[key] = [element for element, _ in elements]

    def void(self, why: str) -> None:
        """The whole table cannot be used, for this reason."""
        self.wrong = self.wrong or why

    def _refuse(self, key: str, problem: str) -> None:
        if INSTEAD.get((self.section, key), key) in REQUIRED.get(self.section, ()):
            self.void(f"{key}: {problem}")
        self.leave_out(f"{key}: {problem}")

    def _problem(self, key: str, value: Value) -> str:
        """What amp would say of this setting; ``""`` if nothing."""
        table = {**REQUIRED.get(self.section, {}), **self.settings, key: value}
        for name in tuple(table):
            table.pop(INSTEAD.get((self.section, name), ""), None)
        whole: dict[str, object] = {self.section: [table] if self.array else table}
        _, problems = structure(whole, SecretReader(folder=Path(), environ={}))
        return problems[0].partition(": ")[2] if problems else ""


def render(tables: list[Table]) -> Imported:
    """The whole text, and what of it is comments; a section that is left out counts as one."""
    return Imported(
        text="\n".join("\n".join(table_lines(table)) + "\n" for table in tables),
        sections=sum(bool(table.wrong) for table in tables),
        settings=sum(table.left_out for table in tables if not table.wrong),
    )


def table_lines(table: Table) -> Iterator[str]:
    """A table with its head; as a comment if it cannot be used."""
    head = f"[[{table.section}]]" if table.array else f"[{table.section}]"
    if not table.wrong:
        yield from ([head] if table.section else [])
        yield from table.lines
        return
    yield from commented(f"Left out: {table.wrong}")
    for line in (head, *table.lines):
        yield line if line.startswith("# ") else f"#{line.removeprefix('#')}"


def setting_lines(key: str, value: Value) -> list[str]:
    """``key = value`` as TOML."""
    if isinstance(value, list):
        return [f"{key} = [{', '.join(map(toml, value))}]"]
    return [tomli_w.dumps({key: value}).rstrip("\n")]


def toml(value: Value) -> str:
    """A value as TOML."""
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


def commented(text: str) -> list[str]:
    """A text as comment lines; what would end a line or cannot be shown is written as an escape."""
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return textwrap.wrap(shown, WIDTH, initial_indent="# ", subsequent_indent="# ") or ["#"]

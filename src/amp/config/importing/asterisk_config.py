"""Asterisk's configuration files: sections with their lines, templates and additions resolved.

Facts of its ``main/config.c``: ``;`` begins a comment unless a backslash stands before it, ``;--`` and
``--;`` enclose one; ``[name](!)`` is a template, ``[name](a,b)`` begins with the lines of others,
``[name](+)`` goes on with a section from before; ``=>`` is ``=``; names are compared without case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

__all__ = ["ConfigFile", "Section", "read_config"]

HEAD: Final = re.compile(r"\[([^\]]*)\](?:\(([^)]*)\))?.*")
COMMENT: Final = re.compile(r"(?<!\\);")

MOST_INHERITED: Final = 100_000
"""Lines of all sections together; a template that names another one twice has double its lines, and so on."""


@attrs.define
class Section:
    """One section: its name and its lines ``(name, value)`` in order."""

    name: str
    lines: list[tuple[str, str]] = attrs.field(factory=list)
    template: bool = False

    def last(self, *names: str) -> str:
        """The value that counts, of one of these names; ``""`` if there is none."""
        return next((value for key, value in reversed(self.lines) if key.lower() in names), "")


@attrs.define
class ConfigFile:
    """A file: its sections without templates, and the lines (``#include``, ...) that ask for others."""

    sections: list[Section] = attrs.field(factory=list)
    includes: list[str] = attrs.field(factory=list)
    inherited: int = 0
    """How many lines came from templates."""


def read_config(text: str) -> ConfigFile:
    """Read a file; what makes no sense is passed over, as Asterisk does (it warns).

    Raises:
        ValueError: its templates become more lines than any configuration has.
    """
    found, known, current = ConfigFile(), dict[str, Section](), Section("")
    for line in _lines(text):
        if line.startswith("#"):
            found.includes.append(line)
        elif head := HEAD.fullmatch(line):
            current = _section(head[1], head[2] or "", known, found)
        else:
            name, equals, value = line.partition("=")
            if equals:
                current.lines.append((name.strip(), value.removeprefix(">").strip()))
    found.sections = [section for section in known.values() if not section.template]
    return found


def _section(name: str, options: str, known: dict[str, Section], found: ConfigFile) -> Section:
    words = [word.strip() for word in options.split(",") if word.strip()]
    if "+" in words and name in known:
        return known[name]
    parents = [known[word] for word in words if word in known]
    found.inherited += sum(len(parent.lines) for parent in parents)
    if found.inherited > MOST_INHERITED:
        raise ValueError(f"section [{name[:40]}]: expected {MOST_INHERITED} lines from templates at most")
    inherited = [line for parent in parents for line in parent.lines]
    section = Section(name, inherited, "!" in words)
    if name in known:  # the same name again is another section of that name; for us its lines are the last
        known[name].lines += section.lines
        return known[name]
    known[name] = section
    return section


def _lines(text: str) -> Iterator[str]:
    """The lines without comments, ends and escapes."""
    hidden = False
    for line in text.replace("\r", "").split("\n"):
        shown, hidden = _uncommented(line, hidden)
        if shown.strip():
            yield shown.strip().replace("\\;", ";")


def _uncommented(line: str, hidden: bool) -> tuple[str, bool]:
    shown = ""
    while line:
        if hidden:
            _, end, line = line.partition("--;")
            hidden = not end
            continue
        start = COMMENT.search(line)
        if start is None:
            return shown + line, False
        shown += line[: start.start()]
        # Four dashes are a line that somebody drew, and no beginning of a block.
        hidden = bool(re.match(r";--(?!-)", line[start.start() :]))
        line = line[start.end() + 2 :] if hidden else ""
    return shown, hidden

"""The reply to ``sniffer_stat``: a flat object, and in it one line of groups that people read.

The line, ``pbStatString``, is made of ``name[value]`` groups, is refreshed every 10 s (so it lags behind
``totalcalls``) and is not escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import attrs
import orjson

from amp.errors import RemoteProtocolError

__all__ = ["SnifferStat", "StatLine", "parse_sniffer_stat", "parse_stat_line"]

_GROUP: Final = re.compile(
    r"(\*?)([^\s\[\]*]*+)((?:\[[^\[\]]*+\])++)([^\s\[\]]*+)"
    r"|[^\s\[\]*]++"  # what is no group is passed over as a whole, and not looked at from each of its letters
)
_NUMBER: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
LONGEST_LINE: Final = 16 << 10
"""Letters of the line; a sniffer's has some hundreds."""
MOST_DIGITS: Final = 15
"""Of an uptime."""
_LINE_START: Final = b'"pbStatString": "'
_LINE_END: Final = b'","pbCountPacketDrop"'
TRAFFIC: Final = "total_traffic"
"""The sniffer's own name for the group that has none (``[0.1/0.1Mb/s]``)."""


@attrs.frozen
class StatLine:
    """The groups of a ``pbStatString``.

    Attributes:
        groups: the values of each, by its name; two for ``calls[25,r:0][25,r:0]``.
        high: names of the groups that the sniffer marks with a star, as their value is high.
    """

    groups: Mapping[str, tuple[str, ...]]
    high: frozenset[str]

    def number(self, name: str, place: int = 0) -> float | None:
        """The first number in a group's value: ``17.0`` of ``heap[u17|t2]``."""
        values = self.groups.get(name, ())
        found = _NUMBER.search(values[place]) if place < len(values) else None
        return float(found.group()) if found else None


@attrs.frozen
class SnifferStat:
    """What a sniffer tells of itself.

    Attributes:
        values: the whole object, as it came.
        line: its groups; empty in the first seconds.
    """

    values: Mapping[str, Any]
    line: StatLine

    @property
    def version(self) -> str:
        """The sniffer's version (``2026.04.0``)."""
        return _text(self.values.get("version"))

    @property
    def uptime_s(self) -> float | None:
        """Seconds since its start, whole ones."""
        text = _text(self.values.get("uptime"))
        return float(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None

    @property
    def initializing(self) -> bool:
        """Whether it has just been started."""
        return bool(self.values.get("initializing"))


def parse_sniffer_stat(reply: bytes) -> SnifferStat:
    """Read the JSON form of the reply.

    Raises:
        RemoteProtocolError: anything else, also the form of ``sniffer_stat plain``.
    """
    try:
        found = orjson.loads(reply)
    except orjson.JSONDecodeError:
        found = _without_line(reply)
    if not isinstance(found, dict):
        raise RemoteProtocolError(f"expected the object of sniffer_stat, got {reply[:40]!r}")
    return SnifferStat(found, parse_stat_line(_text(found.get("pbStatString"))))


def _text(value: object) -> str:
    """A value that is one text or number; nothing else is made a text, however deep it is nested."""
    return str(value) if isinstance(value, str | int) else ""


def _without_line(reply: bytes) -> object:
    """The object of a reply whose line holds something that is no JSON, with the line put in by hand."""
    head, _, rest = reply.partition(_LINE_START)
    line, _, tail = rest.partition(_LINE_END)
    try:
        found = orjson.loads(head + _LINE_START + _LINE_END + tail)
    except orjson.JSONDecodeError:
        return None
    return {**found, "pbStatString": line.decode("utf-8", "replace")}


def parse_stat_line(line: str) -> StatLine:
    """Read the groups of a ``pbStatString``; what is no group (the version at its end) is left out.

    A value keeps the unit that stands behind its bracket: ``RSS/VSZ[70|1360]MB`` is ``70|1360MB``. What is
    behind the first 16384 letters is left out.
    """
    groups: dict[str, tuple[str, ...]] = {}
    high: set[str] = set()
    for star, name, brackets, unit in _GROUP.findall(line[:LONGEST_LINE]):
        if not brackets:
            continue
        name = name or TRAFFIC
        *first, last = brackets[1:-1].split("][")
        groups[name] = (*groups.get(name, ()), *first, last + unit)
        if star:
            high.add(name)
    return StatLine(groups, frozenset(high))

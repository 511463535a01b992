"""The same headers again and again: events of a form that is known are written without taking them apart.

Asterisk writes the events of one name with the same headers in the same order, in a few variants. A form is
such an order: an expression that only events with exactly these headers fit, and the JSON around the values.
To match and to fill in take a small part of the time of splitting lines, comparing names and escaping;
whatever fits no form is written that way (`amp.core.ws.event_json`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import methodcaller
from typing import Final, NamedTuple

__all__ = ["EventForms"]

EVENT: Final = b"Event: "
NAME: Final = re.compile(rb"[!#-9;-\[\]-~]+")
"""What needs no escape in JSON; names with anything else are in no form."""

VALUE: Final = rb" *+([ -~\x80-\xbf\xc2-\xf4]*+)"
"""One value. The blanks in front are not part of it; no control character is, so a line ends where the
expression says and nowhere else; nor is what never stands in UTF-8 (a class in three pieces is looked up in a
table, which is quicker than one range). Possessive: there is no other way to read it."""

SIGHTINGS: Final = 4
"""A form is learned when it comes for the fourth time: preparing one costs as much as writing 100 events."""

MOST_FORMS: Final = 512
"""With those that cannot be written by an expression."""

MOST_CANDIDATES: Final = 1024
MOST_VARIANTS: Final = 8
"""Of one event's name. Each that is tried in vain costs as much as its names that fit."""

MOST_HEADERS: Final = 64
MOST_FORM_BYTES: Final = 2048


Match = re.Match[bytes]


class _Form(NamedTuple):
    match: Callable[[bytes], Match | None]
    values: Callable[[Match], tuple[bytes, ...]]
    template: bytes


class EventForms:
    """The forms that have come so far.

    They are never forgotten, and bounded: a server that invents headers, or lets its users do so, can fill
    the book once. Events of further forms are then written the slow way.
    """

    def __init__(self) -> None:
        self._by_head: dict[bytes, list[_Form]] = {}
        self._seen: dict[tuple[bytes, ...], int] = {}
        self._known: set[tuple[bytes, ...]] = set()

    def write(self, frames: Sequence[bytes], front: bytes, first_seq: int) -> list[bytes]:
        """See `amp.core.ws.event_writer.EventWriter`: empty for those of no known form."""
        members = self.members
        return [
            b"%s%d,%s}" % (front, seq, written) if (written := members(raw)) else b""
            for seq, raw in enumerate(frames, first_seq)
        ]

    def frame(self, frames: Sequence[bytes], front: bytes, first_seq: int) -> bytes:
        """See there: never, since it would take no less than to write them."""
        del frames, front, first_seq
        return b""

    def members(self, raw: bytes) -> bytes:
        """Name and headers of an event, as members of a JSON object: ``"event":"X","headers":{…}``.

        Args:
            raw: an event without its closing blank line, in any bytes.
        Returns:
            Empty if it is of no known form.
        """
        if b'"' in raw or b"\\" in raw:  # these are in no name that is known, so this changes values only
            raw = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        for match, values, template in self._by_head.get(raw[: raw.find(b"\r\n")], ()):
            if (found := match(raw)) is not None:
                return template % values(found) if raw.isascii() or _is_utf8(raw) else b""
        return b""

    def learn(self, raw: bytes) -> None:
        """Take note of an event of no known form: the next ones like it may be of one."""
        if len(self._known) == MOST_FORMS or not raw.startswith(EVENT):
            return
        if len(self._by_head.get(raw[: raw.find(b"\r\n")], ())) == MOST_VARIANTS:
            return
        head, *lines = raw.split(b"\r\n", MOST_HEADERS + 1)
        names = tuple(line.partition(b":")[0] for line in lines)
        shape = (head, *names)
        if len(names) > MOST_HEADERS or sum(map(len, shape)) > MOST_FORM_BYTES or shape in self._known:
            return  # known: it is a value that does not fit
        if shape not in self._seen and len(self._seen) >= MOST_CANDIDATES:
            self._seen.clear()
        self._seen[shape] = sightings = self._seen.get(shape, 0) + 1
        if sightings == SIGHTINGS:
            del self._seen[shape]
            self._known.add(shape)
            self._add(head, names)

    def _add(self, head: bytes, names: Sequence[bytes]) -> None:
        if b"Event" in names or not names or not all(map(NAME.fullmatch, (head[len(EVENT) :], *names))):
            return
        places: dict[bytes, list[int]] = {}
        for place, name in enumerate(names, 1):
            places.setdefault(name, []).append(place)
        order = [place for same in places.values() for place in same]
        lines = [re.escape(head), *(re.escape(name) + b":" + VALUE for name in names)]
        form = _Form(
            re.compile(b"\r\n".join(lines)).fullmatch,
            Match.groups if order == sorted(order) else methodcaller("group", *order),
            _template(head, {name: len(same) for name, same in places.items()}),
        )
        self._by_head.setdefault(head, []).append(form)


def _template(head: bytes, names: Mapping[bytes, int]) -> bytes:
    """Name and headers as JSON with a place for each value; a name that comes several times has a list."""
    event = head[len(EVENT) :].replace(b"%", b"%%")
    members = [b'"Event":"%s"' % event]
    for name, count in names.items():
        values = b",".join([b'"%s"'] * count)
        members.append(b'"%s":%s' % (name.replace(b"%", b"%%"), values if count == 1 else b"[%s]" % values))
    return b'"event":"%s","headers":{%s}' % (event, b",".join(members))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True

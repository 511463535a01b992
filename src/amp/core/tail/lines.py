"""Events as lines: one each for people, or a block with every header on a line of its own; or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs
import orjson

from amp.core.printable import columns, cut, printable
from amp.core.tail.messages import TailEvent, TailGap

__all__ = ["Lines", "gap_words", "json_line"]

HIDDEN: Final = frozenset(("event", "privilege"))
NOTHING: Final = ("", "<unknown>")
"""Names and values that are said already, or are of no use in one line."""

DELETE: Final = b"\x7f"

RESET: Final = "\x1b[0m"
DIM: Final = "\x1b[2m"
SERVER: Final = "\x1b[36m"
NAME: Final = "\x1b[1;32m"

CLOCK_COLUMNS: Final = 8
NO_CLOCK: Final = "--:--:--"
"""An event that is told again did not happen now, and does not say when it did."""


@attrs.frozen(kw_only=True)
class Lines:
    """Writes events.

    Attributes:
        colour: for a terminal that has colours.
        width: columns of a line, which is cut there; 0 for lines of any length. Blocks are never cut.
        block: every header on a line of its own.
    """

    colour: bool = False
    width: int = 0
    block: bool = False

    def write(self, one: TailEvent, clock: str) -> str:
        """An event as a line, or a block of them; with the line end.

        Args:
            clock: ``HH:MM:SS``; empty if it is told again, and nobody knows when it happened.
        """
        server, event = printable(one.server), printable(one.event or "...")
        head = [(DIM, clock or NO_CLOCK), (SERVER, server), (NAME, event)]
        if self.block:
            rest = "".join(f"    {self._paint(DIM, f'{name}:')} {value}\n" for name, value in _headers(one))
            return " ".join(self._paint(*part) for part in head) + f"\n{rest}\n"
        return self._line(head, one) + "\n"

    def _line(self, head: list[tuple[str, str]], one: TailEvent) -> str:
        parts = [*head, *(("", part) for part in _short(one))]
        if not self.width:
            return self._joined(parts)
        left = self.width
        fitting = []
        for colour, text in parts:
            fitting.append((colour, cut(text, left)))
            left -= columns(text) + 1
            if left <= 0:
                break
        return self._joined(fitting)

    def _joined(self, parts: list[tuple[str, str]]) -> str:
        return " ".join(self._paint(colour, text) for colour, text in parts)

    def _paint(self, colour: str, text: str) -> str:
        if not self.colour:
            return text
        if colour:
            return f"{colour}{text}{RESET}"
        name, equals, value = text.partition("=")
        return f"{DIM}{name}{equals}{RESET}{value}"


def gap_words(gap: TailGap) -> str:
    """What was missed, in one line: the server, the numbers of the first and the last event, the reason."""
    first, last = ("?" if number is None else number for number in (gap.first, gap.last))
    return f"{printable(gap.server)}: missed {first} to {last}: {printable(gap.reason)}"


def json_line(one: TailEvent | TailGap) -> bytes:
    """The JSON object, as docs/websocket.md tells it, in one line.

    What a terminal could take for an order, and what Unicode takes for a line end, is an escape of JSON's.
    """
    text = orjson.dumps(one.as_object())
    if not text.isascii() or DELETE in text:
        text = "".join(sign if sign.isprintable() else _escape(sign) for sign in text.decode()).encode()
    return text + b"\n"


def _escape(sign: str) -> str:
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _headers(one: TailEvent) -> Iterator[tuple[str, str]]:
    for name, value in one.headers.items():
        for text in value if isinstance(value, list) else [value]:
            yield printable(name), printable(text)
    for line in one.unparsed:
        yield "?", printable(line)


def _short(one: TailEvent) -> Iterator[str]:
    for name, value in _headers(one):
        if value not in NOTHING and name.lower() not in HIDDEN:
            yield f"{name}={value}" if " " not in value else f'{name}="{value}"'

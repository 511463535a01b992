"""Where ``amp tail`` writes: events on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
import time
from typing import Final, Self

import attrs

from amp.cli.send_output import Output
from amp.core.printable import printable
from amp.core.tail.lines import Lines, gap_words, json_line
from amp.core.tail.messages import TailEvent, TailGap

__all__ = ["TailOutput"]

PLAIN_TERMINALS: Final = ("", "dumb")
USUAL_COLUMNS: Final = 80
"""Of a terminal that does not say."""


@attrs.define(kw_only=True, eq=False)
class TailOutput:
    """Writes lines; blocks while nobody reads them.

    Attributes:
        lines: how an event looks; ``None``: as JSON.
    """

    lines: Lines | None
    _out: Output
    _encoding: str

    @classmethod
    def make(cls, *, json: bool, block: bool) -> Self:
        """For the process' own standard output.

        Raises:
            OSError: there is none.
        """
        out = Output()
        is_terminal = sys.stdout.isatty()
        colour = is_terminal and not os.environ.get("NO_COLOR")
        colour = colour and os.environ.get("TERM", "") not in PLAIN_TERMINALS
        lines = None if json else Lines(colour=colour, width=1 if is_terminal else 0, block=block)
        return cls(lines=lines, out=out, encoding=sys.stdout.encoding)

    def text(self, one: TailEvent | TailGap, *, late: bool) -> bytes:
        """What an event is on standard output; a gap is there only where programs read.

        Args:
            late: it is told again, so it did not happen now.
        """
        if self.lines is None:
            return json_line(one)
        if isinstance(one, TailGap):
            return b""
        if self.lines.width:  # it may have been changed
            size = os.get_terminal_size(sys.stdout.fileno())
            self.lines = attrs.evolve(self.lines, width=size.columns or USUAL_COLUMNS)
        clock = "" if late else time.strftime("%H:%M:%S")
        return self.lines.write(one, clock).encode(self._encoding, "backslashreplace")

    def write(self, data: bytes) -> None:
        """Write to standard output.

        Raises:
            OSError: it cannot be written; ``BrokenPipeError`` if the reader is gone.
        """
        self._out.write(data)

    def tell_gap(self, gap: TailGap) -> None:
        """Say what was missed."""
        self.tell(gap_words(gap))

    def tell(self, words: str) -> None:
        """Say something on standard error, in one line."""
        if sys.stderr is not None:
            sys.stderr.write(f"amp tail: {printable(words)}\n")
            sys.stderr.flush()

    def tell_person(self, words: str) -> None:
        """The same if somebody sits there."""
        if sys.stderr is not None and sys.stderr.isatty():
            self.tell(words)

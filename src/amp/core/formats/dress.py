"""Answers on their way to one client: whole frames of the manager protocol in, its own format out.

Sessions and the router answer in the manager protocol. A client that speaks it gets their bytes as they are
and has no `Dresser`; everybody else's answers are taken apart here, may be hidden or changed, and are
rendered. Events do not come by here: they are rendered once for all clients of a view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

import attrs

from amp.core.ami.rewrite import without_server
from amp.core.fanout.cutter import FOLLOWS, FOLLOWS_END, TERMINATOR
from amp.core.formats.format import Format

__all__ = ["Answer", "Dresser", "Screen", "take_apart"]


class Answer(NamedTuple):
    """One frame for a client.

    Attributes:
        frame: without its closing blank line, and without the ``Server`` that amp adds.
        server: the name of the server that it is from or about; ``b""`` if it is about none.
    """

    frame: bytes
    server: bytes


Screen = Callable[[list[Answer]], list[Answer]]
"""Hides or changes answers. It gets those of one turn in order, and gives back what the client may see."""

server_of: Final = attrgetter("server")


def take_apart(data: bytes) -> list[Answer]:
    """The frames in an answer.

    Args:
        data: whole frames, as `amp.core.ami.replies` and the router write them.
    """
    frames = [frame for frame in data.split(TERMINATOR) if frame]
    if data.startswith(FOLLOWS) or TERMINATOR + FOLLOWS in data:
        frames = _rejoined(frames)
    return [Answer(*without_server(frame)) for frame in frames]


def _rejoined(pieces: list[bytes]) -> list[bytes]:
    """Put the output of a Command before Asterisk 14 together again, where it holds blank lines.

    Its ``Server`` stands before the output, so its last piece ends in its own end mark. No other piece does:
    all of them end in amp's ``Server``. So a value that looks like the beginning swallows nothing.
    """
    frames: list[bytes] = []
    begun = -1
    for piece in pieces:
        frames.append(piece)
        if piece.startswith(FOLLOWS):
            begun = len(frames) - 1
        if piece.endswith(FOLLOWS_END) and begun >= 0:
            frames[begun:] = [TERMINATOR.join(frames[begun:])]
            begun = -1
    return frames


@attrs.frozen
class Dresser:
    """Makes of an answer what a client gets of it.

    Attributes:
        format: how the client's frames are written.
        screens: what may hide or change them before, one after the other.
    """

    format: Format
    screens: Sequence[Screen] = ()

    def dress(self, data: bytes) -> bytes:
        """The same answer as this client gets it; ``b""`` if nothing of it is left.

        Args:
            data: as in `take_apart`.
        Raises:
            Exception: the format is a plug-in's and failed, with whatever it failed.
        """
        answers = take_apart(data)
        for screen in self.screens:
            answers = screen(answers)
        return b"".join(
            [
                self.format.write([answer.frame for answer in some], server)
                for server, some in groupby(answers, server_of)
            ]
        )

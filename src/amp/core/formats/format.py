"""What a format is: a name, and how to write frames, how to read actions, or both."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Protocol, Self

import attrs

from amp.core.ami.frame import Frame
from amp.core.ami.framing import BadAction, EndOfStream, NeedData
from amp.errors import LocalProtocolError

__all__ = ["Format", "Reader", "ReaderFactory", "Renderer", "joined"]

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")

Renderer = Callable[[Sequence[bytes], bytes], bytes]
"""Writes frames. Takes raw frames without their closing blank line, in any bytes, and the name of the server
they are from, ``b""`` for frames of amp itself. What it returns holds for every client of a view, so it must
depend on nothing else."""


class Reader(Protocol):
    """Reads the actions of one client, in the manner of `amp.core.ami.framing.ActionReader`."""

    def receive_data(self, data: bytes) -> None:
        """Take what one read gave; ``b""`` means that the client has closed its sending side."""

    def next_event(self) -> Frame | BadAction | NeedData | EndOfStream:
        """The next action, what was bad about one, `NEED_DATA`, or for ever `END_OF_STREAM`.

        After `END_OF_STREAM` the session ends, also if the client has not closed: a reader that has lost
        its place in what it reads must not go on, or data could become actions.
        """

    def take_unread(self) -> bytes:
        """Give away what stands behind the last action told: the client goes on in another format."""


ReaderFactory = Callable[[int, int], Reader]
"""Makes a reader: longest line in bytes (name, colon, blank and value), most headers of an action."""


def joined(pieces: Sequence[bytes]) -> bytes:
    """The pieces one behind the other."""
    return b"".join(pieces)


@attrs.frozen(kw_only=True)
class Format:
    """One format. It is a value: everything that a session has of its own is in its reader.

    Attributes:
        name: what a client asks for and the configuration says: small letters, digits, ``_``, ``-``.
        content_type: of its output in an HTTP answer.
        render: writes frames; ``None`` if it is for input only.
        reader: makes what reads actions; ``None`` if it is for output only.
        greets: whether a client that begins with this as its input gets the greeting line first.
        streams: whether a connection can be read in it, one action after the other. What cannot reads one
            body of an HTTP request, whose end is known.
        document: makes one whole document (an HTTP body) of several renderings of one frame each.
        piece: writes one frame of a server, if ``render`` does nothing but join what this gives: then views
            that show some frames of a batch share their renderings, too.
    """

    name: str
    content_type: str = "text/plain; charset=utf-8"
    render: Renderer | None = None
    reader: ReaderFactory | None = None
    greets: bool = False
    streams: bool = True
    document: Callable[[Sequence[bytes]], bytes] = joined
    piece: Callable[[bytes, bytes], bytes] | None = None

    @classmethod
    def of_pieces(cls, name: str, content_type: str, piece: Callable[[bytes, bytes], bytes]) -> Self:
        """A format for output that writes one frame like another."""

        def render(frames: Sequence[bytes], server: bytes) -> bytes:
            return b"".join([piece(frame, server) for frame in frames])

        return cls(name=name, content_type=content_type, render=render, piece=piece)

    def __attrs_post_init__(self) -> None:
        """Refuse what nobody could ask for."""
        if not NAME.fullmatch(self.name):
            raise ValueError(f"expected a format's name of small letters and digits, got {self.name[:40]!r}")
        if self.render is None and self.reader is None:
            raise ValueError(f"expected format {self.name!r} to render, to read, or both")

    def new_reader(self, max_line_bytes: int, max_headers: int) -> Reader:
        """A reader of a client's actions.

        Raises:
            LocalProtocolError: it is for output only.
        """
        if self.reader is None:
            raise LocalProtocolError(f"expected an input format, got {self.name}")
        return self.reader(max_line_bytes, max_headers)

    def write(self, frames: Sequence[bytes], server: bytes) -> bytes:
        """What `render` makes of frames, if that is bytes.

        Raises:
            LocalProtocolError: it is for input only, or did not give bytes.
            Exception: a plug-in failed.
        """
        if self.render is None:
            raise LocalProtocolError(f"expected an output format, got {self.name}")
        data = self.render(frames, server)
        if type(data) is not bytes:
            raise LocalProtocolError(f"expected bytes of format {self.name}, got {type(data).__name__}")
        return data

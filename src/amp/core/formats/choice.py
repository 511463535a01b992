"""What one session reads and writes: what its client asked for, else its user's, else its listener's."""

from __future__ import annotations

import attrs

from amp.core.ami.rewrite import MAX_HEADERS, MAX_LINE_BYTES
from amp.core.formats.format import Format, Reader
from amp.core.formats.registry import Formats
from amp.core.formats.standard import STANDARD

__all__ = ["FormatChoice"]


@attrs.define(kw_only=True, eq=False)
class FormatChoice:
    """The two formats of a session.

    What a client asks for lasts as long as its session, whoever signs in on it. Those of a user come with
    its login; a user without any has the listener's.

    Attributes:
        installed: what there is to choose from.
        input: how actions are read; at first the listener's.
        output: how frames are written; the same.
        max_line_bytes: the longest ``Name: Value`` of an action.
        max_headers: the most headers of one.
    """

    installed: Formats = attrs.field(factory=Formats, repr=False)
    input: Format = STANDARD
    output: Format = STANDARD
    max_line_bytes: int = MAX_LINE_BYTES
    max_headers: int = MAX_HEADERS
    _listeners: tuple[Format, Format] = attrs.field(init=False, repr=False)
    _asked: tuple[Format | None, Format | None] = attrs.field(default=(None, None), init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._listeners = self.input, self.output

    def follow_user(self, reads: str | None, writes: str | None) -> None:
        """Somebody signs in with these formats; a name that is not installed counts as none."""
        own = self.installed.stream(reads or ""), self.installed.output(writes or "")
        self.input = self._asked[0] or own[0] or self._listeners[0]
        self.output = self._asked[1] or own[1] or self._listeners[1]

    def ask(self, reads: Format | None, writes: Format | None) -> None:
        """The client asks for one or both; ``None`` leaves one as it is."""
        self._asked = reads or self._asked[0], writes or self._asked[1]
        self.input, self.output = reads or self.input, writes or self.output

    def new_reader(self) -> Reader:
        """A reader of the input format that has read nothing yet."""
        return self.input.new_reader(self.max_line_bytes, self.max_headers)

    def reader_behind(self, reader: Reader, *, ended: bool) -> Reader:
        """A reader of the input format that goes on where another one stands.

        Args:
            ended: the client has closed its sending side.
        """
        new = self.new_reader()
        if unread := reader.take_unread():
            new.receive_data(unread)
        if ended:
            new.receive_data(b"")
        return new

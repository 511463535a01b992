"""Actions written as XML, read as they come: a small language of its own inside XML.

    <AsteriskManagerInput>
      <Action Value="Ping"/>
      <ActionID Value='foo'/>
    </AsteriskManagerInput>

Read by hand rather than with a library's parser, because this is a stream of documents without an end, its
values are bytes (a Latin-1 client's as well), and what a parser would buffer or expand must be bounded.

**What is no such XML ends the stream**, as in astmanproxy: once a reader has lost its place, what follows may
be a value, and a value must never become an action. So a ``<`` inside a tag, a DTD, a comment, text between
elements and the like are told as a `BadAction`, and then it is `END_OF_STREAM` for ever. What is well formed
but no good (a line too long, an unknown entity, a CR or LF in a value) spoils its own message only.
"""

from __future__ import annotations

import re
from typing import Final

from amp.core.ami.frame import Frame
from amp.core.ami.framing import END_OF_STREAM, NEED_DATA, BadAction, EndOfStream, NeedData
from amp.core.ami.rewrite import LINE_TOO_LONG
from amp.core.formats.assembly import Assembly

__all__ = ["XmlReader"]

ROOT: Final = re.compile(rb"<AsteriskManagerInput(?:[ \t\r\n][^<]*)?/?>")
"""Attributes are passed over: .NET's XmlSerializer writes namespaces there."""
ROOT_END: Final = re.compile(rb"</AsteriskManagerInput[ \t\r\n]*>")
DECLARATION: Final = re.compile(rb"<\?xml[ \t\r\n][^<]*\?>")
NAME: Final = rb"[A-Za-z_][A-Za-z0-9_.-]*"
ELEMENT: Final = re.compile(
    rb"<(%s)[ \t\r\n]+[Vv]alue[ \t\r\n]*=[ \t\r\n]*(?:\"([^\"<]*)\"|'([^'<]*)')[ \t\r\n]*/?>" % NAME
)
LONG_ELEMENT: Final = re.compile(rb"<(%s)[ \t\r\n].*" % NAME, re.DOTALL)

STOPS: Final = {b"": re.compile(rb"[\"'<>]"), b'"': re.compile(rb"[\"<]"), b"'": re.compile(rb"['<]")}
"""What to look for, by the quote that we are inside of."""
BETWEEN: Final = b" \t\r\n\xef\xbb\xbf"
"""May stand between tags: blanks, and the byte order mark that .NET begins a stream with."""

CHARACTERS: Final = {
    key: character
    for name, character in ((b"amp", b"&"), (b"lt", b"<"), (b"gt", b">"), (b"quot", b'"'), (b"apos", b"'"))
    for key in (name, b"#%d" % ord(character), b"#x%x" % ord(character))
}
"""The five, by name or number: PHP's htmlspecialchars writes ``&#039;``, Python's html.escape ``&#x27;``."""

LONGEST_REFERENCE: Final = 6
TAG_AROUND_VALUE: Final = 256
KEPT_OF_LONG: Final = 128

INVALID: Final = b"Invalid XML Input: "
NO_DTD: Final = INVALID + b"no DTD, comment or CDATA is taken"
LESS_THAN: Final = INVALID + b"a < inside a tag (in a value it is written &lt;)"
TEXT: Final = INVALID + b"text between elements"
EXPECTED_ROOT: Final = INVALID + b"expected <AsteriskManagerInput>"
EXPECTED_ELEMENT: Final = INVALID + b'expected <Name Value="..."/>'
EXPECTED_END: Final = INVALID + b"an element that is not closed"
BAD_REFERENCE: Final = INVALID + b"only &amp; &lt; &gt; &quot; &apos; are taken; & is written &amp;"


class XmlReader:
    """Reads the actions of one client; see the module.

    Args:
        max_line_bytes: the longest ``Name: Value`` that an element may stand for.
        max_headers: the most elements of an action.
    """

    def __init__(self, max_line_bytes: int, max_headers: int) -> None:
        self._assembly = Assembly(max_line_bytes, max_headers)
        self._max_tag = max_line_bytes * LONGEST_REFERENCE + TAG_AROUND_VALUE
        self._received: list[bytes] = []
        self._data, self._at = b"", 0
        self._tag: bytearray | None = None
        self._long = False
        self._quote = b""
        self._inside = False
        self._open = b""
        self._eof = False
        self._lost = False

    def receive_data(self, data: bytes) -> None:
        """Take what one read gave; ``b""`` means that the client has closed its sending side."""
        self._eof = self._eof or not data
        if not self._lost:
            self._received.append(data)

    def next_event(self) -> Frame | BadAction | NeedData | EndOfStream:
        """Read one action.

        Returns:
            As `ActionReader.next_event`; what the action holds is what its elements say, in their order.
        """
        while not self._lost:
            if self._at == len(self._data):
                self._data, self._at = b"".join(self._received), 0
                self._received.clear()
                if not self._data:
                    return END_OF_STREAM if self._eof else NEED_DATA
            event = self._between() if self._tag is None else self._within(self._tag)
            if event is not None:
                return event
        return END_OF_STREAM

    def take_unread(self) -> bytes:
        """Give away what stands behind the last action, for a reader of another format."""
        unread = self._data[self._at :] + b"".join(self._received)
        self._data, self._at = b"", 0
        self._received.clear()
        return unread

    def _between(self) -> BadAction | None:
        """Up to the next tag."""
        end = self._data.find(b"<", self._at)
        text = self._data[self._at : end if end >= 0 else len(self._data)]
        self._at += len(text)
        if text.strip(BETWEEN):
            return self._lose(TEXT)
        if end >= 0:
            self._tag, self._long = bytearray(b"<"), False
            self._at += 1
        return None

    def _within(self, tag: bytearray) -> Frame | BadAction | None:
        """On to the next byte of the tag that matters."""
        stop = STOPS[self._quote].search(self._data, self._at)
        end = stop.end() if stop else len(self._data)
        self._keep(tag, self._data[self._at : end])
        self._at = end
        if tag.startswith(b"<!"):
            return self._lose(NO_DTD)
        if stop is None:
            return None
        match stop[0]:
            case b"<":
                return self._lose(LESS_THAN)
            case b">":
                self._tag = None
                return self._on_tag(bytes(tag))
            case quote:
                self._quote = b"" if self._quote else quote
        return None

    def _keep(self, tag: bytearray, piece: bytes) -> None:
        """Of a tag that is too long only its beginning, which has its name, and its end."""
        tag += piece
        self._long = self._long or len(tag) > self._max_tag
        if self._long:
            del tag[KEPT_OF_LONG:-2]

    def _on_tag(self, tag: bytes) -> Frame | BadAction | None:
        if self._open:
            return self._on_end(tag)
        if not self._inside:
            return self._on_root(tag)
        if ROOT_END.fullmatch(tag):
            self._inside = False
            return self._assembly.finish()
        return self._on_element(tag)

    def _on_end(self, tag: bytes) -> BadAction | None:
        if tag[2:-1].rstrip(b" \t\r\n") != self._open or not tag.startswith(b"</"):
            return self._lose(EXPECTED_END)
        self._open = b""
        return None

    def _on_root(self, tag: bytes) -> BadAction | None:
        if DECLARATION.fullmatch(tag):
            return None
        if not ROOT.fullmatch(tag):
            return self._lose(EXPECTED_ROOT)
        self._inside = not tag.endswith(b"/>")
        return None

    def _on_element(self, tag: bytes) -> BadAction | None:
        found = (LONG_ELEMENT if self._long else ELEMENT).fullmatch(tag)
        if found is None:
            return self._lose(EXPECTED_ELEMENT)
        if self._long:
            self._assembly.spoil(LINE_TOO_LONG.encode())
        else:
            self._assembly.add(found[1], self._unescaped(found[2] or found[3] or b""))
        self._open = b"" if tag.endswith(b"/>") else found[1]
        return None

    def _unescaped(self, text: bytes) -> bytes:
        value, *references = text.split(b"&")
        for reference in references:
            name, end, rest = reference.partition(b";")
            character = CHARACTERS.get(_shortest(name)) if end else None
            if character is None:
                self._assembly.spoil(BAD_REFERENCE)
            else:
                value += character + rest
        return value

    def _lose(self, message: bytes) -> BadAction:
        """This is no XML of ours, so nobody can tell what the rest is."""
        self._lost = True
        self._received.clear()
        self._data, self._at, self._tag = b"", 0, None
        return self._assembly.broken(message)


def _shortest(reference: bytes) -> bytes:
    """The spelling of a numeric reference that `CHARACTERS` knows: no zeros in front, small hex digits."""
    if reference.startswith(b"#x"):
        return b"#x" + reference[2:].lstrip(b"0").lower()
    return b"#" + reference[1:].lstrip(b"0") if reference.startswith(b"#") else reference

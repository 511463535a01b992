"""Changes to frames on their way through amp, on raw bytes and without touching anything else.

Towards Asterisk: our ActionID instead of the client's, and none of the headers that are meant for amp
alone. Towards clients: the client's ActionID back in its place, and ``Server: NAME`` as last header.
Raw frames come from the cutter: lines with CR LF between them, without the closing blank line.
"""

from __future__ import annotations

import re
from typing import Final

from amp.core.ami.frame import Frame, encode
from amp.errors import LocalProtocolError

__all__ = [
    "ACTION_ID",
    "CONTROL",
    "MAX_HEADERS",
    "MAX_LINE_BYTES",
    "find_action_id",
    "restore_action_id",
    "to_wire",
    "with_server",
    "without_server",
]

MAX_LINE_BYTES: Final = 1022
"""The longest line that Asterisk takes, without its CR LF (recording limit-line)."""

MAX_HEADERS: Final = 128
"""The most lines that Asterisk takes in one action (recording limit-headers)."""

LINE_TOO_LONG: Final = "Failed to parse message: line too long"
TOO_MANY_LINES: Final = "Too many lines in message or allocation failure"

FOR_AMP_ALONE: Final = frozenset((b"actionid", b"server", b"proxykey", b"proxyaction"))
CONTROL: Final = b"\r\n\0"
ACTION_ID: Final = b"\r\nActionID: "
SERVER_HEADER: Final = re.compile(rb"(?im)^(?=Server:)")
LEGACY_COMMAND: Final = b"Response: Follows\r\n"
LEGACY_HEADERS: Final = re.compile(rb"Response: Follows(?:\r\n(?:Privilege|ActionID): [^\r\n]*)*")
SERVER_LINE: Final = re.compile(rb"\r\nServer: ([^\r\n]*)")


def to_wire(frame: Frame, wire_id: bytes) -> bytes:
    """A client's action as it goes to Asterisk, closing blank line included.

    The client's headers in order with ``ActionID: wire_id`` directly behind the first one (the reader
    puts Action there); every ActionID, Server, ProxyKey and ProxyAction header is left out, also with blanks
    around its name, which Asterisk would take for another header and may show to everybody (UserEvent).

    Args:
        frame: from `ActionReader`, or made by amp (``raw`` is None), which is then checked like `encode`.
        wire_id: of `ActionIds.make`.
    Raises:
        LocalProtocolError: Asterisk would refuse it; ``reply_hint`` has Asterisk's words for the client,
            or "ActionID too long: N bytes, at most M".
    """
    if frame.raw is None:
        encode(frame)
    lines = [
        b": ".join(header) if header[0] else header[1]
        for header in frame.headers
        if header[0].strip().lower() not in FOR_AMP_ALONE
    ]
    lines.insert(1, b"ActionID: " + wire_id)
    lines.append(b"\r\n")
    wire = b"\r\n".join(lines)
    if len(wire) > MAX_LINE_BYTES and max(map(len, lines)) > MAX_LINE_BYTES:
        raise _too_long(frame, wire_id)
    if len(lines) - 1 > MAX_HEADERS:
        raise LocalProtocolError(
            f"expected {MAX_HEADERS} headers at most, got {len(lines) - 1}", TOO_MANY_LINES
        )
    # The two bytes of each line's end and not one more, or a value would become a header of its own.
    if len(wire) - len(wire.translate(None, CONTROL)) != 2 * len(lines) or b"" in lines:
        raise LocalProtocolError("expected no CR, LF or NUL in an action")
    return wire


def find_action_id(raw: bytes, mark: bytes) -> tuple[int, int]:
    """Where the value of our ActionID stands in a frame from Asterisk, as a slice; ends at -1 if nowhere.

    Args:
        raw: one frame without its closing blank line.
        mark: `ACTION_ID` and the prefix of our ActionIDs (`ActionIds.prefix`); the first such line counts.
    """
    start = raw.find(mark)
    if start < 0:
        return 0, -1
    start += len(ACTION_ID)
    end = raw.find(b"\r\n", start)
    return start, len(raw) if end < 0 else end


def restore_action_id(raw: bytes, start: int, end: int, original: bytes) -> bytes:
    """Put the client's own ActionID back where ours stands; an empty one drops the line.

    Args:
        raw: one frame without its closing blank line.
        start, end: what `find_action_id` gave.
        original: the client's ActionID.
    """
    if original:
        return raw[:start] + original + raw[end:]
    return raw[: start - len(ACTION_ID)] + raw[end:]


def with_server(raw: bytes, name: bytes) -> bytes:
    """Add ``Server: NAME`` and the closing blank line to a frame from a server.

    It becomes the last header; in a legacy ``Response: Follows`` it stands before the raw output. A
    header of that name from the server itself (a UserEvent copies anything) becomes ``UserServer:``.

    Args:
        raw: one frame without its closing blank line.
        name: the server's configured name.
    """
    output = b""
    if raw.startswith(LEGACY_COMMAND) and (headers := LEGACY_HEADERS.match(raw)):
        raw, output = headers[0], raw[headers.end() :]
    if b"server:" in raw.lower():
        raw = SERVER_HEADER.sub(b"User", raw)
    return b"".join((raw, b"\r\nServer: ", name, output, b"\r\n\r\n"))


def without_server(frame: bytes) -> tuple[bytes, bytes]:
    """Undo `with_server`, but for a ``UserServer:`` that it made.

    Args:
        frame: one frame for a client, without its closing blank line.
    Returns:
        The frame as it was, and the server's name; ``b""`` for a frame of amp itself about no server.
    """
    if frame.startswith(LEGACY_COMMAND) and (headers := LEGACY_HEADERS.match(frame)):
        if line := SERVER_LINE.match(frame, headers.end()):
            return headers[0] + frame[line.end() :], line[1]
        return frame, b""
    head, _, last = frame.rpartition(b"\r\n")
    name = last.removeprefix(b"Server: ")
    return (head, name) if len(name) < len(last) else (frame, b"")


def _too_long(frame: Frame, wire_id: bytes) -> LocalProtocolError:
    excess = len(b"ActionID: ") + len(wire_id) - MAX_LINE_BYTES
    if excess <= 0:
        return LocalProtocolError(f"expected lines of {MAX_LINE_BYTES} bytes at most", LINE_TOO_LONG)
    length = len(frame.get(b"ActionID", b"") or b"")
    return LocalProtocolError(f"ActionID too long: {length} bytes, at most {length - excess}")

"""One AMI block: ordered headers, bytes, case kept, repeats kept."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Self

import attrs

from amp.errors import LocalProtocolError

__all__ = ["Frame", "FrameKind", "Header", "check_text", "encode"]

Header = tuple[bytes, bytes]
"""Name and value as they stood on the wire, without the colon and the blanks behind it.
A line without a name (no colon at all, or nothing before it) is kept whole as ``(b"", line)``."""

FORBIDDEN = frozenset(b"\r\n\x00")


class FrameKind(enum.Enum):
    """What a frame is. Its first header alone decides (an OriginateResponse also holds ``Response:``)."""

    ACTION = "action"
    RESPONSE = "response"
    EVENT = "event"
    OTHER = "other"
    """Starts with something else: a stray line, or the rest of a frame whose value held line ends."""


KINDS = {b"action": FrameKind.ACTION, b"response": FrameKind.RESPONSE, b"event": FrameKind.EVENT}


@attrs.define(unsafe_hash=True)
class Frame:
    """A frame. Nobody changes one: rewriting returns a new one. (To enforce it would treble the cost of one.)

    Attributes:
        headers: in wire order.
        raw: the exact bytes this was parsed from, without the closing blank line; ``None`` for a
            frame that amp made or changed. Equality looks at the headers only.
        firsts: the first value of each header, by the header's name in small letters; looked up when it is
            first asked for, unless it is given.
    """

    headers: tuple[Header, ...]
    raw: bytes | None = attrs.field(default=None, eq=False, repr=False)
    _firsts: Mapping[bytes, bytes] | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read one frame as Asterisk or a client wrote it; never fails.

        Args:
            raw: whole lines ended by CR LF or LF, without the closing blank line.
        """
        lines = raw.split(b"\n")
        return cls(tuple(_header(line) for line in lines if line not in (b"", b"\r")), raw)

    @classmethod
    def of(cls, *headers: tuple[str | bytes, str | bytes | int]) -> Self:
        """Make a frame from names and values; text is encoded as UTF-8."""
        return cls(tuple((_bytes(name), _bytes(value)) for name, value in headers))

    @property
    def kind(self) -> FrameKind:
        """What this frame is, by its first header."""
        return KINDS.get(self.headers[0][0].lower(), FrameKind.OTHER) if self.headers else FrameKind.OTHER

    @property
    def name(self) -> bytes:
        """The value of the first header: the action's, event's or response's name, case kept."""
        return self.headers[0][1] if self.headers else b""

    @property
    def firsts(self) -> Mapping[bytes, bytes]:
        """See above. An action is asked for half a dozen headers on its way."""
        firsts = self._firsts
        if firsts is None:
            self._firsts = firsts = {name.lower(): value for name, value in reversed(self.headers)}
        return firsts

    def get(self, name: bytes, default: bytes | None = None) -> bytes | None:
        """The first value of a header, its name compared without case, or ``default``."""
        return self.firsts.get(name.lower(), default)

    def get_all(self, name: bytes) -> tuple[bytes, ...]:
        """Every value of a header in order; empty if there is none."""
        wanted = name.lower()
        return tuple(value for header, value in self.headers if header.lower() == wanted)

    def without(self, *names: bytes) -> Self:
        """The same frame without any header of these names (compared without case)."""
        dropped = {name.lower() for name in names}
        return type(self)(tuple(header for header in self.headers if header[0].lower() not in dropped))

    def with_header(self, name: bytes, value: bytes) -> Self:
        """The same frame with one more header at the end."""
        return type(self)((*self.headers, (name, value)))


def encode(frame: Frame) -> bytes:
    """The wire form of a frame that amp or a client made, closing blank line included.

    Raises:
        LocalProtocolError: no headers, an empty name, a colon in a name, or CR, LF or NUL in a name or
            value. Relayed frames keep their ``raw`` bytes instead and never come here.
    """
    if not frame.headers:
        raise LocalProtocolError("a frame needs at least one header")
    for name, value in frame.headers:
        check_text(name, "a header's name")
        if not name or b":" in name:
            raise LocalProtocolError(f"expected a header name without a colon, got {_shown(name)}")
        if not FORBIDDEN.isdisjoint(value):
            check_text(value, f"the value of {_shown(name)}")
    return b"".join([b"%s: %s\r\n" % header for header in frame.headers]) + b"\r\n"


def check_text(data: bytes, what: str) -> None:
    """Refuse CR, LF and NUL: with them a value becomes a second header or a second frame.

    Raises:
        LocalProtocolError: ``data`` holds one of them; ``what`` names it, the data is not shown.
    """
    if not FORBIDDEN.isdisjoint(data):
        raise LocalProtocolError(f"expected no CR, LF or NUL in {what}")


def join_lines(lines: Iterable[bytes]) -> bytes:
    """Lines without ends into the wire form of one frame, closing blank line included."""
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _shown(name: bytes) -> str:
    return repr(name[:40].decode("utf-8", "replace"))


def _header(line: bytes) -> Header:
    line = line.removesuffix(b"\r")
    name, colon, value = line.partition(b":")
    return (name, value.lstrip(b" \t")) if name and colon else (b"", line)


def _bytes(value: str | bytes | int) -> bytes:
    if isinstance(value, bytes):
        return value
    return str(value).encode()

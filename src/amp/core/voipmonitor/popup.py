"""The stream of ``login_screen_popup``, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from amp.errors import RemoteProtocolError

__all__ = ["PopupLine", "PopupReader"]

MAX_LINE_BYTES: Final = 64 << 10
_NAME: Final = re.compile(r"[A-Za-z_]\w{0,49}", re.ASCII)
_BETWEEN: Final = re.compile(rf"\]\] (?={_NAME.pattern}:\[\[)", re.ASCII)
"""A value may itself hold ``]]``, which is not escaped: it ends where the next field begins."""


@attrs.frozen
class PopupLine:
    """One line.

    Attributes:
        kind: ``login_ok``, ``login_failed``, ``call_data`` or ``ping``.
        fields: its values by name, decoded from UTF-8.
    """

    kind: str
    fields: Mapping[str, str]


class PopupReader:
    """Cuts the stream into lines. Lines of ``_`` alone only fill buffers on the way, and are dropped."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Iterator[PopupLine]:
        """The lines that are complete by now.

        Raises:
            RemoteProtocolError: a line without end.
        """
        *lines, self._held = (self._held + data).split(b"\n")
        if len(self._held) > MAX_LINE_BYTES:
            raise RemoteProtocolError(f"a popup line of over {MAX_LINE_BYTES} bytes")
        return (_line(line) for line in lines if line.strip(b"_\r"))


def _line(line: bytes) -> PopupLine:
    kind, _, rest = line.decode("utf-8", "replace").strip("\r").partition(" ")
    return PopupLine(kind.rstrip(":"), _fields(rest))


def _fields(text: str) -> dict[str, str]:
    """``name:[[value]] name:[[value]]``, in time that grows with its length and no faster."""
    *parts, last = _BETWEEN.split(text)
    if last.endswith("]]"):
        parts.append(last[:-2])
    cut = (part.partition(":[[") for part in parts)
    return {name: value for name, mark, value in cut if mark and _NAME.fullmatch(name)}

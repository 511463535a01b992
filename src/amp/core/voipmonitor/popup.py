"""The stream of ``login_screen_popup``, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from amp.errors import RemoteProtocolError

__all__ = ["PopupLine", "PopupReader"]

MAX_LINE_BYTES: Final = 64 << 10
_FIELD: Final = re.compile(r"([A-Za-z_]\w*):\[\[(.*?)\]\](?= [A-Za-z_]\w*:\[\[|\Z)", re.DOTALL)
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
    return PopupLine(kind.rstrip(":"), dict(_FIELD.findall(rest)))

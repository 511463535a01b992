"""The quick way to write plain events as JSON: compiled where that could be, else by forms that are learned.

Both leave an event alone if anything about it is odd; `amp.core.ws.event_json` writes it then. Nobody can
tell from the bytes which of the three it was.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, Protocol

import attrs

from amp.core.ws.event_forms import EventForms

__all__ = ["COMPILED", "CompiledWriter", "EventWriter", "event_writer"]

COMPILED: Final = "amp.core.ws.speedups"
"""Made of ``speedups.c`` when amp was installed, if a C compiler and Python's headers were there."""


class EventWriter(Protocol):
    """Writes events, and may take note of those that it cannot write yet."""

    @property
    def write(self) -> Callable[[list[bytes], bytes, int], list[bytes]]:
        """Write consecutive events, each as one JSON object: ``FRONT SEQ,"event":"X","headers":{…}}``.

        It is called with the events without closing blank line, in any bytes; what stands in front of each
        one's number; and the number of the first. What it gives is empty for each event that has to be
        written another way.
        """

    @property
    def frame(self) -> Callable[[list[bytes], bytes, int], bytes]:
        """The same, as unmasked WebSocket text frames one behind the other.

        What it gives is empty if one of the events has to be written another way, or all of them.
        """

    def learn(self, raw: bytes) -> None:
        """Take note of an event that was written another way."""


@attrs.frozen
class CompiledWriter:
    """The one in C: it takes every event that is plain, and has nothing to learn."""

    write: Callable[[list[bytes], bytes, int], list[bytes]]
    frame: Callable[[list[bytes], bytes, int], bytes]

    def learn(self, raw: bytes) -> None:
        """It writes all that it ever will."""


def event_writer(compiled: str = COMPILED) -> EventWriter:
    """The quickest one that there is here.

    Args:
        compiled: the module that has it in C.
    """
    try:
        module = import_module(compiled)
    except ImportError:
        return EventForms()
    return CompiledWriter(module.event_messages, module.event_frames)

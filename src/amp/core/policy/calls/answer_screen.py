"""Answers to a user who has channels or a context of its own: of lists, only what is about its calls.

A list item that names a channel is shown if one of those is the user's; one that names none (a queue,
a peer, a parking lot) is shown, unless it names another context than the user's. What the end of a list says
about the number of items is what was shown.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final

import attrs

from amp.core.formats.dress import Answer
from amp.core.policy.calls.call_filter import CallFilter
from amp.core.policy.calls.parties import is_name, read_event

__all__ = ["AnswerScreen"]

OPEN_LISTS: Final = 256
"""Lists whose hidden items are remembered; a client has at most ``actions_per_client`` open."""

EVENT: Final = b"Event: "
RESPONSE: Final = b"Response: "
ACTION_ID: Final = re.compile(rb"\r\nActionID: ([^\r\n]*)")
IS_END: Final = re.compile(
    rb"(?i)\r\nEventList: (?:Complete|cancelled)(?:\r\n|$)|^Event: [^\r\n]*Complete\r?(?:\n|$)"
)
COUNT: Final = re.compile(rb"(?m)^((?:ListItems|Items|Total): )(\d{1,9})(?=\r?$)")
OLD_CHANNELS: Final = re.compile(rb"\r\n(?:LoggedInChan|TalkingToChan): ([^\r\n]+)")
"""Items of Agents name channels in headers of their own."""


@attrs.define(eq=False)
class AnswerScreen:
    """One client's. Call it with the answers of one turn in order (`amp.core.formats.dress.Screen`).

    Args:
        filter: whose calls are the user's.
    """

    filter: CallFilter
    _hidden: OrderedDict[tuple[bytes, bytes], int] = attrs.field(factory=OrderedDict, init=False)
    """How many items of a list were left out, by server and ActionID."""
    _shows: bool = attrs.field(default=True, init=False)
    """Whether the last frame was shown: broken pieces go where their frame went."""

    def __call__(self, answers: list[Answer]) -> list[Answer]:
        """What the client may see of these."""
        return [Answer(self._dressed(answer), answer.server) for answer in answers if self._judge(answer)]

    def _judge(self, answer: Answer) -> bool:
        frame = answer.frame
        if frame.startswith(RESPONSE) or (frame.startswith(EVENT) and IS_END.search(frame)):
            self._shows = True
        elif frame.startswith(EVENT):
            self._shows = self._is_own(frame)
            if not self._shows:
                self._count(_list_of(answer))
        return self._shows

    def _is_own(self, frame: bytes) -> bool:
        event = read_event(frame)
        parties = [(party.name, party.context) for party in event.parties if party.name]
        parties += [(name, b"") for name in OLD_CHANNELS.findall(frame) if is_name(name)]
        if parties:
            return any(self.filter.owns(name, context) for name, context in parties)
        return not self.filter.in_context or event.context in (b"", self.filter.in_context)

    def _count(self, key: tuple[bytes, bytes]) -> None:
        self._hidden[key] = self._hidden.get(key, 0) + 1
        if len(self._hidden) > OPEN_LISTS:
            self._hidden.popitem(last=False)

    def _dressed(self, answer: Answer) -> bytes:
        """The frame with the user's account, and at the end of a list with the number that was shown."""
        frame = answer.frame
        if frame.startswith(EVENT):
            if self._hidden and IS_END.search(frame):
                hidden = self._hidden.pop(_list_of(answer), 0)
                frame = COUNT.sub(lambda found: b"%s%d" % (found[1], max(int(found[2]) - hidden, 0)), frame)
            frame = self.filter.dressed(frame)
        return frame


def _list_of(answer: Answer) -> tuple[bytes, bytes]:
    found = ACTION_ID.search(answer.frame)
    return answer.server, found[1] if found else b""

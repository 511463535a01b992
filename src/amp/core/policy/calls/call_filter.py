"""What of the events a user with a channel, a context, or one of astmanproxy's filters sees."""

from __future__ import annotations

import re
from typing import Final

import attrs

__all__ = ["AMP_EVENTS", "BRIDGES", "CDRS", "NO_CALL_FILTER", "TRANSFERS", "VARIABLES", "CallFilter"]

CDRS: Final = frozenset((b"cdr",))
BRIDGES: Final = frozenset((b"bridge", b"bridgecreate", b"bridgeenter", b"bridgeleave", b"bridgedestroy"))
TRANSFERS: Final = frozenset((b"transfer", b"blindtransfer", b"attendedtransfer"))
VARIABLES: Final = frozenset((b"set", b"setvar", b"varset"))

AMP_EVENTS: Final = frozenset((b"serverdown", b"serverup", b"proxygap"))
"""What amp itself tells of a server. It names no channel and concerns every call."""

ACCOUNT: Final = re.compile(rb"(?im)^(Account: ?)[^\r\n]*")


def _small(text: bytes) -> bytes:
    return text.lower()


@attrs.frozen(kw_only=True, cache_hash=True)
class CallFilter:
    """A user's restrictions on events; equal ones share everything that is known about their calls.

    Attributes:
        channel: how the names of the user's channels begin, in small letters; empty for any.
        in_context: the user's calls are those that have been in this context; empty for any.
        more_events: also events that name no channel.
        only: names of events, in small letters; if there are any, nothing else is shown.
        hidden: names of events that are not shown.
        account: stands in each ``Account`` header instead of what the server says; empty to leave it.
    """

    channel: bytes = attrs.field(default=b"", converter=_small)
    in_context: bytes = b""
    more_events: bool = False
    only: frozenset[bytes] = frozenset()
    hidden: frozenset[bytes] = frozenset()
    account: bytes = b""

    def __bool__(self) -> bool:
        """Whether it changes anything; ``more_events`` alone does not."""
        return bool(self.channel or self.in_context or self.only or self.hidden or self.account)

    @property
    def follows_calls(self) -> bool:
        """Whether it depends on whose call an event is about."""
        return bool(self.channel or self.in_context)

    @property
    def changes_answers(self) -> bool:
        """Whether lists and other answers are another than what the server sends."""
        return self.follows_calls or bool(self.account)

    def permits(self, kind: bytes) -> bool:
        """Whether events of this name (in small letters) may be shown at all."""
        return kind not in self.hidden and (not self.only or kind in self.only)

    def owns(self, name: bytes, context: bytes) -> bool:
        """Whether a channel is the user's own, by its name and the context it is in."""
        if self.channel and not name.lower().startswith(self.channel):
            return False
        return not self.in_context or context == self.in_context

    def dressed(self, frame: bytes) -> bytes:
        """A raw frame with the user's account code in it."""
        if not self.account or b"ccount:" not in frame:
            return frame
        return ACCOUNT.sub(lambda found: found[1] + self.account, frame)


NO_CALL_FILTER: Final = CallFilter()

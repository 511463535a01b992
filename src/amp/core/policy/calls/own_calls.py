"""What a user with a channel, a context or an account of its own may do, and how its actions are changed.

Which header of an action names a channel or a context is told by its name alone, whatever the action, so that
none is forgotten; a value that is in doubt is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import attrs

from amp.core.ami.frame import Frame, Header
from amp.core.policy.classes import Door
from amp.core.policy.dialplan_text import local_contexts, subroutine_context

__all__ = ["SHUT", "FilterLocal", "OwnCalls"]

FilterLocal = Literal["off", "allow", "allowwith", "enforce"]

SHUT: Final = frozenset(
    door.value
    for door in (
        Door.COMMAND,
        Door.AGI,
        Door.ORIGINATE_APPLICATION,
        Door.FUNCTION_CALLS,
        Door.SPECIAL_VARIABLES,
        Door.DIALPLAN_EXTENSION,
    )
)
"""Doors behind which there is every channel and every context: they stay shut for a user who has its own,
except ``command`` as far as ``commands`` narrows it."""

CHANNELS: Final = frozenset((b"channel1", b"channel2", b"caller", b"channelprefix"))
"""Headers with a channel whose names do not end in ``channel`` (Bridge, QueueWithdrawCaller, AOCMessage)."""

WITHOUT_CHANNEL: Final = frozenset((b"setvar", b"getvar"))
"""Without ``Channel`` these are about global variables, which every call reads."""

ABOUT_BRIDGES: Final = frozenset((b"bridgedestroy", b"meetmemute", b"meetmeunmute"))
"""They end or mute calls of others by the name of a bridge or a number in a conference."""

MOVES: Final = frozenset((b"originate", b"redirect", b"atxfer", b"blindtransfer", b"agentcallbacklogin"))
"""Actions that send a channel to ``Context``, or to one of Asterisk's choice if there is none."""


@attrs.frozen(kw_only=True)
class OwnCalls:
    """A user's restrictions on actions. Sources: astmanproxy's README and ``filterlocal``; safer where the
    docstrings say so.

    Attributes:
        channel: how the names of the user's channels begin, in small letters; empty for any.
        out_context: the only context that its actions may name; empty for any.
        account: stands in ``Account``, on Originate always; empty to leave it.
        filter_local: which Local channels it may originate besides its own: none, ``allow`` all,
            ``allowwith`` those into ``out_context``, ``enforce``: all, and they lead into ``out_context``.
    """

    channel: bytes = b""
    out_context: bytes = b""
    account: bytes = b""
    filter_local: FilterLocal = "off"

    @property
    def fences(self) -> bool:
        """Whether there is anything that the user may not reach; an account is no fence."""
        return bool(self.channel or self.out_context)

    def refusal(self, action: Frame) -> str | None:
        """Why the user may not do this, or ``None`` if it may.

        Every value of every header counts: astmanproxy was content if one channel was the user's.
        """
        name = (action.firsts.get(b"action") or b"").lower()
        if name in ABOUT_BRIDGES and self.channel:
            return "an action on other channels than the user's"
        if name in WITHOUT_CHANNEL and self.channel and not any(action.get_all(b"Channel")):
            return "a global variable; the user has channels of its own"
        for header, value in action.headers:
            low = header.strip().lower()
            if not value or low == b"channelid":
                continue
            if low.endswith(b"channel") or low in CHANNELS:
                called = name == b"originate" and low == b"channel"
                allowed = self._may_call(value) if called else self._is_own(value)
                if not allowed:
                    return f"the channel in {_shown(header)} is not the user's"
                continue
            named = subroutine_context(value) if low == b"predialgosub" else value
            if low.endswith((b"context", b"predialgosub")) and not self._is_out(named):
                return f"the context in {_shown(header)} is not the user's"
        return None

    def rewritten(self, action: Frame) -> Frame:
        """The action with what is forced on it; the very same frame if that is nothing.

        An action that would leave the context to Asterisk gets the user's: astmanproxy let it pass.
        """
        name = (action.firsts.get(b"action") or b"").lower()
        headers = list(self._changed(name, action.headers))
        if self.account and name == b"originate":
            headers = [header for header in headers if header[0].strip().lower() != b"account"]
            headers.append((b"Account", self.account))
        if self.out_context and name in MOVES:
            headers = self._with_context(headers)
        if tuple(headers) == action.headers:
            return action
        # Lines without a name are nothing to Asterisk, and no part of a frame that amp makes.
        return Frame(tuple(header for header in headers if header[0]))

    def _changed(self, name: bytes, headers: tuple[Header, ...]) -> Iterator[Header]:
        for header, value in headers:
            low = header.strip().lower()
            if self.account and low == b"account":
                yield header, self.account
            elif name == b"originate" and low == b"channel" and self._is_enforced(value):
                yield header, _led_into(value, self.out_context)
            else:
                yield header, value

    def _with_context(self, headers: list[Header]) -> list[Header]:
        """Name the user's context where a channel is sent to an extension and none is named."""
        kept = [(name, value) for name, value in headers if value or not name.lower().endswith(b"context")]
        given = {name.strip().lower() for name, value in kept if value}
        if b"context" not in given and not given & {b"application", b"data"}:
            kept.append((b"Context", self.out_context))
        if b"extraexten" in given and b"extracontext" not in given:
            kept.append((b"ExtraContext", self.out_context))
        return kept

    def _is_own(self, channel: bytes) -> bool:
        return channel.lower().startswith(self.channel)

    def _is_out(self, context: bytes | None) -> bool:
        return not self.out_context or context == self.out_context

    def _may_call(self, channels: bytes) -> bool:
        """Whether the user may originate all of these channels (``&`` joins several)."""
        return self._is_enforced(channels) or all(map(self._may_call_one, channels.split(b"&")))

    def _may_call_one(self, channel: bytes) -> bool:
        contexts = list(local_contexts(channel))
        if contexts and self.filter_local == "allow":
            return True
        if contexts and self.filter_local != "off":
            return contexts == [self.out_context]
        # A prefix like SIP/100- is meant for names of channels, to which Asterisk adds its number.
        own = self._is_own(channel) or channel.lower() + b"-" == self.channel
        return own and all(map(self._is_out, contexts))

    def _is_enforced(self, channel: bytes) -> bool:
        """Whether it is a Local channel that can be led into the user's context; no doubtful one can."""
        return (
            self.filter_local == "enforce"
            and b"&" not in channel
            and any(context is not None for context in local_contexts(channel))
        )


def _led_into(channel: bytes, context: bytes) -> bytes:
    """``Local/exten@other/n`` into ``Local/exten@context/n``."""
    technology, _, rest = channel.partition(b"/")
    extension, slash, options = rest.partition(b"/")
    return b"%s/%s@%s%s%s" % (technology, extension.partition(b"@")[0], context, slash, options)


def _shown(header: bytes) -> str:
    return header.decode("ascii", "replace")[:40]

"""The one question before an action goes anywhere: may this user do this?"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import attrs

from amp.core.ami.frame import Frame
from amp.core.policy.actions import ACTIONS
from amp.core.policy.calls.own_calls import SHUT, OwnCalls
from amp.core.policy.classes import Door
from amp.core.policy.doors import GUARDS, Guard, Limits, narrowed_command
from amp.core.policy.rights import is_known, may_write

__all__ = ["Policy", "Refusal", "admitted", "authorise"]

DENIED = b"Permission denied"


def _words(words: Iterable[str]) -> frozenset[str]:
    return frozenset(words)


def _context_list(contexts: Iterable[str | bytes] | None) -> frozenset[bytes] | None:
    return None if contexts is None else frozenset(map(_bytes, contexts))


def _command_list(commands: Iterable[str | bytes]) -> tuple[bytes, ...]:
    return tuple(map(_bytes, commands))


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


@attrs.frozen(kw_only=True)
class Policy:
    """What a user may do; equal policies are equal keys.

    Attributes:
        write: classes, amp's own rights and doors, in the words of `amp.core.policy.classes.RIGHTS`.
        contexts: where the user may send channels, see `Limits.contexts`.
        commands: which console commands the door ``command`` lets through; empty is all.
        own: the user has channels, a context or an account of its own; ``None`` if it has not.
    """

    write: frozenset[str] = attrs.field(default=frozenset(), converter=_words)
    contexts: frozenset[bytes] | None = attrs.field(default=None, converter=_context_list)
    commands: tuple[bytes, ...] = attrs.field(default=(), converter=_command_list)
    own: OwnCalls | None = None
    doors: frozenset[str] = attrs.field(init=False, eq=False, repr=False)
    """What of ``write`` opens doors."""
    free: frozenset[bytes] = attrs.field(init=False, eq=False, repr=False)
    """The actions, in small letters, that are allowed whatever their headers say: most of an usual user's."""

    @doors.default
    def _doors(self) -> frozenset[str]:
        if self.own is None or not self.own.fences:
            return self.write
        return self.write - (SHUT - {Door.COMMAND} if self.commands else SHUT)

    @free.default
    def _free(self) -> frozenset[bytes]:
        return _free_actions(self.write, self.doors, bool(self.commands))


@attrs.frozen
class Refusal:
    """Why not.

    Attributes:
        message: the text for the client's ``Response: Error``; begins with "Permission denied" as
            Asterisk's does, or says in Asterisk's words that there is no such action.
        door: the door that is shut; ``None`` if a class is missing.
    """

    message: bytes
    door: Door | None = None


def admitted(policy: Policy, action: Frame) -> Frame | Refusal:
    """What becomes of a user's action: it goes on, perhaps changed to what the user may do, or it does not.

    Args:
        action: as the client sent it.
    """
    own = policy.own
    if own is None:
        return authorise(policy, action) or action
    changed = own.rewritten(action)
    refusal = authorise(policy, changed)
    if refusal is None and (reason := own.refusal(action)) is not None:
        refusal = Refusal(b"%s: %s" % (DENIED, reason.encode()))
    return refusal or changed


def authorise(policy: Policy, action: Frame) -> Refusal | None:
    """Whether a user may do this; ``None`` is yes.

    Args:
        action: as the client sent it. If it has several ``Action`` headers each one must be allowed.
    """
    firsts = action.firsts
    if firsts.get(b"action", b"").lower() in policy.free and len(firsts) == len(action.headers):
        return None  # no header stands there twice, so there is but one Action
    for name in action.get_all(b"Action"):
        refusal = _authorise_one(policy, name, action)
        if refusal is not None:
            return refusal
    return None


@functools.lru_cache(maxsize=256)
def _free_actions(write: frozenset[str], doors: frozenset[str], narrowed: bool) -> frozenset[bytes]:
    """Actions of our table that no guard looks into for a user with these rights."""
    return frozenset(
        name
        for name in ACTIONS
        if may_write(write, name)
        and all(guard.door.value in doors for guard in GUARDS.get(name, ()))
        and not (narrowed and name == b"command")
    )


def _authorise_one(policy: Policy, name: bytes, action: Frame) -> Refusal | None:
    if name != name.strip():
        return Refusal(_unknown(name))  # Asterisk keeps the blank, and knows no such action
    if not may_write(policy.write, name):
        return Refusal(DENIED if is_known(name) else _unknown(name))
    limits = Limits(policy.contexts, policy.commands)
    key = name.strip().lower()
    for guard in GUARDS.get(key, ()):
        if guard.door.value not in policy.doors:
            refusal = _refuse(guard, action, limits)
            if refusal is not None:
                return refusal
    if key == b"command" and (reason := narrowed_command(action, limits)) is not None:
        return Refusal(b"%s: %s" % (DENIED, reason.encode()), Door.COMMAND)
    return None


def _refuse(guard: Guard, action: Frame, limits: Limits) -> Refusal | None:
    reason = guard.reason(action, limits)
    if reason is None:
        return None
    return Refusal(b"%s: %s (right %s)" % (DENIED, reason.encode(), guard.door.encode()), guard.door)


def _unknown(name: bytes) -> bytes:
    # What Asterisk says to a user without rights too (recording readonly-denied).
    return b"Invalid/unknown command: %s. Use Action: ListCommands to show available commands." % name

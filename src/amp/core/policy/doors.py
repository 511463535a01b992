"""The shut doors: what of an action leads to a shell, to files or to the configuration.

Asterisk's classes do not tell these apart (``call`` may read SHELL(id) through Getvar, ``originate`` may
run System()), so amp looks into the action. Every value of a repeated header counts: which one Asterisk
takes depends on its version. Sources: Asterisk's README-SERIOUSLY.bestpractices ("Manager Class
Authorizations") and the action's own help; what each check relies on stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs

from amp.core.ami.frame import Frame
from amp.core.policy.classes import Door
from amp.core.policy.dialplan_text import (
    calls_function,
    is_special,
    local_contexts,
    names_in,
    opens_stream,
    subroutine_context,
    unsafe_file,
)

__all__ = ["ANY_CONTEXT", "GUARDS", "Guard", "Limits", "command_allowed", "narrowed_command"]

ANY_CONTEXT: Final = b"*"


@attrs.frozen
class Limits:
    """How far a user's doors are open.

    Attributes:
        contexts: where the user may send channels; ``*`` is anywhere. ``None``: nothing was configured,
            then moving channels is shut, and Originate goes where Asterisk's class ``originate`` goes.
        commands: console commands with ``*`` for anything; empty is every command.
    """

    contexts: frozenset[bytes] | None = None
    commands: tuple[bytes, ...] = ()

    def allows_context(self, context: bytes | None) -> bool:
        """Whether a context is in the list; ``None`` is a context that nobody can tell."""
        listed = self.contexts or frozenset()
        return ANY_CONTEXT in listed or context in listed


Reason = Callable[[Frame, Limits], str | None]
"""Why this action comes to the door, or ``None`` if it does not."""


@attrs.frozen
class Guard:
    """One door and when an action needs it open."""

    door: Door
    reason: Reason


def command_allowed(command: bytes, patterns: tuple[bytes, ...]) -> bool:
    """Whether a console command fits one of the patterns; blanks and case are Asterisk's to ignore."""
    words = b" ".join(command.lower().split())
    return any(_fits(words, b" ".join(pattern.lower().split())) for pattern in patterns)


def _fits(text: bytes, pattern: bytes) -> bool:
    first, *others = pattern.split(b"*")
    if not others:
        return text == first
    if not text.startswith(first):
        return False
    *middle, last = others
    at = len(first)
    for part in middle:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return text.endswith(last) and len(text) - len(last) >= at


def _always(text: str) -> Reason:
    return lambda action, limits: text


def _given(*names: bytes) -> Reason:
    def reason(action: Frame, limits: Limits) -> str | None:
        found = [name for name in names if any(action.get_all(name))]
        return f"header {found[0].decode()}" if found else None

    return reason


def _function_in_names(header: bytes) -> Reason:
    def reason(action: Frame, limits: Limits) -> str | None:
        called = any(calls_function(value, name=True) for value in action.get_all(header))
        return f"a function in {header.decode()}" if called else None

    return reason


def _function_in_value(header: bytes) -> Reason:
    def reason(action: Frame, limits: Limits) -> str | None:
        called = any(calls_function(value) for value in action.get_all(header))
        return f"an expression in {header.decode()}" if called else None

    return reason


def _function_in_assignments(action: Frame, limits: Limits) -> str | None:
    for value in action.get_all(b"Variable"):
        if calls_function(value) or any(calls_function(name, name=True) for name in names_in(value)):
            return "a function in Variable"
    return None


def _special_variable(action: Frame, limits: Limits) -> str | None:
    for value in action.get_all(b"Variable"):
        if any(is_special(name) for name in names_in(value)):
            return "a variable that Asterisk acts on"
    return None


def _files(*names: bytes) -> Reason:
    def reason(action: Frame, limits: Limits) -> str | None:
        found = [name for name in names if any(unsafe_file(value) for value in action.get_all(name))]
        return f"the path in {found[0].decode()}" if found else None

    return reason


def _option_files(action: Frame, limits: Limits) -> str | None:
    # r(file) and t(file) record each direction on its own.
    unsafe = any(b"(/" in value or b".." in value for value in action.get_all(b"Options"))
    return "a path in Options" if unsafe else None


def _smuggled_command(action: Frame, limits: Limits) -> str | None:
    values = action.get_all(b"File") + action.get_all(b"Options")
    return "a comma in File or Options" if any(b"," in value or b"|" in value for value in values) else None


def narrowed_command(action: Frame, limits: Limits) -> str | None:
    """Why the open door ``command`` is too narrow for this action, or ``None`` if it fits."""
    wrong = [value for value in action.get_all(b"Command") if not command_allowed(value, limits.commands)]
    return "this command is not in the user's list" if limits.commands and wrong else None


def _named_contexts(*names: bytes) -> Reason:
    def reason(action: Frame, limits: Limits) -> str | None:
        given = [value for name in names for value in action.get_all(name) if value]
        # Without Context Asterisk stays in the channel's own, which nobody here can tell.
        known = bool(action.get(names[0]))
        fine = all(map(limits.allows_context, given)) and (known or limits.allows_context(None))
        return None if fine else "the context is not in the user's list"

    return reason


def _local_channels(*names: bytes) -> Reason:
    def reason(action: Frame, limits: Limits) -> str | None:
        if limits.contexts is None:
            return None
        values = [value for name in names for value in action.get_all(name)]
        fine = all(limits.allows_context(context) for value in values for context in local_contexts(value))
        return None if fine else "a Local channel in a context that is not in the user's list"

    return reason


def _streams(*names: bytes) -> Reason:
    def reason(action: Frame, limits: Limits) -> str | None:
        values = [value for name in names for value in action.get_all(name)]
        return "a channel that connects to any host" if any(map(opens_stream, values)) else None

    return reason


def _global_variable(action: Frame, limits: Limits) -> str | None:
    # What GLOBAL() sets, and what dialplans read as their own settings.
    return None if any(action.get_all(b"Channel")) else "a global variable (no Channel)"


def _originate_context(action: Frame, limits: Limits) -> str | None:
    if limits.contexts is None:
        return None
    contexts: list[bytes | None] = [value or b"default" for value in action.get_all(b"Context")]
    if not contexts and any(action.get_all(b"Exten")):
        contexts = [b"default"]
    contexts += [subroutine_context(value) for value in action.get_all(b"PreDialGoSub") if value]
    fine = all(map(limits.allows_context, contexts))
    return None if fine else "the context is not in the user's list"


FUNCTIONS: Final = Guard(Door.FUNCTION_CALLS, _function_in_assignments)
SPECIAL: Final = Guard(Door.SPECIAL_VARIABLES, _special_variable)
CONFIG: Final = Guard(Door.CONFIG, _always("the configuration"))
DIALPLAN: Final = Guard(Door.DIALPLAN_EXTENSION, _always("changing the dialplan"))
REDIRECT: Final = Guard(Door.CONTEXTS, _named_contexts(b"Context", b"ExtraContext"))
TRANSFER: Final = Guard(Door.CONTEXTS, _named_contexts(b"Context"))

GUARDS: Final[Mapping[bytes, tuple[Guard, ...]]] = {
    b"command": (Guard(Door.COMMAND, _always("the console")),),
    b"getconfig": (CONFIG,),
    b"getconfigjson": (CONFIG,),
    b"updateconfig": (CONFIG,),
    b"createconfig": (CONFIG,),
    b"listcategories": (CONFIG,),
    b"agi": (Guard(Door.AGI, _always("AGI commands")),),
    b"dbput": (Guard(Door.DBPUT, _always("writing to the database")),),
    b"moduleload": (Guard(Door.MODULE_LOAD, _always("loading modules")),),
    b"dialplanextensionadd": (DIALPLAN,),
    b"dialplanextensionremove": (DIALPLAN,),
    b"mixmonitor": (
        Guard(Door.MIXMONITOR_COMMAND, _given(b"Command")),
        Guard(Door.MIXMONITOR_COMMAND, _smuggled_command),
        Guard(Door.FILES, _files(b"File")),
        Guard(Door.FILES, _option_files),
    ),
    b"monitor": (Guard(Door.FILES, _files(b"File", b"Format")),),
    b"changemonitor": (Guard(Door.FILES, _files(b"File")),),
    b"confbridgestartrecord": (Guard(Door.FILES, _files(b"RecordFile")),),
    b"getvar": (Guard(Door.FUNCTION_CALLS, _function_in_names(b"Variable")),),
    b"setvar": (
        Guard(Door.FUNCTION_CALLS, _global_variable),
        Guard(Door.FUNCTION_CALLS, _function_in_names(b"Variable")),
        Guard(Door.FUNCTION_CALLS, _function_in_value(b"Value")),
        SPECIAL,
    ),
    b"status": (Guard(Door.FUNCTION_CALLS, _function_in_names(b"Variables")),),
    b"messagesend": (FUNCTIONS, SPECIAL),
    b"originate": (
        Guard(Door.ORIGINATE_APPLICATION, _given(b"Application", b"Data")),
        Guard(Door.ORIGINATE_APPLICATION, _streams(b"Channel")),
        FUNCTIONS,
        SPECIAL,
        Guard(Door.FUNCTION_CALLS, _function_in_value(b"PreDialGoSub")),
        Guard(Door.CONTEXTS, _originate_context),
        Guard(Door.CONTEXTS, _local_channels(b"Channel")),
    ),
    b"redirect": (REDIRECT,),
    b"blindtransfer": (TRANSFER,),
    b"atxfer": (TRANSFER,),
    b"agentcallbacklogin": (TRANSFER,),
    b"queueadd": (
        Guard(Door.CONTEXTS, _local_channels(b"Interface")),
        Guard(Door.ORIGINATE_APPLICATION, _streams(b"Interface")),
    ),
    b"park": (
        Guard(Door.CONTEXTS, _local_channels(b"TimeoutChannel", b"Channel2")),
        Guard(Door.ORIGINATE_APPLICATION, _streams(b"TimeoutChannel", b"Channel2")),
    ),
}
"""By the action's name in small letters, in the order in which they are told to the client."""

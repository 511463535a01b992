"""What a value of an action would make the dialplan do, read so that doubt counts as yes.

amp does not evaluate anything: these are the few marks without which Asterisk evaluates nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = [
    "calls_function",
    "is_special",
    "local_contexts",
    "names_in",
    "opens_stream",
    "subroutine_context",
    "unsafe_file",
]

EVALUATION: Final = (b"${", b"$[", b"^{")
"""``${}`` and ``$[]`` are evaluated by the dialplan, ``^{}`` by MixMonitor's command."""

SHELL_MARKS: Final = frozenset(b"\"'`$;&|<>\\(){}[]*?!~#,\t\r\n")
"""Monitor with ``Mix`` puts file name and format into a shell line (Asterisk ``res/res_monitor.c``);
MixMonitor joins file, options and command with commas, so a comma in the file begins a command
(``apps/app_mixmonitor.c``, manager_mixmonitor)."""

SPECIAL: Final = frozenset(
    b"DYNAMIC_FEATURES TRANSFER_CONTEXT FORWARD_CONTEXT GOTO_ON_BLINDXFR MACRO_CONTEXT MEETME_RECORDINGFILE"
    b" MEETME_AGI_BACKGROUND MEETME_EXIT_CONTEXT PARKINGDYNCONTEXT".split()
)
SPECIAL_BEGINNINGS: Final = (b"MONITOR_", b"TOUCH_MONITOR", b"TOUCH_MIXMONITOR")
"""``MONITOR_EXEC`` is a shell command to Monitor and to recording queues; the others name files, features
or contexts that Asterisk goes by."""

STREAMS: Final = (b"audiosocket/", b"unicastrtp/", b"multicastrtp/")


def calls_function(text: bytes, *, name: bool = False) -> bool:
    """Whether this could make Asterisk evaluate something.

    Args:
        text: a value, or the name of a variable.
        name: it is a name, where any bracket makes it a function (``SHELL(id)``).
    """
    return any(mark in text for mark in EVALUATION) or (name and (b"(" in text or b")" in text))


def names_in(assignments: bytes) -> Iterator[bytes]:
    """The names in a header ``Variable: a=1,b=2``, and some that are none.

    Split at every comma and bar (old Asterisks) though Asterisk spares those in quotes and brackets: each
    of its own borders is one of ours, so no name can hide; a value with a comma may look like a name.
    """
    for piece in assignments.replace(b"|", b",").split(b","):
        yield piece.partition(b"=")[0].strip(b" \t\"'")


def is_special(name: bytes) -> bool:
    """Whether Asterisk itself acts on the variable; leading underscores only say that it is inherited."""
    bare = name.strip().lstrip(b"_").upper()
    return bare in SPECIAL or bare.startswith(SPECIAL_BEGINNINGS)


def local_contexts(channels: bytes) -> Iterator[bytes | None]:
    """The context of each Local channel in a dial string; ``None`` where readings differ.

    ``Local/exten@context/options``; without ``@`` it is ``default``. A string may join channels by ``&``.
    """
    for channel in channels.split(b"&"):
        technology, slash, rest = channel.strip().partition(b"/")
        if technology.lower() != b"local" or not slash:
            continue
        parts = rest.split(b"/")[0].split(b"@")
        # Asterisks differ in which of several "@" they take, and whether a "/" may be in the extension.
        doubtful = len(parts) > 2 or any(b"@" in part for part in rest.split(b"/")[1:])
        yield None if doubtful else parts[1] if len(parts) == 2 else b"default"


def opens_stream(channels: bytes) -> bool:
    """Whether a dial string makes Asterisk itself connect to whatever host it names.

    ``AudioSocket/host:port/id`` and ``UnicastRTP/host:port`` send the call's sound there and take what comes
    (Asterisk ``channels/chan_audiosocket.c``, ``chan_rtp.c``); a string may join channels by ``&``.
    """
    return any(channel.strip().lower().startswith(STREAMS) for channel in channels.split(b"&"))


def subroutine_context(location: bytes) -> bytes | None:
    """The context of ``[[context,]exten,]priority[(arguments)]``; ``None`` if it names none."""
    parts = location.partition(b"(")[0].split(b",")
    return parts[0].strip() if len(parts) == 3 else None


def unsafe_file(name: bytes) -> bool:
    """Whether a recording's name leaves the recordings' directory, or holds what a shell would read."""
    return name.startswith(b"/") or b".." in name or not SHELL_MARKS.isdisjoint(name)

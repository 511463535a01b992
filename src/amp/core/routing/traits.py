"""What the router must know of an action before it sends it.

An Asterisk works one action at a time per session, so a slow one holds up whatever stands behind it; and some
answers carry values with raw line ends, behind which a forged frame may follow (recording getvar-newline).
"""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

from amp.core.ami.frame import Frame

__all__ = ["Traits", "traits_of"]

BLOCKERS: Final = frozenset((b"command", b"moduleload", b"originate", b"reload"))
"""May take seconds (recording originate-sync-blocks; CLI commands, modules and reloads at their leisure)."""

RAW_VALUED: Final = frozenset((b"dbget", b"dbgettree", b"getvar", b"status"))
"""Answers hold values with line ends as they are; of Status only with its variables."""

TRUE: Final = frozenset((b"1", b"on", b"t", b"true", b"y", b"yes"))
"""What Asterisk takes for true (``ast_true`` in ``main/utils.c``), without case."""

ORIGINATE_TIMEOUT_MS: Final = 30_000
"""How long Originate rings without a Timeout header (``manager.c``)."""

LONGEST_TIMEOUT_MS: Final = 2**31 - 1
"""Asterisk reads the Timeout into an int and refuses more."""

COMPLETIONS: Final[dict[bytes, bytes]] = {
    b"agents": b"AgentsComplete",
    b"dahdishowchannels": b"DAHDIShowChannelsComplete",
    b"dbget": b"DBGetResponse",
    b"iaxpeerlist": b"PeerlistComplete",
    b"iaxpeers": b"PeerlistComplete",
    b"iaxregistry": b"RegistrationsComplete",
    b"meetmelist": b"MeetmeListComplete",
    b"parkedcalls": b"ParkedCallsComplete",
    b"prishowspans": b"PRIShowSpansComplete",
    b"queuestatus": b"QueueStatusComplete",
    b"queuesummary": b"QueueSummaryComplete",
    b"showdialplan": b"ShowDialPlanComplete",
    b"sippeers": b"PeerlistComplete",
    b"sipshowregistry": b"RegistrationsComplete",
    b"skinnydevices": b"DevicelistComplete",
    b"skinnylines": b"LinelistComplete",
    b"status": b"StatusComplete",
    b"voicemailuserslist": b"VoicemailUserEntryComplete",
    b"zapshowchannels": b"ZapShowChannelsComplete",
}
"""Lists of Asterisks that do not mark them with EventList (1.4 to 1.8, some channel drivers longer): action
in small letters to the event that ends it. Source: ``manager.c``, ``app_queue.c``, ``chan_*.c`` of those
versions. An answer that says ``EventList: start`` never needs this."""


class Traits(NamedTuple):
    """What an action asks of its way.

    Attributes:
        server: the value of its Server header, blanks around it cut; empty if it has none.
        name: the action's name in small letters.
        exclusive: no other client's action may share its link.
        fenced: frames without ActionID may follow its answer and must not meet the next asker.
        ring_s: how long Asterisk itself may rightly take, in seconds; 0 for nearly all.
        completion: the event that ends its list where nothing else does; ``b""`` if it is no such list.
    """

    server: bytes
    name: bytes
    exclusive: bool
    fenced: bool
    ring_s: float
    completion: bytes


def traits_of(frame: Frame) -> Traits:
    """Read an action's headers; of repeated ones the first counts, as with Asterisk."""
    firsts = frame.firsts
    name = firsts.get(b"action", b"").lower()
    server = firsts.get(b"server", b"").strip()
    if name in BLOCKERS:
        return _blocker(server, name, frame)
    return _plain(server, name, name in RAW_VALUED and (name != b"status" or _names_variables(frame)))


@functools.lru_cache(maxsize=1024)
def _plain(server: bytes, name: bytes, fenced: bool) -> Traits:
    """Clients ask the same few things of the same servers; keeping these is a tenth of making one."""
    return Traits(server, name, fenced, fenced, 0.0, COMPLETIONS.get(name, b""))


def _blocker(server: bytes, name: bytes, frame: Frame) -> Traits:
    if name != b"originate":
        return Traits(server, name, True, False, 0.0, b"")
    if (frame.get(b"Async") or b"").lower() in TRUE:
        return Traits(server, name, False, False, 0.0, b"")
    return Traits(server, name, True, False, _timeout_ms(frame.get(b"Timeout") or b"") / 1000, b"")


def _names_variables(frame: Frame) -> bool:
    return frame.get(b"Variables") is not None or frame.get(b"AllVariables") is not None


def _timeout_ms(value: bytes) -> int:
    value = value.strip()
    if not value.isdigit() or len(value) > len(str(LONGEST_TIMEOUT_MS)):
        return ORIGINATE_TIMEOUT_MS
    return min(int(value), LONGEST_TIMEOUT_MS)

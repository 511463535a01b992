"""Event names with their classes, and the header blocks that events are made of.

Names, order and classes are those of recordings "stream-20calls" and "second-server"; a test compares them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from amp.sim.classes import CLASSES, class_text

__all__ = ["CHANNEL_HEADERS", "Event", "EventKind", "block_template", "header_block", "prefix_names"]


class Event(NamedTuple):
    """One event as it goes out.

    Attributes:
        bits: its class; a client gets it if its mask holds all of them.
        wire: the whole frame with its closing blank line.
    """

    bits: int
    wire: bytes


class EventKind:
    """An event's name and class, with the two header lines they make.

    Attributes:
        bits: the class as a mask.
        head: ``Event`` and ``Privilege`` lines.
    """

    __slots__ = ("bits", "head")

    def __init__(self, name: str, privilege: str) -> None:
        self.bits: Final = CLASSES[privilege.encode()]
        self.head: Final = b"Event: %s\r\nPrivilege: %s\r\n" % (name.encode(), class_text(self.bits))


CHANNEL_HEADERS: Final = (
    b"Channel",
    b"ChannelState",
    b"ChannelStateDesc",
    b"CallerIDNum",
    b"CallerIDName",
    b"ConnectedLineNum",
    b"ConnectedLineName",
    b"Language",
    b"AccountCode",
    b"Context",
    b"Exten",
    b"Priority",
    b"Uniqueid",
    b"Linkedid",
)
"""What every event about a channel tells of it, in order."""


def block_template(*names: bytes) -> bytes:
    """A ``%``-format for header lines of these names."""
    return b"".join(b"%s: %%s\r\n" % name for name in names)


def prefix_names(prefix: bytes) -> bytes:
    """The template of a channel in an event with several: ``DestChannel``, ``DestChannelState``, ..."""
    return block_template(*(prefix + name for name in CHANNEL_HEADERS))


def header_block(*headers: tuple[bytes, bytes]) -> bytes:
    """Header lines from names and values."""
    return b"".join([b"%s: %s\r\n" % header for header in headers])


SUCCESSFUL_AUTH: Final = EventKind("SuccessfulAuth", "security")
INVALID_ACCOUNT: Final = EventKind("InvalidAccountID", "security")
INVALID_PASSWORD: Final = EventKind("InvalidPassword", "security")
FULLY_BOOTED: Final = EventKind("FullyBooted", "system")
SHUTDOWN: Final = EventKind("Shutdown", "system")
RELOAD: Final = EventKind("Reload", "system")
USER_EVENT: Final = EventKind("UserEvent", "user")
NEWCHANNEL: Final = EventKind("Newchannel", "call")
NEWSTATE: Final = EventKind("Newstate", "call")
NEWEXTEN: Final = EventKind("Newexten", "dialplan")
NEW_CALLERID: Final = EventKind("NewCallerid", "call")
NEW_CONNECTED_LINE: Final = EventKind("NewConnectedLine", "call")
VARSET: Final = EventKind("VarSet", "dialplan")
LOCAL_BRIDGE: Final = EventKind("LocalBridge", "call")
DIAL_BEGIN: Final = EventKind("DialBegin", "call")
DIAL_STATE: Final = EventKind("DialState", "call")
DIAL_END: Final = EventKind("DialEnd", "call")
DEVICE_STATE: Final = EventKind("DeviceStateChange", "call")
HANGUP: Final = EventKind("Hangup", "call")
HANGUP_REQUEST: Final = EventKind("HangupRequest", "call")
SOFT_HANGUP: Final = EventKind("SoftHangupRequest", "call")
ORIGINATE_RESPONSE: Final = EventKind("OriginateResponse", "call")
CDR: Final = EventKind("Cdr", "cdr")
BRIDGE_CREATE: Final = EventKind("BridgeCreate", "call")
BRIDGE_ENTER: Final = EventKind("BridgeEnter", "call")
BRIDGE_LEAVE: Final = EventKind("BridgeLeave", "call")
BRIDGE_DESTROY: Final = EventKind("BridgeDestroy", "call")
MOH_START: Final = EventKind("MusicOnHoldStart", "call")
MOH_STOP: Final = EventKind("MusicOnHoldStop", "call")
DTMF_BEGIN: Final = EventKind("DTMFBegin", "dtmf")
DTMF_END: Final = EventKind("DTMFEnd", "dtmf")
QUEUE_JOIN: Final = EventKind("QueueCallerJoin", "agent")
QUEUE_LEAVE: Final = EventKind("QueueCallerLeave", "agent")
QUEUE_MEMBER_STATUS: Final = EventKind("QueueMemberStatus", "agent")
QUEUE_MEMBER_ADDED: Final = EventKind("QueueMemberAdded", "agent")
QUEUE_MEMBER_REMOVED: Final = EventKind("QueueMemberRemoved", "agent")
QUEUE_MEMBER_PAUSE: Final = EventKind("QueueMemberPause", "agent")
AGENT_CALLED: Final = EventKind("AgentCalled", "agent")
AGENT_CONNECT: Final = EventKind("AgentConnect", "agent")
AGENT_COMPLETE: Final = EventKind("AgentComplete", "agent")

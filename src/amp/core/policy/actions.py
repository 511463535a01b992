"""Which classes an action needs: one table, each row with its source.

An action may be used by who has *any* of its classes; one without classes needs no right
(recordings list-commands and readonly-denied).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

__all__ = ["ACTIONS", "ActionRights"]

RECORDED: Final = "recording list-commands (Asterisk 22)"
LISTED_13: Final = "a ListCommands answer published in client code, its version not told (13 or about)"
LISTED_1_8: Final = "ListCommands answers published in client code, versions not told (1.6 to 1.8 or about)"
LISTED_1_4: Final = "a ListCommands answer published in a tutorial, its version not told (1.4 or about)"
OWN: Final = "amp's own; the user's sniffer_commands say which commands"
FREE_THERE: Final = "; no right needed there, but it changes something: amp asks for a class"


@attrs.frozen
class ActionRights:
    """What it takes to use an action.

    Attributes:
        classes: one of them is enough; empty if everybody may.
        source: where this is known from.
        asterisk: the classes that Asterisk asks for; differs only where amp is stricter.
    """

    classes: frozenset[str]
    source: str
    asterisk: frozenset[str]


ASTERISK_22: Final = {
    "": "BridgeInfo BridgeList BridgeTechnologyList Challenge Events ListCommands Login Logoff Ping"
    " QueueRule QueueStatus QueueSummary WaitEvent",
    "agent": "AgentLogoff Agents QueueAdd QueueLog QueueMemberRingInUse QueuePause QueuePenalty QueueRemove",
    "agi": "AGI",
    "aoc": "AOCMessage",
    "call": "Atxfer BlindTransfer Bridge CancelAtxfer ConfbridgeKick ConfbridgeLock ConfbridgeMute"
    " ConfbridgeSetSingleVideoSrc ConfbridgeUnlock ConfbridgeUnmute ControlPlayback Park ParkedCalls"
    " Parkinglots PlayDTMF PlayMF Redirect SendFlash SendText Setvar",
    "call,reporting": "DeviceStateList ExtensionState ExtensionStateList Getvar MailboxCount MailboxStatus"
    " PresenceState PresenceStateList VoicemailBoxSummary VoicemailUserStatus VoicemailUsersList",
    "command": "Command",
    "config": "CreateConfig ListCategories UpdateConfig",
    "config,reporting": "ShowDialPlan",
    "message": "MessageSend",
    "originate": "Originate",
    "reporting": "ConfbridgeList ConfbridgeListRooms",
    "system": "ConfbridgeStartRecord ConfbridgeStopRecord DBDel DBDelTree DBPut DialplanExtensionAdd"
    " DialplanExtensionRemove Filter MixMonitor ModuleCheck ModuleLoad MuteAudio PJSIPNotify"
    " PJSIPSetMaintenance PJSIPShowAors PJSIPShowAuths PJSIPShowContacts PJSIPShowEndpoint"
    " PJSIPShowEndpoints PJSIPShowRegistrationInboundContactStatuses PJSIPShowRegistrationsInbound"
    " PJSIPShowResourceLists PJSIPShowSubscriptionsInbound PJSIPShowSubscriptionsOutbound"
    " SorceryMemoryCacheExpire SorceryMemoryCacheExpireObject SorceryMemoryCachePopulate"
    " SorceryMemoryCacheStale SorceryMemoryCacheStaleObject",
    "system,call": "AbsoluteTimeout Hangup LocalOptimizeAway MixMonitorMute PJSIPHangup StopMixMonitor",
    "system,call,reporting": "Status",
    "system,config": "GetConfig GetConfigJSON Reload",
    "system,reporting": "CoreSettings CoreShowChannelMap CoreShowChannels CoreStatus DBGet DBGetTree"
    " LoggerRotate PJSIPQualify PJSIPRegister PJSIPShowMaintenance PJSIPShowRegistrationsOutbound"
    " PJSIPUnregister",
    "user": "UserEvent VoicemailForward VoicemailMove VoicemailRefresh VoicemailRemove",
}

ASTERISK_13: Final = {
    "": "DataGet",
    "call": "FAXSession FAXSessions",
    "reporting": "FAXStats",
    "system": "SIPpeerstatus",
}

ASTERISK_1_8: Final = {
    "": "DAHDIShowChannels Queues",
    "call": "ChangeMonitor MeetmeMute MeetmeUnmute Monitor PauseMonitor StopMonitor UnpauseMonitor",
    "reporting": "MeetmeList",
    "system": "JabberSend SIPnotify",
    "system,reporting": "IAXnetstats IAXpeerlist IAXpeers IAXregistry SIPpeers SIPqualifypeer SIPshowpeer"
    " SIPshowregistry SKINNYdevices SKINNYlines SKINNYshowdevice SKINNYshowline",
}

ASTERISK_1_4: Final = {
    "": "ZapShowChannels",
    "agent": "AgentCallbackLogin",
    "call": "SetCDRUserField",
}

STRICTER: Final = {
    RECORDED: {
        "call": "BridgeDestroy BridgeKick",
        "agent": "QueueChangePriorityCaller QueueReset QueueWithdrawCaller",
        "system": "BridgeTechnologySuspend BridgeTechnologyUnsuspend",
        "system,agent": "QueueReload",
    },
    LISTED_1_8: {
        "call": "DAHDIDialOffhook DAHDIDNDoff DAHDIDNDon DAHDIHangup DAHDITransfer",
        "system": "DAHDIRestart",
    },
    LISTED_1_4: {
        "call": "ZapDialOffhook ZapDNDoff ZapDNDon ZapHangup ZapTransfer",
        "system": "ZapRestart",
    },
}
"""Asterisk lets everybody do these who has signed in. Behind amp that would be every anonymous dashboard
("read all, write nothing"), so that a user who may write nothing could end calls and bridges."""


def _rows(names: Mapping[str, str], source: str, *, stricter: bool = False) -> dict[bytes, ActionRights]:
    rows = {}
    for joined, actions in names.items():
        classes = frozenset(joined.split(",")) - {""}
        rights = ActionRights(classes, source, frozenset() if stricter else classes)
        rows.update(dict.fromkeys(actions.lower().encode().split(), rights))
    return rows


def _table() -> dict[bytes, ActionRights]:
    table: dict[bytes, ActionRights] = {}
    for source, names in STRICTER.items():
        table |= _rows(names, source + FREE_THERE, stricter=True)
    for names, source in (
        (ASTERISK_1_4, LISTED_1_4),
        (ASTERISK_1_8, LISTED_1_8),
        (ASTERISK_13, LISTED_13),
        (ASTERISK_22, RECORDED),
    ):
        table |= _rows(names, source)
    return table | _rows({"": "SnifferCommand"}, OWN)


ACTIONS: Final[Mapping[bytes, ActionRights]] = _table()
"""By the action's name in small letters (Asterisk compares them without case)."""

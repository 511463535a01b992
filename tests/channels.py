"""Events about channels as Asterisk writes them, cut down to what matters here."""

from __future__ import annotations

__all__ = ["began", "bridged", "dialled", "entered", "event", "hung_up", "left", "renamed", "stated"]


def event(name: str, *headers: tuple[str, str], classes: str = "call") -> bytes:
    """One raw frame without its closing blank line."""
    lines = [("Event", name), ("Privilege", f"{classes},all"), *headers]
    return "\r\n".join(f"{header}: {value}" for header, value in lines).encode()


def about(name: str, uniqueid: str, context: str = "from-internal") -> tuple[tuple[str, str], ...]:
    return ("Channel", name), ("Context", context), ("Uniqueid", uniqueid), ("Linkedid", uniqueid)


def began(name: str, uniqueid: str, context: str = "from-internal") -> bytes:
    return event("Newchannel", *about(name, uniqueid, context))


def stated(name: str, uniqueid: str, state: str = "Up", context: str = "from-internal") -> bytes:
    return event("Newstate", *about(name, uniqueid, context), ("ChannelStateDesc", state))


def hung_up(name: str, uniqueid: str) -> bytes:
    return event("Hangup", *about(name, uniqueid), ("Cause", "16"))


def renamed(old: str, new: str, uniqueid: str) -> bytes:
    return event("Rename", ("Channel", old), ("Newname", new), ("Uniqueid", uniqueid))


def dialled(caller: tuple[str, str], callee: tuple[str, str], name: str = "DialBegin") -> bytes:
    dest = ("DestChannel", callee[0]), ("DestContext", "from-internal"), ("DestUniqueid", callee[1])
    return event(name, *about(*caller), *dest, ("DialString", "x"))


def entered(name: str, uniqueid: str, bridge: str) -> bytes:
    return event("BridgeEnter", ("BridgeUniqueid", bridge), *about(name, uniqueid))


def left(name: str, uniqueid: str, bridge: str) -> bytes:
    return event("BridgeLeave", ("BridgeUniqueid", bridge), *about(name, uniqueid))


def bridged(one: tuple[str, str], other: tuple[str, str], name: str = "Bridge", state: str = "") -> bytes:
    """Asterisk before 12, which tells of two channels at once."""
    headers = [("Bridgestate", state)] if state else []
    pair = [("Channel1", one[0]), ("Channel2", other[0]), ("Uniqueid1", one[1]), ("Uniqueid2", other[1])]
    return event(name, *headers, *pair)

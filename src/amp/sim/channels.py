"""A simulated channel and bridge: their state, and the header lines that describe them."""

from __future__ import annotations

from typing import Final

from amp.sim.events import CHANNEL_HEADERS, block_template, prefix_names

__all__ = ["DOWN", "RING", "RINGING", "STATES", "UNKNOWN", "UP", "Bridge", "Channel"]

UNKNOWN: Final = b"<unknown>"
DOWN, RING, RINGING, UP, BUSY = 0, 4, 5, 6, 7
STATES: Final = {DOWN: b"Down", RING: b"Ring", RINGING: b"Ringing", UP: b"Up", BUSY: b"Busy"}

PLAIN: Final = block_template(*CHANNEL_HEADERS)
PREFIXED: Final = {
    prefix: prefix_names(prefix) for prefix in (b"Dest", b"Source", b"LocalOne", b"LocalTwo", b"Parkee")
}
BRIDGE: Final = block_template(
    b"BridgeUniqueid",
    b"BridgeType",
    b"BridgeTechnology",
    b"BridgeCreator",
    b"BridgeName",
    b"BridgeNumChannels",
    b"BridgeVideoSourceMode",
)


class Bridge:
    """A mixing bridge between two channels, or a holding one.

    Attributes:
        uid: its UUID as text.
        members: the channels in it, in order of entering.
    """

    __slots__ = ("members", "uid")

    def __init__(self, uid: bytes) -> None:
        self.uid = uid
        self.members: list[Channel] = []

    def block(self) -> bytes:
        """The seven header lines about this bridge."""
        count = b"%d" % len(self.members)
        return BRIDGE % (self.uid, b"basic", b"simple_bridge", UNKNOWN, UNKNOWN, count, b"none")


class Channel:
    """One leg of a call.

    Change it only through ``set``, so that the cached header lines stay true.

    Attributes:
        name: e.g. ``Local/phone@phones-00000003;1``.
        state: a key of ``STATES``.
        variables: the channel's variables, in the order they were set.
        shown_variables: names of those that go into every event (manager.conf's ``channelvars``).
        born: wall-clock seconds.
        app, app_data: what the dialplan is doing with it.
        call: whatever owns it; opaque here.
    """

    __slots__ = (
        "_block",
        "account",
        "app",
        "app_data",
        "born",
        "bridge",
        "call",
        "connected_name",
        "connected_num",
        "context",
        "device",
        "exten",
        "linkedid",
        "name",
        "num",
        "person",
        "priority",
        "shown_variables",
        "state",
        "uid",
        "variables",
    )

    def __init__(
        self,
        name: bytes,
        *,
        uid: bytes,
        linkedid: bytes,
        context: bytes,
        exten: bytes,
        state: int,
        born: float,
    ) -> None:
        self.name = name
        self.uid = uid
        self.linkedid = linkedid
        self.context = context
        self.exten = exten
        self.priority = 1
        self.state = state
        self.num = self.person = self.connected_num = self.connected_name = UNKNOWN
        self.account = b""
        self.app = self.app_data = b""
        self.born = born
        self.device = name.rpartition(b"-")[0]
        self.bridge: Bridge | None = None
        self.variables: dict[bytes, bytes] = {}
        self.shown_variables: tuple[bytes, ...] = ()
        self.call: object = None
        self._block = b""

    def set(self, **changes: object) -> None:
        """Change attributes and forget the cached header lines."""
        for name, value in changes.items():
            setattr(self, name, value)
        self._block = b""

    def set_variable(self, name: bytes, value: bytes) -> None:
        """Set a channel variable (inherited ones without their underscores)."""
        self.variables[name.lstrip(b"_")] = value
        if self.shown_variables:
            self._block = b""

    def block(self) -> bytes:
        """The fourteen header lines about this channel, and its shown variables."""
        if not self._block:
            self._block = PLAIN % self._values() + self._shown(b"")
        return self._block

    def block_as(self, prefix: bytes) -> bytes:
        """The same lines with a prefix before each name (``DestChannel: ...``)."""
        return PREFIXED[prefix] % self._values() + self._shown(prefix)

    def shown_in_originate(self) -> bytes:
        """The shown variables as OriginateResponse has them: with the channel in the header's name."""
        return b"".join(
            b"ChanVariable(%s): %s=%s\r\n" % (self.name, name, self.variables.get(name, b""))
            for name in self.shown_variables
        )

    def _shown(self, prefix: bytes) -> bytes:
        return b"".join(
            b"%sChanVariable: %s=%s\r\n" % (prefix, name, self.variables.get(name, b""))
            for name in self.shown_variables
        )

    def _values(self) -> tuple[bytes, ...]:
        return (
            self.name,
            b"%d" % self.state,
            STATES[self.state],
            self.num,
            self.person,
            self.connected_num,
            self.connected_name,
            b"en",
            self.account,
            self.context,
            self.exten,
            b"%d" % self.priority,
            self.uid,
            self.linkedid,
        )

"""The simulated telephone exchange behind the manager interface: clock, names, channels, queues, database."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from amp.sim.channels import Bridge, Channel
from amp.sim.events import Event, EventKind
from amp.sim.queues import Queue, default_queues

__all__ = ["Pbx", "clock_text"]


def clock_text(wall: float, pattern: str = "%Y-%m-%d %H:%M:%S") -> bytes:
    """Wall-clock seconds as Asterisk writes times (UTC)."""
    return datetime.fromtimestamp(wall, UTC).strftime(pattern).encode()


class Pbx:
    """One run of an exchange, from boot to its end; a restart makes a new one.

    Args:
        clock: wall-clock seconds since the epoch.
        rng: every draw comes from it.
        system_name: as in asterisk.conf; prefixes unique ids and is told in every event. ``""`` for none.
        timestamps: whether events carry ``Timestamp`` (manager.conf's ``timestampevents``).
        channel_variables: names that every channel event shows (``channelvars``).
        deliver: takes the events of one step, in order.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        deliver: Callable[[Sequence[Event]], None],
        system_name: str = "",
        timestamps: bool = False,
        channel_variables: Iterable[str] = (),
    ) -> None:
        self.clock = clock
        self.rng = rng
        self.publish = deliver
        self.system_name = system_name.encode()
        self.channel_variables = tuple(name.encode() for name in channel_variables)
        self.booted_at = self.reloaded_at = clock()
        self.channels: dict[bytes, Channel] = {}
        self.variables: dict[bytes, bytes] = {}
        self.database: dict[bytes, bytes] = {}
        self.queues: dict[bytes, Queue] = default_queues(int(self.booted_at))
        self.calls_begun = 0
        self._timestamps = timestamps
        self._ids = 0
        self._names = 0
        self._call_ids = 0
        self._fixed_dressing = b"SystemName: %s\r\n" % self.system_name if system_name else b""

    def event(self, kind: EventKind, body: bytes) -> Event:
        """An event from its kind and its own header lines (each ended by CR LF)."""
        return Event(kind.bits, b"%s%s%s\r\n" % (kind.head, self._dressing(), body))

    def unique_id(self) -> bytes:
        """Start second, dot, counter from 0; with the system name before it if there is one."""
        number = self._ids
        self._ids += 1
        plain = b"%d.%d" % (int(self.clock()), number)
        return b"%s-%s" % (self.system_name, plain) if self.system_name else plain

    def channel_number(self) -> bytes:
        """The eight hex digits of the next channel name; every server starts at 0, so names do clash."""
        number = self._names
        self._names += 1
        return b"%08x" % number

    def call_number(self) -> bytes:
        """The next call id as the log shows it, e.g. ``C-00000003``."""
        self._call_ids += 1
        return b"C-%08x" % self._call_ids

    def bridge(self) -> Bridge:
        """A new empty bridge."""
        return Bridge(str(uuid.UUID(int=self.rng.getrandbits(128), version=4)).encode())

    def add_channel(
        self, name: bytes, context: bytes, exten: bytes, *, state: int, uid: bytes, linkedid: bytes
    ) -> Channel:
        """A new channel in the table of live ones."""
        channel = Channel(
            name, uid=uid, linkedid=linkedid, context=context, exten=exten, state=state, born=self.clock()
        )
        channel.shown_variables = self.channel_variables
        self.channels[name] = channel
        return channel

    def _dressing(self) -> bytes:
        if self._timestamps:
            return b"Timestamp: %.6f\r\n%s" % (self.clock(), self._fixed_dressing)
        return self._fixed_dressing

"""The bounded output of one connection, and the only writer of its socket."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import attrs
import trio

from amp.core.ami.auth import SlowClient
from amp.core.fanout.batch import Span
from amp.core.fanout.dropping import Entry, GapText, drop_oldest
from amp.shell.crowd import HEAVY_BYTES, Crowd
from amp.shell.wire import MOST_BUFFERS, PlainWire, Wire

__all__ = ["OVERRUN", "Outlet", "OutletLimits"]

OVERRUN: Final = "too slow"
"""How the reason begins for which a peer is cut that takes what it gets, but not fast enough."""


@attrs.frozen(kw_only=True)
class OutletLimits:
    """What one outlet may hold, and for how long."""

    outlet_bytes: int = 32 << 20
    """Bytes that may wait for the socket, answers and events together."""
    stall_timeout: float = 30.0
    """Seconds without a single byte taken by the peer while something waits."""
    slowest_bytes_per_second: int = 4096
    """Who takes a reply more slowly is cut; see `amp.shell.delivery`. Events have no such rate."""
    order_hold_bytes: int = 1 << 20
    """Bytes of one server's events that may be held back behind an answer."""
    slow_client: SlowClient = "disconnect"
    """What becomes of a client over ``outlet_bytes`` whose user has no policy of its own."""


class Outlet:
    """One connection's output: a non-blocking write at once, the rest through one permanent flusher.

    `offer` never waits and starts no task. `detach` comes synchronously before the socket is closed;
    afterwards offers are ignored.

    Args:
        wire: the connection.
        limits: when to give up on the peer.
        on_cut: called once, synchronously, with the reason, when a limit is broken or the socket
            fails; it must only ask for the connection's end (cancel a scope), nothing else.
        crowd: where heavy outlets are counted; ``None`` for links towards servers.
        client: the number of the client whose output this is; 0 for links towards servers.

    Attributes:
        on_event: called after each offer of events, while set (a WaitEvent waits for one).
        reason: why it was cut; empty if it was not.
        on_drop: set for ``slow_client = "gap"``: makes what is told in the place of dropped events. While it
            is ``None`` a peer over its limit is cut.
    """

    __slots__ = (
        "_crowd",
        "_drained",
        "_heavy",
        "_held",
        "_limits",
        "_on_cut",
        "_queue",
        "_straight",
        "_wake",
        "_wire",
        "bytes_out",
        "client",
        "dead",
        "hold_overruns",
        "last_progress",
        "on_drop",
        "on_event",
        "peak_bytes",
        "pending_bytes",
        "reason",
    )  # fmt: skip

    def __init__(
        self, wire: Wire, limits: OutletLimits, on_cut: Callable[[str], None],
        crowd: Crowd | None = None, client: int = 0,
    ) -> None:  # fmt: skip
        self._wire = wire
        self._straight = type(wire) is PlainWire
        self._limits = limits
        self._on_cut = on_cut
        self._crowd = crowd
        self._queue: deque[Entry] = deque()
        self._held: dict[bytes, _Held | None] = {}
        """By server; nearly always nothing comes until the release, so there is an object only then."""
        self._wake = trio.Event()
        self._drained = trio.Event()
        self._heavy = False
        self.client = client
        self.on_event: Callable[[], None] | None = None
        self.on_drop: GapText | None = None
        self.dead = False
        self.reason = ""
        self.pending_bytes = 0
        self.peak_bytes = 0
        self.bytes_out = 0
        self.hold_overruns = 0
        self.last_progress = trio.current_time()
        wire.when_blocked(self._wake_flusher)

    @property
    def oldest_events(self) -> Span | None:
        """Which events wait longest for the socket; ``None`` if none do."""
        return next((span for _, span in self._queue if span is not None), None)

    @property
    def holds(self) -> bool:
        """Whether events of some server are kept back, or would be."""
        return bool(self._held)

    def offer(self, data: bytes, span: Span | None = None) -> None:
        """Send now, or queue what does not fit; over the limit the connection is cut.

        Args:
            data: whole frames, never changed afterwards (many outlets share them).
            span: the events in ``data``; ``None`` for answers.
        """
        if self.dead or (self._held and span is not None and self._kept_back(data, span)):
            return
        self._send(data, span)
        if self.on_event is not None and span is not None:
            self.on_event()

    def descriptor(self) -> int:
        """Where events may be written straight away, in the place of an offer; -1 if they have to be offered.

        It holds until anything is awaited or offered. Tell by `written` what came of the write.
        """
        if self._straight and not (self._queue or self._held or self.dead or self.on_event):
            return self._wire.sock.fileno()
        return -1

    def written(self, data: bytes, span: Span, sent: int | OSError) -> None:
        """So many bytes of these events have been written already, or the write failed like this."""
        if isinstance(sent, OSError):
            self.cut(f"write failed: {sent.strerror or sent}")
            return
        self.bytes_out += sent
        if sent < len(data) and not self.dead:
            self._keep(data, span, sent)

    def _send(self, data: bytes, span: Span | None) -> None:
        sent = 0
        if not self._queue:
            try:
                sent = self._wire.write_now(data)
            except OSError as error:
                self.cut(f"write failed: {error.strerror or error}")
                return
            self.bytes_out += sent
            if sent == len(data):
                if self._wire.blocked:
                    self._wake.set()
                return
        self._keep(data, span, sent)

    def _keep(self, data: bytes, span: Span | None, sent: int) -> None:
        """The socket took only so much of it: the flusher has the rest."""
        if not self._queue:
            self.last_progress = trio.current_time()
        self._enqueue(memoryview(data)[sent:], None if sent else span)  # what has begun must end

    def hold(self, server: bytes) -> None:
        """Keep this server's events back until `release`: an answer of it is on its way (DESIGN §3)."""
        self._held.setdefault(server, None)

    def release(self, server: bytes) -> None:
        """Let the events go that `hold` kept back, in order."""
        held = self._held.pop(server, None)
        if held is not None:
            for data, span in held.entries:
                self.offer(data, span)

    def release_all(self) -> None:
        """The same for all servers."""
        for server in list(self._held):
            self.release(server)

    def detach(self) -> None:
        """Stop for ever: nothing is written any more, later offers are ignored. Idempotent."""
        self.dead = True
        self._queue.clear()
        self._held.clear()
        self.pending_bytes = 0
        self._lighten()
        self._wake.set()
        self._drained.set()

    async def flush_forever(self) -> None:
        """Write what waits whenever the socket takes it. The one flusher; returns when detached."""
        while not self.dead:
            if not self._queue and not self._wire.blocked:
                self._drained.set()
                self._wake = trio.Event()
                await self._wake.wait()
                self.last_progress = trio.current_time()  # a backlog begins; silence before it means nothing
                continue
            await self.flush()

    async def flush(self) -> None:
        """Write all that waits, in the caller's task; a task that also offers needs no other flusher."""
        while (self._queue or self._wire.blocked) and not self.dead:
            # One scope for the whole backlog, not one for each write: it costs more than a small write does.
            with trio.move_on_at(self.last_progress + self._limits.stall_timeout) as patience:
                await self._flush_backlog()
            stalled_s = trio.current_time() - self.last_progress
            if patience.cancelled_caught and stalled_s >= self._limits.stall_timeout:
                self.cut(f"stalled: took no byte for {self._limits.stall_timeout:g} s")

    async def _flush_backlog(self) -> None:
        """Write until nothing waits. Cancelled it has lost nothing: there is no await between two writes."""
        while (self._queue or self._wire.blocked) and not self.dead:
            await trio.lowlevel.wait_writable(self._wire.sock)
            self._flush_once()

    async def drain(self) -> None:
        """Wait until everything queued has been written, or the outlet is dead."""
        while (self._queue or self._wire.blocked) and not self.dead:
            if self._drained.is_set():  # else somebody else waits for it already
                self._drained = trio.Event()
            await self._drained.wait()

    def _wake_flusher(self) -> None:
        self._wake.set()

    def _kept_back(self, data: bytes, span: Span) -> bool:
        if span.server not in self._held:
            return False
        held = self._held[span.server]
        if held is None:
            held = self._held[span.server] = _Held()
        held.entries.append((data, span))
        held.size += len(data)
        if held.size > self._limits.order_hold_bytes:
            self.hold_overruns += 1
            self.release(span.server)
        return True

    def _enqueue(self, rest: memoryview, span: Span | None) -> None:
        if not rest:
            return  # an empty entry would never count as written, and keep the flusher busy for ever
        if not self._queue:
            self._wake.set()
        self._queue.append((rest, span))
        self.pending_bytes += len(rest)
        if self.pending_bytes > self._limits.outlet_bytes and not self._make_room():
            return
        if self.pending_bytes > self.peak_bytes:
            self.peak_bytes = self.pending_bytes
        if self.pending_bytes > HEAVY_BYTES and not self._heavy and self._crowd is not None:
            self._heavy = True
            self._crowd.heavy.add(self)

    def _make_room(self) -> bool:
        """It has more to write than it may: drop events, or cut it. Whether it goes on.

        Half of the limit is made free at once: with less, each event that comes would cost a walk along the
        whole queue.
        """
        limit = most = self._limits.outlet_bytes
        if self.on_drop is not None:
            most = limit * 3 // 4  # the walk has to be worth it, also where answers are most of what waits
            try:
                self.pending_bytes = drop_oldest(self._queue, self.pending_bytes, limit // 2, self.on_drop)
            except Exception as error:  # whatever a format's plug-in does
                self.cut(f"telling of dropped events failed: {type(error).__name__}")
        if self.pending_bytes > most:
            self.cut(f"{OVERRUN}: more than {limit} bytes waiting")
        elif self._heavy and self.pending_bytes <= HEAVY_BYTES:
            self._lighten()
        return not self.dead

    def _forget_unbegun(self) -> None:
        """Drop what waits; what is written in part has to go on, or the peer could read nothing behind it."""
        begun = [entry for entry in list(self._queue)[:1] if _has_begun(entry[0])]
        self._queue = deque(begun)
        self._held.clear()
        self.pending_bytes = sum(len(data) for data, _ in begun)
        if self._heavy and self.pending_bytes <= HEAVY_BYTES:
            self._lighten()

    def _flush_once(self) -> None:
        try:
            if not self._queue:
                taken = self._wire.write_now(b"")
            elif len(self._queue) == 1:
                taken = self._wire.write_now(self._queue[0][0])
            else:
                most = min(len(self._queue), MOST_BUFFERS)
                taken = self._wire.write_many_now([self._queue[i][0] for i in range(most)])
        except OSError as error:
            self.cut(f"write failed: {error.strerror or error}")
            return
        if taken:
            self.last_progress = trio.current_time()
            self.bytes_out += taken
            self._taken(taken)

    def _taken(self, count: int) -> None:
        self.pending_bytes -= count
        while count:
            data, _ = self._queue[0]
            if count < len(data):
                self._queue[0] = (memoryview(data)[count:], None)
                break
            count -= len(data)
            self._queue.popleft()
        if self._heavy and self.pending_bytes <= HEAVY_BYTES:
            self._lighten()

    def _lighten(self) -> None:
        if self._heavy and self._crowd is not None:
            self._heavy = False
            self._crowd.lighten(self)

    def cut(self, reason: str) -> None:
        """Detach, and let the connection end for this reason. Idempotent."""
        if not self.dead:
            self.detach()
            self.reason = reason
            self._on_cut(reason)


def _has_begun(data: bytes | memoryview) -> bool:
    return isinstance(data, memoryview) and len(data) < len(data.obj)  # type: ignore[arg-type]  # bytes


@attrs.define
class _Held:
    entries: list[tuple[bytes, Span]] = attrs.field(factory=list)
    size: int = 0

"""A simulated sniffer: one command, one reply, one connection."""

from __future__ import annotations

import random
import socket
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
import trio

from amp.sim.sniffer.aes import Key
from amp.sim.sniffer.calls import Calls, SimCall
from amp.sim.sniffer.connection import serve_connection
from amp.sim.sniffer.faults import Faults
from amp.sim.sniffer.spool import Spool
from amp.sim.sniffer.stat import Stat

__all__ = ["SimSniffer"]


@attrs.define(kw_only=True, eq=False, slots=False)
class SimSniffer:
    """One simulated sniffer. Make it, start ``serve`` in a nursery, then use it from any task.

    All its time is trio's and all it draws comes from ``seed``. ``serve`` may be run again after it ended.

    Attributes:
        name: for people; not told on the wire.
        sensor_id: its number in the installation.
        key: key and IV in the "database"; ``None`` for none. Set it anew to rotate: the old one works until
            the first request that it does not read.
        unencrypted: ``manager_enable_unencrypted``.
        calls_per_second: how many calls begin on their own, on average.
        call_seconds: the shortest and longest talk of those.
        calls_at_start: calls that are already there; they end only where others begin.
        registers: phones that are registered.
        popup_users: who may have ``login_screen_popup``, with the password.
        started_at: wall-clock seconds at the start; ``None`` for the real clock's.
    """

    name: str = "sniffer"
    sensor_id: int = 1
    seed: int = 0
    key: Key | None = None
    unencrypted: bool = False
    version: str = "2026.04.0"
    build: str = "sim_build"
    calls_per_second: float = 0.0
    call_seconds: tuple[float, float] = (5.0, 40.0)
    calls_at_start: int = 0
    registers: int = 0
    popup_users: Mapping[str, str] = attrs.field(factory=dict)
    started_at: float | None = None

    def __attrs_post_init__(self) -> None:
        """Make the parts that need no running trio."""
        rng = random.Random(self.seed)  # noqa: S311 -- a simulation is to be repeatable, not secret
        self.faults: Faults = Faults()
        self.spool: Spool = Spool()
        self.calls: Calls = Calls(rng, self.calls_per_second, self.call_seconds)
        self.live_sniffers: dict[str, Any] = {}
        self.complete_tars: set[tuple[str, str, str]] = set()
        self.asked: Counter[str] = Counter()
        """How often each command was worked; ``""`` counts what was none."""
        self.connections = self.open_now = self.open_most = 0
        self.kept_key: Key | None = None
        self.socket_path: str | None = None
        """The unix socket that ``manager_file`` opened."""
        self._nursery: trio.Nursery | None = None
        self._socket_scope = trio.CancelScope()
        self._wall_offset: float | None = None
        self._started: float | None = None
        self._filled = False

    def wall(self) -> float:
        """Wall-clock seconds, driven by trio's clock."""
        now = trio.current_time()
        if self._wall_offset is None:
            self._wall_offset = (time.time() if self.started_at is None else self.started_at) - now
        return self._wall_offset + now

    def live_calls(self) -> list[SimCall]:
        """The calls of this moment, newest first."""
        if not self._filled:
            self._filled = True
            self.calls.fill(self.calls_at_start, self.wall())
        return self.calls.live(self.wall())

    def find_call(self, reference: str) -> SimCall | None:
        """The live call at an address."""
        self.live_calls()
        return self.calls.find(reference, self.wall())

    def start_call(self, **wishes: Any) -> SimCall:
        """Begin a call now; see `Calls.add`."""
        self.live_calls()
        return self.calls.add(self.wall(), **wishes)

    def stat(self) -> Stat:
        """What it tells of itself."""
        uptime = self.wall() - (self.wall() if self._started is None else self._started)
        calls = len(self.live_calls())
        return Stat(
            version=self.version, build=self.build, uptime_s=uptime, calls=calls, registers=self.registers
        )

    def restart(self, *, uptime_s: float = 0.0) -> None:
        """Forget all calls and count uptime from here, as a restarted process does."""
        self._filled = True
        self.calls.forget()
        self._started = self.wall() - uptime_s
        self.kept_key = None

    def open_socket(self, path: str) -> bool:
        """Take commands on a unix socket besides; ``False`` if there is one already."""
        if self.socket_path is not None:
            return False
        self.socket_path, self._socket_scope = path, trio.CancelScope()
        if self._nursery is not None:
            self._nursery.start_soon(self._run_socket, path)
        return True

    def close_socket(self) -> bool:
        """Take no more; ``False`` if there is none."""
        was_open, self.socket_path = self.socket_path is not None, None
        self._socket_scope.cancel()
        return was_open

    async def _run_socket(self, path: str) -> None:
        with self._socket_scope:
            await self.serve_unix(path)

    def configuration(self) -> str:
        """Its configuration, key included: the real one shows it too."""
        return f"id_sensor = {self.sensor_id}\nmanagerport = 5029\n"

    def read_key(self) -> Key | None:
        """Read the key from the "database", and keep it."""
        self.kept_key = self.key
        return self.kept_key

    async def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run until cancelled; ``started`` gets the address once clients may connect.

        Raises:
            OSError: the address cannot be had.
        """
        listeners = await trio.open_tcp_listeners(port, host=host, backlog=512)
        self._begin()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await nursery.start(trio.serve_listeners, self.handle, listeners)
            address = listeners[0].socket.getsockname()
            task_status.started((address[0], address[1]))
        self._nursery = None

    async def serve_unix(
        self, path: str, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """The same on a unix socket, where everything may be plain; what is at the path goes away."""
        await trio.Path(path).unlink(missing_ok=True)
        with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            await listener.bind(path)
            await trio.Path(path).chmod(0o600)
            listener.listen(512)
            self._begin()
            async with trio.open_nursery() as nursery:
                handle = partial(self.handle, local=True)
                await nursery.start(trio.serve_listeners, handle, [trio.SocketListener(listener)])
                task_status.started()

    def _begin(self) -> None:
        if self._started is None:
            self._started = self.wall()

    async def handle(self, stream: trio.abc.Stream, *, local: bool = False) -> None:
        """Work one connection: read, answer, close.

        Args:
            local: it came over the unix socket.
        """
        self.connections += 1
        self.open_now += 1
        self.open_most = max(self.open_most, self.open_now)
        try:
            await serve_connection(self, stream, local=local)
        finally:
            self.open_now -= 1

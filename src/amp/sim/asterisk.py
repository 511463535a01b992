"""A simulated Asterisk: a manager interface on TCP with an exchange behind it."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial

import attrs
import trio

from amp.sim.actions import ACTIONS, Actions
from amp.sim.calls import Call, Plan
from amp.sim.channels import Channel
from amp.sim.classes import class_names
from amp.sim.events import FULLY_BOOTED, SHUTDOWN, USER_EVENT, Event, header_block
from amp.sim.faults import Faults
from amp.sim.load import make_calls, numbered_events
from amp.sim.pbx import Pbx
from amp.sim.session import ManagerSession, SimUser

__all__ = ["SimAsterisk"]


@attrs.define(kw_only=True, eq=False, slots=False)
class SimAsterisk:
    """One simulated Asterisk. Make it, start ``serve`` in a nursery, then use it from any task.

    All its time is trio's, so it runs under a virtual clock; all it draws comes from ``seed``. Its bytes
    are those of an Asterisk 22 (recordings of captures/asterisk-22). ``serve`` may be run again after it
    ended: that is a restart.

    Attributes:
        name: for people; not told on the wire.
        username, secret: the account with every right; ``add_user`` makes more.
        calls_per_second: how many calls begin on their own, on average (0: none).
        call_seconds: the shortest and longest talk of those calls.
        system_name: prefixes unique ids and goes into every event, as asterisk.conf's ``systemname``.
        timestamps: ``Timestamp`` in every event (``timestampevents``).
        channel_variables: shown in every channel event (``channelvars``).
        boot_s: seconds after the start of ``serve`` till FullyBooted; logins before do not get one.
        auth_timeout_s: seconds that a client may take to sign in.
        auth_limit: clients that may be connected without having signed in.
        write_timeout_s: a client that takes nothing for so long is cut off (``writetimeout``).
        outbox_bytes: a client for which more waits is cut off.
        send_buffer: bytes of the kernel's send buffer per client; ``None`` for the system's default.
        started_at: wall-clock seconds at the start; ``None`` for the real clock's.
    """

    name: str = "sim"
    username: str = "amp"
    secret: str = attrs.field(default="secret", repr=False)
    seed: int = 0
    calls_per_second: float = 0.0
    call_seconds: tuple[float, float] = (5.0, 40.0)
    system_name: str = ""
    timestamps: bool = False
    channel_variables: tuple[str, ...] = ()
    boot_s: float = 0.0
    auth_timeout_s: float = 30.0
    auth_limit: int = 50
    write_timeout_s: float = 0.1
    outbox_bytes: int = 64 << 20
    send_buffer: int | None = None
    started_at: float | None = None

    def __attrs_post_init__(self) -> None:
        """Make the parts that need no running trio."""
        self.actions: Actions = ACTIONS
        self.faults: Faults = Faults(lambda: tuple(self._sessions))
        self.users: dict[bytes, SimUser] = {}
        self.rng: random.Random = random.Random(self.seed)  # noqa: S311 -- a simulation is to be repeatable, not secret
        self.sessions_taken = self.actions_worked = self.events_made = self.clients_cut = 0
        self.fully_booted = False
        self._sessions: dict[ManagerSession, None] = {}
        self._nursery: trio.Nursery | None = None
        self._stopped = trio.Event()
        self._wall_offset = time.time() if self.started_at is None else self.started_at
        self._trio_offset: float | None = None
        self.add_user(self.username, self.secret)

    def add_user(self, name: str, secret: str, *, read: str = "all", write: str = "all") -> None:
        """Make or replace an account; classes as manager.conf lists them (``"call,user"``, ``"all"``)."""
        user = SimUser(name.encode(), secret.encode(), class_names(read), class_names(write))
        self.users[user.name] = user

    def wall(self) -> float:
        """Wall-clock seconds, driven by trio's clock."""
        now = trio.current_time()
        if self._trio_offset is None:
            self._trio_offset = now
        return self._wall_offset + now - self._trio_offset

    @property
    def channels(self) -> dict[bytes, Channel]:
        """The live channels by name."""
        return self.pbx.channels

    @property
    def sessions(self) -> tuple[ManagerSession, ...]:
        """The connected clients, oldest first."""
        return tuple(self._sessions)

    def is_signed_in(self, name: bytes | None) -> bool:
        """Whether some client is signed in as this user."""
        return any(session.user is not None and session.user.name == name for session in self._sessions)

    async def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run until cancelled or stopped; ``started`` gets the address once clients may connect.

        Raises:
            OSError: the address cannot be had.
        """
        listeners = await trio.open_tcp_listeners(port, host=host)
        self._boot()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await nursery.start(trio.serve_listeners, self._take, listeners)
            nursery.start_soon(self._finish_boot)
            nursery.start_soon(make_calls, self)
            address = listeners[0].socket.getsockname()
            task_status.started((address[0], address[1]))
            await self._stopped.wait()
            with trio.move_on_after(self.write_timeout_s):
                for session in self.sessions:
                    await session.outbox.drained()
            nursery.cancel_scope.cancel()
        self._nursery = None

    def stop(self) -> None:
        """Stop as ``core stop now`` does: calls end, clients are told Shutdown, then ``serve`` returns."""
        for call in self.calls:
            call.end_now()
        body = header_block((b"Shutdown", b"Cleanly"), (b"Restart", b"False"))
        self.publish([self.pbx.event(SHUTDOWN, body)])
        for session in self._sessions:
            session.set_mask(0)  # nothing comes behind it
        self._stopped.set()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls with a live channel, each once."""
        return tuple(
            {id(c.call): c.call for c in self.channels.values() if isinstance(c.call, Call)}.values()
        )

    def start_call(self, plan: Plan) -> Call:
        """Begin a call; its events come as time passes."""
        call = Call(self.pbx, plan)
        self.run_call(call)
        return call

    def run_call(self, call: Call) -> None:
        """Let a call happen in a task of the server's.

        Raises:
            RuntimeError: ``serve`` is not running.
        """
        self._running().start_soon(call.run)

    def publish(self, events: Sequence[Event]) -> None:
        """Give events to every client that wants them, in order."""
        self.events_made += len(events)
        joined: dict[int, bytes] = {}
        for session in self._sessions:
            mask = session.event_mask
            if not mask:
                continue
            data = joined.get(mask)
            if data is None:
                data = joined[mask] = b"".join([wire for bits, wire in events if bits & mask == bits])
            if data:
                session.deliver(data)

    def user_event(self, name: str, *headers: tuple[str, str]) -> None:
        """Publish one UserEvent."""
        body = header_block((b"UserEvent", name.encode()), *((n.encode(), v.encode()) for n, v in headers))
        self.publish([self.pbx.event(USER_EVENT, body)])

    async def burst(self, count: int, *, per_second: float | None = None, size: int = 390) -> None:
        """Publish ``count`` numbered UserEvents, as fast as the clients take them or at a rate.

        Args:
            size: about how many bytes each has; 390 is a real Asterisk's mean.
        """
        await numbered_events(self, count, per_second=per_second, size=size)

    def start_burst(self, count: int, *, per_second: float | None = None, size: int = 390) -> None:
        """The same as ``burst``, in a task of the server's."""
        self._running().start_soon(partial(self.burst, count, per_second=per_second, size=size))

    def run_later(self, seconds: float, do: Callable[[], None]) -> None:
        """Call something after so long, if the server still runs then."""

        async def wait() -> None:
            await trio.sleep(seconds)
            do()

        self._running().start_soon(wait)

    def fully_booted_greeting(self) -> bytes:
        """The FullyBooted behind a login: without time and system name, whatever is configured."""
        uptime, reload = self._ages()
        block = header_block((b"Uptime", uptime), (b"LastReload", reload), (b"Status", b"Fully Booted"))
        return FULLY_BOOTED.head + block + b"\r\n"

    def note_cut(self, session: ManagerSession, reason: str) -> None:
        """Count a client that had to be hung up on."""
        self.clients_cut += 1

    def _running(self) -> trio.Nursery:
        if self._nursery is None:
            raise RuntimeError("serve is not running")
        return self._nursery

    def _boot(self) -> None:
        self.pbx = Pbx(
            clock=self.wall,
            rng=self.rng,
            deliver=self.publish,
            system_name=self.system_name,
            timestamps=self.timestamps,
            channel_variables=self.channel_variables,
        )
        self.fully_booted = self.boot_s == 0
        self._stopped = trio.Event()

    async def _finish_boot(self) -> None:
        if self.fully_booted:
            return
        await trio.sleep(self.boot_s)
        self.fully_booted = True
        uptime, reload = self._ages()
        # Told while running, its headers come in another order (recording "fully-booted").
        block = header_block((b"Status", b"Fully Booted"), (b"Uptime", uptime), (b"LastReload", reload))
        self.publish([self.pbx.event(FULLY_BOOTED, block)])

    async def _take(self, stream: trio.SocketStream) -> None:
        async with stream:
            strangers = sum(session.user is None for session in self._sessions)
            if strangers >= self.auth_limit:
                return
            if self.send_buffer is not None:
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer)
            self.sessions_taken += 1
            try:
                session = ManagerSession(self, stream, self.sessions_taken)
            except OSError:
                return  # gone before we asked for its address
            self._sessions[session] = None
            try:
                await session.run()
            finally:
                del self._sessions[session]

    def _ages(self) -> tuple[bytes, bytes]:
        now = self.wall()
        return b"%d" % (now - self.pbx.booted_at), b"%d" % (now - self.pbx.reloaded_at)

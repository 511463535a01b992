"""One client's connection: its bytes into its session, its session's answers and events out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import trio

from amp.core.admission.admission import Visit
from amp.core.ami.auth import User
from amp.core.ami.framing import NEED_DATA
from amp.core.ami.pin import Pin
from amp.core.ami.session import ClientSession
from amp.core.ami.session_events import (
    ActionReceived,
    AutofilterChanged,
    Closing,
    FilterChanged,
    Greeting,
    LoggedIn,
    LoginFailed,
    MaskChanged,
    OutputChanged,
    Reply,
    ResumeAsked,
    SecretUnchecked,
    SequenceChanged,
    ServersAsked,
    SnifferAsked,
    WaitStarted,
)
from amp.core.ami.session_view import view_of
from amp.core.fanout.view import ViewKey
from amp.core.formats.choice import FormatChoice
from amp.core.formats.dress import Dresser
from amp.core.formats.format import Format
from amp.core.formats.standard import STANDARD
from amp.core.policy.calls.answer_screen import AnswerScreen
from amp.core.routing.events import ClientAction, LocalAnswer
from amp.core.stats import ClientStats
from amp.shell.alarm import Alarm
from amp.shell.client_log import ClientLog
from amp.shell.client_owner import ClientOwner
from amp.shell.crowd import Crowd
from amp.shell.glance import Glances
from amp.shell.log import get_logger
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.secret_checks import SecretChecks
from amp.shell.tls import TLS_HELLO
from amp.shell.wire import Wire

__all__ = ["Client", "MakeOutlet"]

TURN = 16
TURN_REST_S = 0.0005
"""After so many actions in a row a client rests for a moment. Without it four clients that pipeline thousands
made an answer for a fifth take 35 ms at the 99th percentile instead of 16 (``python -m bench abuse``)."""

QUICK = 4
"""So many questions in a row are answered, where each comes at once, before others have their turn. With one
a Ping took 4.2 times as long as directly at the server, with these 3.5 times."""

LINGER_S = 1.0
"""How long a connection that amp ends stays open for the peer's own end. Closing while its bytes are still
unread would reset the connection, and the reset may overtake our last words."""

MakeOutlet = Callable[[Wire, OutletLimits, Callable[[str], None], Crowd, int], Outlet]
"""Makes a client's output; its arguments are those of `Outlet`."""


class Client:
    """A connected client. Make it, await `run`; `send`, `pause`, `close_soon` and `cut` at any time.

    Attributes:
        number: never used again in this process.
        protocol: what it speaks.
        address: where it connects from, for people.
        outlet: its output.
        send: takes an answer, whole frames of the manager protocol; replaced when its format changes.
        user: who it is, once signed in.
        view: what it sees of the events; ``None`` if it sees none.
    """

    protocol = "ami"

    def __init__(
        self, number: int, wire: Wire, address: str, session: ClientSession, owner: ClientOwner,
        limits: OutletLimits, crowd: Crowd, visit: Visit, checks: SecretChecks, pin: Pin | None = None,
        make_outlet: MakeOutlet = Outlet,
    ) -> None:  # fmt: skip
        self.number = number
        self.address = address
        self.outlet = make_outlet(wire, limits, self.cut, crowd, number)
        self.send: Callable[[bytes], None] = self.outlet.offer
        self._dresser = Dresser(STANDARD)
        self._screen: AnswerScreen | None = None
        self.user: User | None = None
        self.view: ViewKey | None = None
        self.stats = ClientStats()
        self.login_failures = 0
        self._clock = trio.lowlevel.current_clock().current_time
        """What `trio.current_time` asks, without its two detours: 1,000 instructions less each time."""
        self.connected_at = trio.current_time()
        self.reason = ""
        self._was_cut = False
        self._wire = wire
        self._glances = Glances()
        self._quick = 0
        """How many answers in a row came at once; the next question may, too."""
        self._session = session
        self._owner = owner
        self._visit = visit
        self._checks = checks
        self._pin = pin
        self._servers: tuple[str | None, tuple[str, ...], bool] = (None, (), False)
        """Where its user's actions may go: the server, further ones, several at once."""
        self._rest_until = 0.0
        self._turn = 0
        self._drain_timeout_s = limits.stall_timeout
        self._slow_client = limits.slow_client
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery | None = None
        self._resumed: trio.Event | None = None
        self._input_ended = trio.Event()
        self._closing = False
        self._pauses: set[str] = set()
        self._alarm = Alarm(self._deadline_met)
        self._log = ClientLog(number, address, wire.tls, visit)
        self._owed = 0
        self._closes_when_answered = False
        self._dress_answers()

    @property
    def host(self) -> str:
        """Where it connects from, without the port."""
        return self.address.rpartition(":")[0].strip("[]") if ":" in self.address else self.address

    @property
    def action_id(self) -> bytes:
        """The ActionID that it set last, empty if none."""
        return self._session.action_id

    @property
    def denials(self) -> int:
        """How many actions its rights did not cover."""
        return self._session.denials + self.stats.denials

    @property
    def written(self) -> Format:
        """The format of what it gets."""
        return self.formats.output

    @property
    def formats(self) -> FormatChoice:
        """How it writes, and what it gets."""
        return self._session.formats

    async def run(self) -> None:
        """Serve the client until it is gone. Network trouble ends it quietly; bugs are logged and end it."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    self._nursery = nursery
                    nursery.start_soon(self.outlet.flush_forever)
                    self._work_session()
                    await self._read()
        except* OSError as group:
            self._end(f"read failed: {group.exceptions[0]}")
        except* Exception:
            self._end("internal error")
            get_logger(client=self.number).exception("client_failed", address=self.address)
        finally:
            self._nursery = None
            self.outlet.detach()
            self._wire.close()

    def pause(self, why: str = "router") -> None:
        """Take no more of its actions until `resume`, for each reason why."""
        self._pauses.add(why)
        if self._resumed is None:
            self._resumed = trio.Event()

    def resume(self, why: str = "router") -> None:
        """End `pause`."""
        self._pauses.discard(why)
        if self._resumed is not None and not self._pauses:
            self._resumed.set()
            self._resumed = None

    def late_answer(self, data: bytes, action_id: bytes | None) -> None:
        """What became of what it asked for; ignored if the client is gone meanwhile."""
        if self._nursery is None:
            return
        self._owed -= 1
        self.early_answer(data, action_id)
        if not action_id:
            self.resume("answer")
        if self._closes_when_answered and not self._owed:
            self._owner.act(LocalAnswer(self.number, b"", closes=True))

    def early_answer(self, data: bytes, action_id: bytes | None) -> None:
        """A part of what becomes of it; the last one comes by `late_answer`."""
        if self._nursery is None:
            return
        if action_id:
            self.send(data)
        else:
            self._owner.act(LocalAnswer(self.number, data))

    def _owes_answer(self, action_id: bytes | None) -> None:
        self._acted()
        self._owed += 1
        if not action_id:
            self.pause("answer")  # it pairs answers by their order: no later one may come before

    def change_user(self, user: User) -> None:
        """It is this user from now on: other rights, the same session, the listener's pin."""
        narrowed = user if self._pin is None else self._pin.narrow(user)
        if narrowed is None:
            self.log_off("user bound to another server")
            return
        self._session.change_user(narrowed)
        self._work_session()

    def log_off(self, reason: str) -> None:
        """Tell it why, and close; from now on it does and sees nothing."""
        self._session.end(reason)
        self.view = None
        self._owner.client_subscribed(self)
        self.send(b"ProxyMessage: Logged off: " + reason.encode() + b"\r\n\r\n")
        self.close_soon(f"logged off: {reason}")

    def close_soon(self, reason: str) -> None:
        """Close once everything offered is written, or the peer takes nothing for the stall time."""
        if not self._closing and self._nursery is not None:
            self._closing = True
            self._end(reason)
            self._nursery.start_soon(self._close_drained)

    def cut(self, reason: str) -> None:
        """Close now; what is unsent is lost, and the reason says why."""
        self._was_cut = True
        self._end(reason)
        self.outlet.detach()
        self._scope.cancel()

    def _event_seen(self) -> None:
        """The first event since a WaitEvent began went out: that ends the wait."""
        self.outlet.on_event = None
        self._session.notify_event()
        self._work_session()
        if self._nursery is None:
            return
        if self._has_to_wait():
            # The reader waits for bytes, and what was sent behind the WaitEvent lies here already.
            self._nursery.start_soon(self._catch_up)
        else:  # the reader has the deadline of before the WaitEvent
            self._alarm.set(self._session.next_deadline(), self._nursery)

    def _close(self, reason: str, *, drain: bool) -> None:
        self._end(reason)
        if drain and self._owed:
            self._closes_when_answered = True
        elif drain:
            self._owner.act(LocalAnswer(self.number, b"", closes=True))
        else:
            self.close_soon(reason)

    def log_end(self) -> None:
        """The one line that tells a finished client's whole story; of a flood of strangers, one a minute."""
        stats, reason = self.stats, self.reason or "closed"
        unsaid = self._visit.farewell(reason, trio.current_time())
        if unsaid is None:
            return
        tell = get_logger().warning if self._was_cut else get_logger().info
        tell(
            "client_done",
            client=self.number, protocol=self.protocol, address=self.address, tls=self._wire.tls or None,
            user=self.user.name if self.user else None,
            seconds=round(trio.current_time() - self.connected_at, 3), actions=stats.actions_in,
            events=stats.events_out, filtered=stats.events_filtered, bytes_in=stats.bytes_in,
            bytes_out=self.outlet.bytes_out, peak_bytes=self.outlet.peak_bytes,
            holds_exceeded=self.outlet.hold_overruns, dropped=stats.gaps or None, reason=reason,
            **({"times_before": unsaid} if unsaid else {}),
        )  # fmt: skip

    async def _close_drained(self) -> None:
        with trio.move_on_after(self._drain_timeout_s):
            await self.outlet.drain()
            self._wire.end_output()
            with trio.move_on_after(LINGER_S):
                await self._input_ended.wait()
        self._scope.cancel()

    async def _read(self) -> None:
        while True:
            if self._has_to_wait():
                await self._wait_and_go_on()
                continue
            data = await self._receive()
            if data is None:
                self._session.handle_timeout(trio.current_time())
            else:
                self._take(data)
                continue
            self._work_session()

    def _has_to_wait(self) -> bool:
        return self._resumed is not None or (self._rest_until > 0 and self._rest_until > trio.current_time())

    async def _wait_and_go_on(self) -> None:
        """Wait as long as it is paused or has to rest, then act on what it has sent already."""
        if self._resumed is not None:
            await self._resumed.wait()
        await trio.sleep_until(self._rest_until)
        self._turn = 0
        self._work_session()

    async def _catch_up(self) -> None:
        while self._has_to_wait():
            await self._wait_and_go_on()
        if self._nursery is not None:
            self._alarm.set(self._session.next_deadline(), self._nursery)

    def _deadline_met(self) -> None:
        self._session.handle_timeout(trio.current_time())
        self._work_session()

    def _take(self, data: bytes) -> None:
        """What one read gave; it counts towards the client's pace by its size as well."""
        now, actions = self._clock(), self.stats.actions_in
        if not self.stats.bytes_in and not self._wire.tls and data[:1] == bytes((TLS_HELLO,)):
            self.cut("a TLS hello where plain text is spoken")
            return
        self.stats.bytes_in += len(data)
        if reason := self._visit.receive(len(data), now):
            self.cut(reason)
            self._log.ban()
            return
        if not data:
            self._input_ended.set()
        self._session.receive_data(data, now, time.time())
        self._turn = 0
        self._work_session()
        self._rest(self._visit.read(len(data), self.stats.actions_in - actions, now))
        self._quick = self._quick + 1 if self._owner.asked(self) else 0

    def _acted(self) -> None:
        """It has acted once more; after a few actions in a row it is somebody else's turn."""
        self.stats.actions_in += 1
        self._turn += 1
        rest_s = self._visit.act(self._clock()) or (TURN_REST_S if self._turn >= TURN else 0.0)
        if rest_s:
            self._rest(rest_s)

    def _rest(self, seconds: float) -> None:
        """Take nothing from it for so long: it is too fast. What it has sent already waits."""
        if seconds:
            self._rest_until = max(self._rest_until, trio.current_time() + seconds)

    async def _receive(self) -> bytes | None:
        """The next bytes, ``b""`` at the end, ``None`` when the session's deadline passed.

        After the end there are only deadlines: what is pending is still answered (recording half-close).
        """
        deadline = self._session.next_deadline()
        if self._input_ended.is_set():
            await trio.sleep_until(deadline)
            return None
        if deadline == math.inf:
            if self._quick:
                if self._quick % QUICK == 0:
                    await trio.lowlevel.checkpoint()
                if not self.outlet.dead and (data := self._glances.look(self._wire)) is not None:
                    return data
                self._quick = 0
            return await self._wire.receive()
        with trio.move_on_at(deadline):
            return await self._wire.receive()
        return None

    def _work_session(self) -> None:
        """Take the session's events in order, as long as the client is neither paused nor to rest."""
        while self._resumed is None and (not self._rest_until or self._rest_until <= trio.current_time()):
            event = self._session.next_event()
            if event is NEED_DATA:
                return  # first, since that is every second one
            if type(event) is ActionReceived:  # the other one; a pattern would take 2,500 instructions
                self._acted()
                self._owner.act(ClientAction(self.number, event.frame, event.action_id, *self._servers))
                continue
            match event:
                case SnifferAsked(frame, action_id):
                    self._owes_answer(action_id)
                    self._owner.sniffer_asked(self, frame, action_id)
                case ServersAsked(change, action_id):
                    self._owes_answer(action_id)
                    self._owner.servers_asked(self, change, action_id)
                case Reply(data, ordered):
                    self._acted()
                    self.reply(data, ordered=ordered)
                case Greeting(data):
                    self.outlet.offer(data)
                case LoggedIn(user):
                    self._subscribe()
                    self._log.login(user.name)
                case MaskChanged() | FilterChanged() | AutofilterChanged() | SequenceChanged():
                    self._subscribe()
                case ResumeAsked():
                    self._acted()
                    self._look()
                    self._owner.client_resumes(self, event)
                case OutputChanged():
                    self.outlet.release_all()  # what is held was written in the format of before
                    self._dress_answers()
                    if self.user is not None:  # else the login that brings the format comes behind it
                        self._subscribe()
                case LoginFailed(username, reason):
                    self.login_failures += 1
                    self._log.failure(username.decode(errors="replace"), reason)
                case SecretUnchecked():
                    self._check_soon(event)
                case WaitStarted():
                    self.outlet.on_event = self._event_seen
                case Closing(reason, drain):
                    self._close(reason, drain=drain)

    def _check_soon(self, unchecked: SecretUnchecked) -> None:
        """Nothing more is taken from it till its secret was looked at: what it sends waits in the socket."""
        self.pause("secret")
        if self._nursery is not None:
            self._nursery.start_soon(self._check_secret, unchecked)

    async def _check_secret(self, unchecked: SecretUnchecked) -> None:
        right = await self._checks.judge(self._visit.origin.key, unchecked)
        self._session.secret_checked(right, trio.current_time())
        self.resume("secret")

    def reply(self, data: bytes, *, ordered: bool) -> None:
        """Give it an answer of amp's own; see `Reply`."""
        if ordered:
            self._owner.act(LocalAnswer(self.number, data))
        else:
            self.send(data)

    def _dress_answers(self) -> None:
        """Answers in the manager protocol to who may see all need no dressing, and take no detour."""
        form, calls = self.written, self.user.calls if self.user else None
        if calls is None or not calls.changes_answers:
            self._screen = None
        elif self._screen is None or self._screen.filter != calls:
            self._screen = AnswerScreen(calls)
        if form is STANDARD and self._screen is None:
            self.send = self.outlet.offer
        else:
            self._dresser = Dresser(form, () if self._screen is None else (self._screen,))
            self.send = self._send_dressed

    def _send_dressed(self, data: bytes) -> None:
        try:
            dressed = self._dresser.dress(data)
        except Exception as error:  # whatever a plug-in does
            name = self._dresser.format.name
            get_logger(client=self.number).exception("format_failed", format=name)
            self.cut(f"format {name} failed: {type(error).__name__}")
            return
        if dressed:
            self.outlet.offer(dressed)

    def _subscribe(self) -> None:
        self._look()
        self._owner.client_subscribed(self)

    def _look(self) -> None:
        """What it may and wants to see is what its session says."""
        self.user = user = self._session.user
        if user is not None:
            self._servers = (user.server, user.servers, "fanout" in user.write)
            self._dress_answers()
        drops = ((user and user.slow_client) or self._slow_client) == "gap"
        self.outlet.on_drop = partial(self._owner.events_dropped, self) if drops else None
        self.view = self._see()

    def _see(self) -> ViewKey | None:
        return view_of(self._session, self.number, self.written.name)

    def _end(self, reason: str) -> None:
        self.reason = self.reason or reason

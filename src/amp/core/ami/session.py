"""One client's AMI session, with amp in Asterisk's place.

What belongs to the session itself (signing in and off, Ping, Events, Filter, WaitEvent) is answered here,
since all clients share amp's sessions upstream, and so are ProxyActions; everything else is told to the
router. Whether the user may is decided before any of that. Answers are Asterisk's word for word; the
recordings named below are the proof. On purpose different: blank messages are nothing, and a second Login
replaces the first user instead of being waved through unread (recording login-twice).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeGuard

import attrs

from amp.core.ami import replies
from amp.core.ami.auth import Authenticator, User
from amp.core.ami.door import (
    AUTHENTICATION_FAILED,
    FAILURE_DELAY_S,
    NO_KEYS_FOR_HASHES,
    OPEN_DOOR,
    TOO_MANY_LOGINS,
    Door,
)
from amp.core.ami.frame import Frame, check_text
from amp.core.ami.framing import NEED_DATA, BadAction, NeedData
from amp.core.ami.mask import ALL, NONE, EventMask
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
    SessionEvent,
    SnifferAsked,
    WaitStarted,
)
from amp.core.ami.states import CLIENT_TRANSITIONS, ClientState
from amp.core.fanout.autofilter import Autofilter
from amp.core.formats.choice import FormatChoice
from amp.core.formats.format import Format, Reader
from amp.core.policy.authorise import Refusal, admitted
from amp.core.policy.event_filter import NO_FILTER, EventFilter
from amp.core.policy.filter_action import add_filter
from amp.core.proxy_actions.handlers import Request
from amp.core.proxy_actions.resume import Resumption
from amp.core.proxy_actions.table import DENIED, perform
from amp.core.proxy_actions.world import World

__all__ = ["ClientSession"]

SYSTEM: Final = frozenset((b"system",))


class _Login(NamedTuple):
    """A Login on its way.

    Attributes:
        hashed: what its secret has to match; ``""`` if it is judged without a hash.
        at: when it came.
    """

    username: bytes
    action_id: bytes | None
    wanted: EventMask
    hashed: str
    at: float


@attrs.define(kw_only=True, eq=False)
class ClientSession:
    """The server's end of one AMI session. Times are monotonic seconds of the caller's clock.

    Attributes:
        greeting: the first line the client gets, without its CR LF, if its input format greets.
        authenticator: who may sign in.
        challenge: what Challenge answers; digits, drawn anew for every connection.
        login_timeout_s: a client not signed in by then is cut off without a word (recording login-timeout).
        now: when the connection was taken.
        started: when amp started; FullyBooted tells the time since.
        anonymous: with this user the session begins signed in (``authentication = "none"``).
        autofilter: how ActionIDs in events are shown: as given, then as the user's account says, then
            as the client asks.
        world: gives what ProxyActions show, as it is at that moment.
        formats: how the client writes and what it gets; its listener's formats and limits to begin with.
        door: who may come in besides knowing a secret, and how long a refusal takes.
        action_id: the ActionID that the client set last.
        denials: how many actions its rights did not cover.
        sequence: whether events have numbers.
    """

    greeting: bytes
    authenticator: Authenticator = attrs.field(repr=False)
    challenge: bytes = attrs.field(repr=False)
    login_timeout_s: float
    now: float
    started: float = attrs.field(default=attrs.Factory(lambda self: self.now, takes_self=True))
    anonymous: User | None = None
    autofilter: Autofilter = Autofilter.UNIQUE
    world: Callable[[], World] = attrs.field(default=World, repr=False)
    formats: FormatChoice = attrs.field(factory=FormatChoice, repr=False)
    door: Door = attrs.field(default=OPEN_DOOR, repr=False)

    reader: Reader = attrs.field(init=False, repr=False)
    state: ClientState = attrs.field(default=ClientState.AWAIT_LOGIN, init=False)
    user: User | None = attrs.field(default=None, init=False)
    events: EventMask = attrs.field(default=NONE, init=False)
    event_filter: EventFilter = attrs.field(default=NO_FILTER, init=False)
    action_id: bytes = attrs.field(default=b"", init=False)
    denials: int = attrs.field(default=0, init=False)
    sequence: bool = attrs.field(default=False, init=False)
    _first_autofilter: Autofilter = attrs.field(init=False)
    _autofilter_asked: bool = attrs.field(default=False, init=False)
    _input: Format = attrs.field(init=False, repr=False)
    _output: Format = attrs.field(init=False, repr=False)
    _ended: bool = attrs.field(default=False, init=False)
    _read: frozenset[str] = attrs.field(default=frozenset(), init=False)
    _wanted: EventMask = attrs.field(default=NONE, init=False)
    _wall: float = attrs.field(default=0.0, init=False)
    _deadline: float = attrs.field(default=math.inf, init=False)
    _challenged: bool = attrs.field(default=False, init=False)
    _last_words: bytes = attrs.field(default=b"", init=False, repr=False)
    _waiting_id: bytes | None = attrs.field(default=None, init=False)
    _login: _Login | None = attrs.field(default=None, init=False, repr=False)
    _told: deque[SessionEvent] = attrs.field(factory=deque, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        check_text(self.greeting, "the greeting")
        self._deadline = self.now + self.login_timeout_s
        self._first_autofilter = self.autofilter
        if self.anonymous is not None:
            self.formats.follow_user(self.anonymous.input_format, self.anonymous.output_format)
        self._input, self._output = self.formats.input, self.formats.output
        self.reader = self.formats.new_reader()
        if self._input.greets:
            self._tell(Greeting(self.greeting + b"\r\n"))
        if self.anonymous is not None:
            self.door.judge("", self.now)
            self._sign_in(self.anonymous, ALL)

    # -- what the owner calls ------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float, wall: float) -> None:
        """Take what one read gave; ``b""`` means the client has closed its sending side.

        Args:
            data: any bytes. What comes behind a failed login or a Logoff is lost. While a secret is checked
                (`SecretUnchecked`) everything is kept, so nothing should be read then.
            now: monotonic seconds.
            wall: seconds since 1970, for the Timestamp of Ping.
        """
        self.now, self._wall = now, wall
        if self.state is ClientState.WAITING:
            # Input ends the wait, as in Asterisk (main/manager.c, action_waitevent).
            self._end_wait()
        if self.state in TAKING:
            self._ended = self._ended or not data
            self.reader.receive_data(data)

    def next_event(self) -> SessionEvent | NeedData:
        """The next thing to tell, or `NEED_DATA`; nothing is told behind `Closing`."""
        told = self._told
        while not told:
            if self.state not in READING:
                return NEED_DATA
            event = self.reader.next_event()
            if isinstance(event, Frame):
                self._on_action(event)
            elif isinstance(event, BadAction):
                self._reply(replies.error(event.action_id, event.message), event.action_id)
            elif event is NEED_DATA:
                return NEED_DATA
            else:
                self._close("end of stream", drain=True)
        return told.popleft()

    def next_deadline(self) -> float:
        """When `handle_timeout` is due; ``math.inf`` if nothing is."""
        return self._deadline

    def handle_timeout(self, now: float) -> None:
        """Do what is due at ``now``: refuse, cut off, or end a wait."""
        self.now = now
        if now < self._deadline:
            return
        if self.state is ClientState.WAITING:
            self._end_wait()
        elif self.state is ClientState.REFUSED:
            self._tell(Reply(self._last_words, ordered=True))
            self._close("authentication failed")
        else:
            self._close("login timeout")

    def notify_event(self) -> None:
        """An event was sent to this client: that ends a WaitEvent, if there is one."""
        if self.state is ClientState.WAITING:
            self._end_wait()

    def secret_checked(self, matches: bool | None, now: float) -> None:
        """Whether the secret of `SecretUnchecked` is right; ``None`` if that could not be found out in time.

        Call `next_event` afterwards. A session that has ended meanwhile takes no notice. The answer to a
        wrong secret is due as long after the Login as ever, so it does not tell how long the check took.
        """
        if self.state is not ClientState.CHECKING or self._login is None:
            return
        login, self._login, self.now = self._login, None, now
        if matches is None:
            self._refuse(login.username, login.action_id, TOO_MANY_LOGINS, now + FAILURE_DELAY_S)
            return
        user = self.authenticator.verify_hashed(login.username, login.hashed) if matches else None
        self._finish_login(login, user)

    def change_user(self, user: User) -> None:
        """The signed-in user may see and do other things from now on; what it asked to see stays asked for.

        Call `next_event` afterwards: `LoggedIn` tells the owner, the client is told nothing.
        """
        if self.user is not None and self.state in SIGNED_IN:
            old = self.user.event_filter
            if self.user is self.anonymous:
                self.anonymous = user
            self.event_filter = self.event_filter.rebased(old, user.event_filter)
            self.user, self._read, self.events = user, user.read, self._wanted.within(user.read)
            self._follow_autofilter(user)
            self._told.append(LoggedIn(user, self.events))  # not told: an open WaitEvent stays open

    def end(self, reason: str) -> None:
        """The owner wants it to be over: nothing more is read or acted on. Idempotent."""
        if self.state is not ClientState.CLOSED:
            self._close(reason)

    # -- actions -------------------------------------------------------------------------------------

    def _on_action(self, frame: Frame) -> None:
        firsts = frame.firsts
        action_id = firsts.get(b"actionid") or None
        handler = HANDLERS.get(firsts.get(b"action", b"").lower())
        if handler in BEFORE_LOGIN:
            handler(self, frame, action_id)
        elif b"proxykey" in firsts and not self._has_good_key(frame, action_id):
            return
        elif firsts.get(b"proxyaction"):
            self._on_proxy_action(frame, action_id)
        elif self.user is None:
            self._reply(replies.error(action_id, b"Permission denied"), action_id)
        elif isinstance(admitted_as := admitted(self.user.policy, frame), Refusal):
            self.denials += 1
            self._reply(replies.error(action_id, admitted_as.message), action_id)
        else:
            if action_id and action_id != self.action_id:
                self._note_action_id(action_id)
            (handler or ClientSession._on_other)(self, admitted_as, action_id)

    def _has_good_key(self, frame: Frame, action_id: bytes | None) -> bool:
        """Sign in by the header ProxyKey, if there is one and nobody has logged in before."""
        key = frame.get(b"ProxyKey")
        if not key or self.user is not self.anonymous:
            return True
        user = self.authenticator.verify_proxy_key(key)
        if not self._lets_in(user, b"", action_id, self.now):
            return False
        self._use_formats_of(user)
        self._sign_in(user, ALL)
        return True

    def _on_proxy_action(self, frame: Frame, action_id: bytes | None) -> None:
        outcome = DENIED
        if (user := self.user) is not None:
            request = Request(
                frame=frame,
                world=lambda: self.world().seen_by(user.name, user.bound_to),
                formats=self.formats.installed,
                events=self.events,
            )
            outcome = perform(request, user.write)
            self.denials += outcome is DENIED
        if outcome.logs_off:
            self._on_logoff(frame, action_id)
            return
        if outcome.change is not None:
            self._tell(ServersAsked(outcome.change, action_id))
            return
        if outcome.resumption is not None:
            self._resume(outcome.resumption, action_id)
            return
        if outcome.sequence is not None:
            self.sequence = outcome.sequence
            self._tell(SequenceChanged(self.sequence))
        if outcome.autofilter is not None:
            self.autofilter, self._autofilter_asked = outcome.autofilter, True
            self._tell(AutofilterChanged(self.autofilter, self.action_id))
        if outcome.input is not None or outcome.output is not None:
            self.formats.ask(outcome.input, outcome.output)
            self._follow_formats()
        self._reply(replies.proxy_reply(outcome.response, action_id, *outcome.headers), action_id)

    def _resume(self, asked: Resumption, action_id: bytes | None) -> None:
        events = asked.wanted.within(self._read)
        if not events:
            text = (b"Message", b"You may see none of these events")
            self._reply(replies.proxy_reply(b"Failure", action_id, text), action_id)
            return
        self._wanted, self.events, self.sequence = asked.wanted, events, True
        self._tell(ResumeAsked(asked.positions, action_id))

    def _use_formats_of(self, user: User) -> None:
        self.formats.follow_user(user.input_format, user.output_format)
        self._follow_formats()

    def _follow_formats(self) -> None:
        """Read what stands behind this action, and write from now on, as has been chosen."""
        choice = self.formats
        if choice.input is not self._input:
            self._input, self.reader = choice.input, choice.reader_behind(self.reader, ended=self._ended)
        if choice.output is not self._output:
            self._output = choice.output
            self._tell(OutputChanged(choice.output))

    def _note_action_id(self, action_id: bytes) -> None:
        self.action_id = action_id
        if self.autofilter is Autofilter.ON:
            self._tell(AutofilterChanged(self.autofilter, action_id))

    def _on_other(self, frame: Frame, action_id: bytes | None) -> None:
        self._tell(ActionReceived(frame, action_id))

    def _on_sniffer_command(self, frame: Frame, action_id: bytes | None) -> None:
        self._tell(SnifferAsked(frame, action_id))

    def _on_challenge(self, frame: Frame, action_id: bytes | None) -> None:
        if _wants_md5(frame):
            self._challenged = True
            self._reply(replies.challenge(action_id, self.challenge), action_id)
        else:
            self._reply(replies.error(action_id, b"Must specify AuthType"), action_id)

    def _on_login(self, frame: Frame, action_id: bytes | None) -> None:
        mask = EventMask.parse(frame.get(b"Events"))
        username, secret = frame.get(b"Username") or b"", frame.get(b"Secret") or b""
        hashed = self.authenticator.hash_to_check(username) or ""
        login = _Login(username, action_id, ALL if mask is None else mask, hashed, self.now)
        if _wants_md5(frame):
            user = self._verify_key(username, frame)
            self._finish_login(login, user, NO_KEYS_FOR_HASHES if hashed else "")
            return
        user = self.authenticator.verify_secret(username, secret)
        if user is None and hashed:
            self._login, self._deadline = login, math.inf
            self._tell(SecretUnchecked(secret, hashed))
        else:
            self._finish_login(login, user)

    def _finish_login(self, login: _Login, user: User | None, hint: str = "") -> None:
        if not self._lets_in(user, login.username, login.action_id, login.at, hint):
            return
        self._use_formats_of(user)
        data = replies.success(login.action_id, b"Authentication accepted")
        if login.wanted.within(user.read).wants(SYSTEM):
            data += replies.fully_booted(self.now - self.started)
        self._reply(data, login.action_id)
        self._sign_in(user, login.wanted)

    def _lets_in(
        self, user: User | None, username: bytes, action_id: bytes | None, since: float, hint: str = ""
    ) -> TypeGuard[User]:
        """Ask the door, which always refuses None, and refuse as it says; its delay counts from ``since``."""
        refusal, delay_s = self.door.judge(user.name if user else None, self.now)
        if refusal:
            words = refusal + hint if refusal == AUTHENTICATION_FAILED else refusal
            self._refuse(username, action_id, words, since + delay_s)
        return not refusal

    def _refuse(self, username: bytes, action_id: bytes | None, words: str, at: float) -> None:
        self._last_words = replies.error(action_id, words)
        self._tell(LoginFailed(username, words))
        self._deadline = at

    def _verify_key(self, username: bytes, frame: Frame) -> User | None:
        if not self._challenged:
            return None
        return self.authenticator.verify_md5(username, self.challenge, frame.get(b"Key") or b"")

    def _sign_in(self, user: User, wanted: EventMask) -> None:
        self.user, self._read, self._wanted = user, user.read, wanted
        self.events, self.event_filter = wanted.within(user.read), user.event_filter
        self._follow_autofilter(user)
        self._deadline = math.inf
        self._tell(LoggedIn(user, self.events))

    def _follow_autofilter(self, user: User) -> None:
        if not self._autofilter_asked:
            self.autofilter = self._first_autofilter if user.autofilter is None else user.autofilter

    def _on_logoff(self, _frame: Frame, action_id: bytes | None) -> None:
        self._tell(Reply(replies.goodbye(action_id), ordered=True))
        self._close("logoff", drain=True)

    def _on_ping(self, frame: Frame, action_id: bytes | None) -> None:
        if frame.firsts.get(b"server"):
            self._tell(ActionReceived(frame, action_id))
        else:
            self._reply(replies.pong(action_id, self._wall), action_id)

    def _on_events(self, frame: Frame, action_id: bytes | None) -> None:
        mask = EventMask.parse(frame.get(b"EventMask"))
        if mask is None:
            self._reply(replies.error(action_id, b"Invalid event mask"), action_id)
            return
        self._wanted, self.events = mask, mask.within(self._read)
        self._tell(MaskChanged(self.events))
        self._reply(replies.events(action_id, bool(mask)), action_id)

    def _on_filter(self, frame: Frame, action_id: bytes | None) -> None:
        # Sent upstream it would filter everybody's events.
        outcome = add_filter(self.event_filter, frame)
        if outcome.filter != self.event_filter:
            self.event_filter = outcome.filter
            self._tell(FilterChanged(outcome.filter))
        answer = replies.success if outcome.success else replies.error
        self._reply(answer(action_id, outcome.message), action_id)

    def _on_wait_event(self, frame: Frame, action_id: bytes | None) -> None:
        self._tell(WaitStarted())
        self._waiting_id = action_id
        self._deadline = self.now + _wait_s(frame.get(b"Timeout") or b"")

    def _end_wait(self) -> None:
        self._deadline = math.inf
        self._reply(replies.wait_event_done(self._waiting_id), self._waiting_id)

    # -- telling -------------------------------------------------------------------------------------

    def _reply(self, data: bytes, action_id: bytes | None) -> None:
        self._tell(Reply(data, ordered=action_id is None))

    def _close(self, reason: str, *, drain: bool = False) -> None:
        self._deadline = math.inf
        self._tell(Closing(reason, drain))

    def _tell(self, event: SessionEvent) -> None:
        self.state = CLIENT_TRANSITIONS[self.state][type(event)]
        self._told.append(event)


def _wants_md5(frame: Frame) -> bool:
    return (frame.get(b"AuthType") or b"").lower() == b"md5"


def _wait_s(timeout: bytes) -> float:
    """Seconds of a WaitEvent's Timeout; without one, or with one that is no number, it has no end."""
    digits = timeout.strip()
    return float(digits) if digits.isdigit() and len(digits) <= MAX_TIMEOUT_DIGITS else math.inf


Handler = Callable[[ClientSession, Frame, bytes | None], None]

MAX_TIMEOUT_DIGITS: Final = 9
READING: Final = frozenset((ClientState.AWAIT_LOGIN, ClientState.READY))
TAKING: Final = READING | {ClientState.CHECKING}
SIGNED_IN: Final = frozenset((ClientState.READY, ClientState.WAITING, ClientState.CHECKING))

# What belongs to the session and never goes upstream, where other clients share it, or is for a sniffer.
HANDLERS: Final[Mapping[bytes, Handler]] = {
    b"challenge": ClientSession._on_challenge,
    b"login": ClientSession._on_login,
    b"logoff": ClientSession._on_logoff,
    b"ping": ClientSession._on_ping,
    b"events": ClientSession._on_events,
    b"filter": ClientSession._on_filter,
    b"waitevent": ClientSession._on_wait_event,
    b"sniffercommand": ClientSession._on_sniffer_command,
}
BEFORE_LOGIN: Final = frozenset(HANDLERS[name] for name in (b"challenge", b"login", b"logoff"))

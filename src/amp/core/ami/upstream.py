"""Our end of one AMI session with an Asterisk: greeting, login, frames, keepalive.

Once signed in the way of a read is short: one `FrameCutter.feed`, one `FramesReceived`. Our own actions
(Challenge, Login, Ping) have ActionIDs with a prefix of their own, and their answers are not told.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import attrs

from amp.core.ami.auth import md5_key
from amp.core.ami.frame import Frame, FrameKind, encode
from amp.core.ami.framing import NEED_DATA, NeedData
from amp.core.ami.states import UPSTREAM_TRANSITIONS, UpstreamState
from amp.core.ami.upstream_events import (
    ChallengeAnswered,
    Closed,
    FramesReceived,
    Greeted,
    LoginAccepted,
    LoginRefused,
    SendData,
    UpstreamEvent,
)
from amp.core.fanout.cutter import FrameCutter
from amp.core.fanout.events import Frames
from amp.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["UpstreamConnection"]

GREETING: Final = b"Asterisk Call Manager"
MAX_GREETING_BYTES: Final = 1024
MAX_MESSAGE_BYTES: Final = 200
"""Of a server's refusal, what people are shown."""

GIVE_UP_AFTER: Final = 3
"""How many times ``keepalive_s`` of silence end a link: one until the Ping, the others behind it."""

FIRST_WITHOUT_FOLLOWS: Final = 3
"""Interface versions below this one (Asterisk before 14) answer Command with ``Response: Follows``."""


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


@attrs.define(kw_only=True, eq=False, on_setattr=[])
class UpstreamConnection:
    """The client's end of one AMI session. Times are monotonic seconds of the caller's clock.

    Attributes:
        username: who we sign in as.
        secret: the password; it leaves this process only if the server cannot do Challenge.
        events: the Events header of Login: ``on``, ``off`` or a list of classes.
        own_prefix: what the ActionIDs of our own actions begin with; no client's wire id begins so.
        keepalive_s: after so much silence comes a Ping, after three times that the link is given up.
        login_timeout_s: how long greeting and login may take together.
        max_frame_bytes: the longest frame taken.
        now: when the connection was made.
    """

    username: bytes = attrs.field(converter=_as_bytes)
    secret: bytes = attrs.field(converter=_as_bytes, repr=False)
    events: bytes = attrs.field(default=b"on", converter=_as_bytes)
    own_prefix: bytes
    keepalive_s: float = 15.0
    login_timeout_s: float = 30.0
    max_frame_bytes: int = 16 << 20
    now: float

    state: UpstreamState = attrs.field(default=UpstreamState.AWAIT_GREETING, init=False)
    _cutter: FrameCutter = attrs.field(init=False, repr=False)
    _received: deque[bytes] = attrs.field(factory=deque, init=False, repr=False)
    _told: deque[UpstreamEvent] = attrs.field(factory=deque, init=False, repr=False)
    _eof: bool = attrs.field(default=False, init=False)
    _failure: RemoteProtocolError | None = attrs.field(default=None, init=False)
    _greeting: bytes = attrs.field(default=b"", init=False, repr=False)
    _own_actions: int = attrs.field(default=0, init=False)
    _asked: bytes = attrs.field(default=b"", init=False)
    _key: bytes = attrs.field(default=b"", init=False, repr=False)
    _pinged: bool = attrs.field(default=False, init=False)
    _pinged_at: float = attrs.field(default=-math.inf, init=False)
    _heard_at: float = attrs.field(init=False)
    _silent_until: float = attrs.field(default=-math.inf, init=False)
    _login_deadline: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._cutter = FrameCutter(self.max_frame_bytes, streams=self.events != b"off")
        self._heard_at = self.now
        self._login_deadline = self.now + self.login_timeout_s

    # -- what the owner calls ------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """Take what one read gave; ``b""`` means that the server closed the connection."""
        self._heard_at = now
        if data:
            self._received.append(data)
        else:
            self._eof = True

    def next_event(self) -> UpstreamEvent | NeedData:
        """The next thing to tell, or `NEED_DATA`; nothing is told behind `LoginRefused` or `Closed`.

        Raises:
            RemoteProtocolError: this is no manager interface, a frame is too long, or the server fell
                silent. The state is ERROR then, and every further call raises the same.
        """
        while not self._told:
            if self._failure is not None:
                raise self._failure
            if self._received:
                self._take_or_fail(self._received.popleft())
            elif self._eof and self.state is not UpstreamState.CLOSED:
                self._tell(Closed(self._cutter.tail_bytes + len(self._greeting)))
            else:
                return NEED_DATA
        return self._told.popleft()

    def send(self, raw: bytes) -> bytes:
        """Let an action out.

        Args:
            raw: wire bytes with the closing blank line, as `to_wire` makes them.
        Returns:
            The bytes to write.
        Raises:
            LocalProtocolError: we are not signed in (any more).
        """
        if self.state is not UpstreamState.READY:
            raise LocalProtocolError(f"expected to be signed in before an action, am in {self.state.name}")
        return raw

    def expect_silence(self, until: float) -> None:
        """Do not give the link up before ``until``: an action that blocks its session is under way.

        Asterisk answers nothing, not even a Ping, while a synchronous Originate rings (recording
        originate-sync-blocks).
        """
        self._silent_until = max(self._silent_until, until)

    def next_deadline(self) -> float:
        """When `handle_timeout` is due; ``math.inf`` if never again."""
        if self.state is UpstreamState.READY:
            if not self._pinged:
                return self._heard_at + self.keepalive_s
            # From the Ping on, not only from the last sign of life: who wakes up late must still wait.
            asked_or_heard = max(self._pinged_at, self._heard_at)
            return max(asked_or_heard + (GIVE_UP_AFTER - 1) * self.keepalive_s, self._silent_until)
        if self.state in (UpstreamState.CLOSED, UpstreamState.ERROR):
            return math.inf
        return self._login_deadline

    def handle_timeout(self, now: float) -> None:
        """Do what is due at ``now``: ask for a sign of life, or give the link up."""
        if now < self.next_deadline():
            return
        if self.state is not UpstreamState.READY:
            self._fail(f"no answer within {self.login_timeout_s:g} s in {self.state.name}")
        elif self._pinged:
            self._fail(f"no answer for {now - self._heard_at:g} s")
        else:
            self._pinged, self._pinged_at = True, now
            self._ask((b"Action", b"Ping"))

    # -- what the server said ------------------------------------------------------------------------

    def _take_or_fail(self, data: bytes) -> None:
        try:
            if self.state is UpstreamState.READY:
                self._hand_on(self._cutter.feed(data))
            else:
                self._take(data)
        except RemoteProtocolError as error:
            self.state, self._failure = UpstreamState.ERROR, error

    def _take(self, data: bytes) -> None:
        if self.state is UpstreamState.AWAIT_GREETING:
            self._greeting += data
            self._read_greeting()
        elif self.state is not UpstreamState.CLOSED:
            frames = iter(self._cutter.feed(data))
            for raw in frames:
                self._on_login_answer(Frame.parse(raw))
                if self.state not in SIGNING_IN:
                    break
            if self.state is UpstreamState.READY:  # behind a refused login the rest is for nobody
                self._hand_on(list(frames))

    def _hand_on(self, frames: Frames) -> None:
        """Tell what came while READY, which changes nothing about that."""
        if self._pinged:
            frames = [frame for frame in frames if not self._is_pong(frame)]
        if frames:
            self._told.append(FramesReceived(frames))

    def _is_pong(self, raw: bytes) -> bool:
        if not raw.startswith(b"Response:") or Frame.parse(raw).get(b"ActionID") != self._asked:
            return False
        self._pinged = False
        return True

    def _read_greeting(self) -> None:
        """One line and no blank line behind it, so it does not go through the cutter (recording login-ok)."""
        line, end, rest = self._greeting.partition(b"\n")
        if not (line.startswith(GREETING) or (not end and GREETING.startswith(line))):
            raise RemoteProtocolError(f"expected an Asterisk's greeting, got {line[:40]!r}")
        if len(line) > MAX_GREETING_BYTES:
            raise RemoteProtocolError(f"expected a greeting of {MAX_GREETING_BYTES} bytes at most")
        if not end:
            return
        self._greeting = b""
        version = line.rstrip().partition(b"/")[2].decode("ascii", "replace")
        major = version.partition(".")[0]
        self._cutter.legacy_follows = major.isdecimal() and int(major[:4]) < FIRST_WITHOUT_FOLLOWS
        self._tell(Greeted(version))
        self._ask((b"Action", b"Challenge"), (b"AuthType", b"MD5"))
        if rest:
            self._take(rest)

    def _on_login_answer(self, frame: Frame) -> None:
        if frame.kind is not FrameKind.RESPONSE or frame.get(b"ActionID") != self._asked:
            return  # nothing else is for us before we are signed in
        accepted = frame.name.lower() == b"success"
        if self.state is UpstreamState.AWAIT_CHALLENGE:
            self._move(ChallengeAnswered)
            self._log_in(frame.get(b"Challenge") if accepted else None)
        elif accepted:
            self._pinged = False
            self._tell(LoginAccepted())
        else:
            message = frame.get(b"Message") or b"no reason given"
            self._tell(LoginRefused(self._fit_to_show(message)))

    def _log_in(self, challenge: bytes | None) -> None:
        """Sign in with a key; in clear only if the server has no challenge for us."""
        self._key = md5_key(challenge, self.secret) if challenge else b""
        proof = ((b"AuthType", b"MD5"), (b"Key", self._key)) if challenge else ((b"Secret", self.secret),)
        self._ask((b"Action", b"Login"), (b"Username", self.username), *proof, (b"Events", self.events))

    def _fit_to_show(self, message: bytes) -> str:
        """A server's text for logs and clients: a bounded part, without our secret, which it may repeat."""
        for proof in (self._key, self.secret):
            message = message.replace(proof, b"***") if proof else message
        return message[:MAX_MESSAGE_BYTES].decode("utf-8", "replace")

    # -- telling -------------------------------------------------------------------------------------

    def _ask(self, action: tuple[bytes, bytes], *headers: tuple[bytes, bytes]) -> None:
        self._own_actions += 1
        self._asked = b"%s%d" % (self.own_prefix, self._own_actions)
        self._tell(SendData(encode(Frame((action, (b"ActionID", self._asked), *headers)))))

    def _fail(self, why: str) -> None:
        self.state, self._failure = UpstreamState.ERROR, RemoteProtocolError(why)

    def _tell(self, event: UpstreamEvent) -> None:
        self._move(type(event))
        self._told.append(event)

    def _move(self, happened: type[UpstreamEvent | ChallengeAnswered]) -> None:
        self.state = UPSTREAM_TRANSITIONS[self.state][happened]


SIGNING_IN: Final = frozenset((UpstreamState.AWAIT_CHALLENGE, UpstreamState.AWAIT_LOGIN))

"""One command and its reply over one connection, without I/O.

CONNECTING → AWAIT_REPLY → REPLYING → DONE; from everywhere but DONE to FAILED. The owner connects, sends
what `connected` gives in one write, hands in what comes, and drains `next_event` after each call.
"""

from __future__ import annotations

import enum
import math
from collections import deque

import attrs

from amp.core.ami.framing import NEED_DATA, NeedData
from amp.core.voipmonitor.cipher import Cipher
from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.exchange_events import (
    ExchangeEvent,
    ExchangeFailed,
    Failure,
    ReplyChunk,
    ReplyEnded,
)
from amp.core.voipmonitor.reply import ReplyDecoder
from amp.core.voipmonitor.request import encode_request
from amp.errors import LocalProtocolError

__all__ = ["Exchange", "ExchangeLimits", "ExchangeState"]


class ExchangeState(enum.Enum):
    """Where an exchange stands."""

    CONNECTING = "connecting"
    AWAIT_REPLY = "await reply"
    REPLYING = "replying"
    DONE = "done"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class ExchangeLimits:
    """How long things may take, in seconds, and how big a reply may be, in bytes.

    Attributes:
        connect_s: till the connection is there.
        first_byte_s: from sending till the first byte, or the close, of the reply.
        progress_s: between any two reads of the reply.
        whole_s: for everything; replies that are streams (`CommandSpec.stream`) are not bound by it.
        reply_bytes: of a reply that is no stream, as received and unpacked.
    """

    connect_s: float = 5.0
    first_byte_s: float = 15.0
    progress_s: float = 15.0
    whole_s: float = 60.0
    reply_bytes: int = 64 << 20


@attrs.define(kw_only=True, eq=False)
class Exchange:
    """The client's end of one connection to a sniffer. Times are monotonic seconds of the caller's clock.

    Attributes:
        command: what is asked.
        cipher: what with; ``None`` for a plain request.
        unpack: whether a packed reply is given unpacked.
        now: when connecting began.

    Raises:
        LocalProtocolError: the command cannot be encrypted with this key (see `encode_request`).
    """

    command: Command
    cipher: Cipher | None
    limits: ExchangeLimits = ExchangeLimits()
    unpack: bool = False
    now: float

    state: ExchangeState = attrs.field(default=ExchangeState.CONNECTING, init=False)
    _request: bytes = attrs.field(init=False, repr=False)
    _decoder: ReplyDecoder = attrs.field(init=False, repr=False)
    _events: deque[ExchangeEvent] = attrs.field(factory=deque, init=False, repr=False)
    _whole_at: float = attrs.field(init=False)
    _step_at: float = attrs.field(init=False)
    _received: int = attrs.field(default=0, init=False)
    _told: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the request before anything is opened for it."""
        stream = self.command.spec.stream
        self._request = encode_request(self.command, self.cipher)
        self._decoder = ReplyDecoder(
            self.command,
            self.cipher,
            unpack=self.unpack,
            max_unpacked_bytes=math.inf if stream else self.limits.reply_bytes,
        )
        self._whole_at = math.inf if stream else self.now + self.limits.whole_s
        self._step_at = self.now + self.limits.connect_s

    @property
    def over(self) -> bool:
        """Whether there is nothing more to wait for, and the connection may be closed."""
        return self.state in (ExchangeState.DONE, ExchangeState.FAILED)

    def connected(self, now: float) -> bytes:
        """The connection is there; gives the request, to be sent in one segment.

        Raises:
            LocalProtocolError: not CONNECTING.
        """
        if self.state is not ExchangeState.CONNECTING:
            raise LocalProtocolError(f"{self.command.name}: connected while {self.state.value}")
        self.state = ExchangeState.AWAIT_REPLY
        self._step_at = now + self.limits.first_byte_s
        return self._request

    def receive_data(self, data: bytes, now: float) -> None:
        """Take what the sniffer sent; ``b""`` is its close, which is the end of the reply."""
        if self.over:
            return
        if data:
            self.state = ExchangeState.REPLYING
            self._step_at = now + self.limits.progress_s
            self._received += len(data)
            if self._received > self.limits.reply_bytes and not self.command.spec.stream:
                self._fail(Failure.TOO_BIG, f"a reply of over {self.limits.reply_bytes} bytes")
                return
        self._tell(self._decoder.feed(data) if data else self._decoder.finish())
        if self._decoder.failure is not None:
            self._fail(*self._decoder.failure)
        elif not data:
            self.state = ExchangeState.DONE
            self._events.append(ReplyEnded(self._told, self._decoder.encrypted))

    def connection_lost(self, reason: str) -> None:
        """The connection could not be made, or was reset: what is there of the reply is not complete."""
        if self.state is ExchangeState.CONNECTING:
            self._fail(Failure.NOT_CONNECTED, reason)
        elif not self.over:
            self._fail(Failure.CUT, reason)

    def next_event(self) -> ExchangeEvent | NeedData:
        """The next thing that happened, or `NEED_DATA`."""
        return self._events.popleft() if self._events else NEED_DATA

    def next_deadline(self) -> float:
        """When `handle_timeout` wants to be called; ``math.inf`` when it is over."""
        return math.inf if self.over else min(self._step_at, self._whole_at)

    def handle_timeout(self, now: float) -> None:
        """Give up what has taken too long by now."""
        if self.over or now < self.next_deadline():
            return
        if self.state is ExchangeState.CONNECTING:
            self._fail(Failure.NOT_CONNECTED, f"no connection within {self.limits.connect_s:g} s")
        elif now >= self._whole_at:
            self._fail(Failure.TOO_LONG, f"no end of the reply within {self.limits.whole_s:g} s")
        elif self.state is ExchangeState.AWAIT_REPLY:
            self._fail(Failure.NO_ANSWER, f"no answer within {self.limits.first_byte_s:g} s")
        else:
            self._fail(Failure.STALLED, f"the reply stopped for {self.limits.progress_s:g} s")

    def _tell(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._told += len(piece)
            self._events.append(ReplyChunk(piece))

    def _fail(self, failure: Failure, reason: str) -> None:
        sent = self.state is not ExchangeState.CONNECTING
        self.state = ExchangeState.FAILED
        self._events.append(ExchangeFailed(failure, f"{self.command.name}: {reason}", sent, self._told))

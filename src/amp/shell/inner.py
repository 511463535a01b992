"""Clients inside the process: how HTTP and WebSocket act on behalf of a user.

An `InnerClient` is a `Client` like any other, but for its wire and its outlet: the same session, the same
router, so the same rights, limits, holds and answers. What differs is only how it is used: an action is a
call that gives its whole answer.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs
import trio

from amp.core.admission.admission import Visit
from amp.core.ami.frame import Frame, encode
from amp.core.ami.pin import Pin
from amp.core.ami.rewrite import ACTION_ID, find_action_id, restore_action_id
from amp.core.ami.session import ClientSession
from amp.core.fanout.batch import Span
from amp.core.formats.choice import FormatChoice
from amp.core.formats.format import Format
from amp.core.formats.standard import STANDARD
from amp.errors import LocalProtocolError
from amp.shell.client import Client, MakeOutlet
from amp.shell.crowd import Crowd
from amp.shell.memory_wire import MemoryWire
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.secret_checks import SecretChecks
from amp.shell.wire import Wire

if TYPE_CHECKING:
    from amp.shell.switchboard import Switchboard

__all__ = ["Answer", "End", "EventSink", "InnerClient", "original_of"]

TERMINATOR: Final = b"\r\n\r\n"

MARK: Final = b"inner."
"""What the ActionIDs of inner clients begin with. Nobody sees them: the asker's own is put back."""

MOST_ID_BYTES: Final = 900
"""Of an inner ActionID; amp's own towards a server is longer, and a line has 1022."""

EventSink = Callable[[bytes, Span], None]
"""Takes events as the client's view shows them, whole frames with their blank lines; must neither wait nor
raise. `InnerClient.restored` puts the asker's ActionIDs back."""


class End(enum.Enum):
    """How an action ended for who asked."""

    COMPLETE = "complete"
    """All there is; of a list the last item as well."""
    TIMEOUT = "timeout"
    """The asker's time was over first; what came so far."""
    TOO_LARGE = "too large"
    """More came than the asker takes; nothing of it is kept."""
    CLOSED = "closed"
    """The client was closed; what came until then. `Client.reason` says why."""
    BUSY = "busy"
    """Too many actions of this client are unanswered; this one was not done."""


@attrs.frozen
class Answer:
    """What came for one action.

    Attributes:
        frames: raw, in order, without their blank lines; each has the asker's ActionID if it gave one, and
            none if not. What is from or about a server ends in ``Server: NAME``.
        end: whether that is all.
    """

    frames: tuple[bytes, ...]
    end: End


@attrs.define(eq=False)
class _Ask:
    most_bytes: int
    until: bytes
    own: bool
    """Whether the awaited event must carry this action's ActionID."""
    frames: list[bytes] = attrs.field(factory=list)
    size: int = 0
    heard: bool = False
    seen: bool = False
    end: End | None = None
    each: Callable[[bytes], None] | None = None
    news: trio.Event = attrs.field(factory=trio.Event)

    def take(self, raw: bytes) -> None:
        if self.each is not None and self.frames:
            self.each(raw)
            self.news.set()
            return
        self.size += len(raw) + len(TERMINATOR)
        if self.size > self.most_bytes:
            self.end = End.TOO_LARGE
            self.frames.clear()
        elif self.end is None:
            self.frames.append(raw)
        self.news.set()


class InnerOutlet(Outlet):
    """An outlet that hands everything on at once: answers here, events there. Holds work as in any."""

    __slots__ = ("_answers", "_events")

    def __init__(
        self, wire: Wire, limits: OutletLimits, on_cut: Callable[[str], None], crowd: Crowd | None = None,
        client: int = 0, *, answers: Callable[[bytes], None], events: EventSink,
    ) -> None:  # fmt: skip
        super().__init__(wire, limits, on_cut, crowd, client)
        self._answers = answers
        self._events = events

    def _send(self, data: bytes, span: Span | None) -> None:
        self.bytes_out += len(data)
        if span is None:
            self._answers(data)
        else:
            self._events(data, span)


class OutputChoice(FormatChoice):
    """The formats of an inner client: what its user and itself choose is kept for who writes its answers."""

    def follow_user(self, reads: str | None, writes: str | None) -> None:
        """See `FormatChoice.follow_user`."""
        del reads
        super().follow_user(None, writes)

    def ask(self, reads: Format | None, writes: Format | None) -> None:
        """See `FormatChoice.ask`."""
        del reads
        super().ask(None, writes)


OWN_ONLY: Final = frozenset((b"originateresponse",))
"""Events that answer one action although they are broadcasts: another client's is not the awaited one."""


class InnerClient(Client):
    """A client of this process. Start it with `start`, then `perform` at will, several at a time.

    Args:
        quiet: its end is not logged, since the connection that it acts for has a line of its own.
        tls: what protects that connection.
        make_outlet: for its output, if events go elsewhere than to ``on_events``; it gives answers (without
            a span) to `take_answer`.

    Attributes:
        on_events: gets the events that its view shows; without it they are for ``until`` alone.
        done: set when it is over.
    """

    protocol = "http"

    def __init__(
        self, number: int, address: str, session: ClientSession, owner: Switchboard, limits: OutletLimits,
        visit: Visit, checks: SecretChecks, pin: Pin | None = None, *,
        quiet: bool = True, tls: str = "", make_outlet: MakeOutlet | None = None,
    ) -> None:  # fmt: skip
        self._memory = MemoryWire(tls)
        if make_outlet is None:
            make_outlet = partial(InnerOutlet, answers=self.take_answer, events=self._take_events)
        super().__init__(
            number,
            self._memory,
            address,
            session,
            owner,
            limits,
            owner.crowd,
            visit,
            checks,
            pin,
            make_outlet,
        )
        self.on_events: EventSink | None = None
        self.done = trio.Event()
        self._quiet = quiet
        self._switchboard = owner
        self._most_bytes = limits.outlet_bytes
        self._most_asks = owner.router.limits.actions_per_client
        self._asks: dict[bytes, _Ask] = {}
        self._latest: _Ask | None = None
        self._counter = itertools.count(1)
        self._prefix = MARK + b"%d." % number
        self._mark = ACTION_ID + self._prefix

    @property
    def finished(self) -> bool:
        """Whether it takes no more actions: it is over, or about to be. ``done`` waits for its very end."""
        return self._closing or self.done.is_set()

    @property
    def written(self) -> Format:
        """Always the manager protocol. What was chosen is ``formats.output``, for who asks to write in."""
        return STANDARD

    @property
    def is_signed_in(self) -> bool:
        """Whether somebody is signed in: by a login, or because everybody is."""
        return self._session.user is not None and not self.finished

    async def start(self, nursery: trio.Nursery) -> None:
        """Begin; it lives in the nursery until it is closed, by `close_soon` or by what it does."""
        await nursery.start(self._serve)

    async def perform(
        self, action: Frame, timeout_s: float = math.inf, *, most_bytes: int | None = None,
        until: bytes = b"", each: Callable[[bytes], None] | None = None,
    ) -> Answer:  # fmt: skip
        """Have an action done, and wait for its whole answer.

        Args:
            action: as a client would send it, Login and ProxyAction included.
            timeout_s: how long to wait. The action goes on; what still comes is for nobody.
            most_bytes: of the answer; by default what may wait for any client (``outlet_bytes``).
            until: also wait for an event of this name, and give every event that comes till then. The client
                must see events (``Events: on``). An OriginateResponse must be that of this very action.
            each: gets every frame behind the first, in the place of the answer; it must not wait.

        Raises:
            LocalProtocolError: CR, LF, NUL or a colon where none may be, or the ActionID is too long; nothing
                was done.
        """
        inner_id = self._prefix + b"%d-%s" % (next(self._counter), action.get(b"ActionID") or b"")
        data = encode(_renamed(action, inner_id))
        if self.finished or len(self._asks) >= self._most_asks:
            return Answer((), End.CLOSED if self.finished else End.BUSY)
        name = until.lower()
        ask = _Ask(self._most_bytes if most_bytes is None else most_bytes, name, name in OWN_ONLY, each=each)
        self._asks[inner_id] = ask
        try:
            self._memory.put(data)
            with trio.move_on_after(timeout_s):
                while not self._is_over(inner_id, ask):
                    ask.news = trio.Event()
                    await ask.news.wait()
        finally:
            del self._asks[inner_id]
        return Answer(tuple(ask.frames), ask.end or End.TIMEOUT)

    def own_action_id(self, original: bytes) -> bytes:
        """The ActionID that its events shall have, of the one that its session has read."""
        return original

    def restored(self, raw: bytes) -> bytes:
        """A frame with the asker's own ActionID in the place of the inner one, if it has that."""
        start, end = find_action_id(raw, self._mark)
        if end < 0:
            return raw
        return restore_action_id(raw, start, end, original_of(raw[start:end]))

    def log_end(self) -> None:
        """See `Client.log_end`."""
        if not self._quiet:
            super().log_end()

    async def _serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        self._switchboard.add_client(self)
        try:
            task_status.started()
            await self.run()
        finally:
            self.done.set()
            self._wake_askers()
            self._switchboard.remove_client(self)

    def _wake_askers(self) -> None:
        for ask in self._asks.values():
            ask.news.set()

    def _is_over(self, inner_id: bytes, ask: _Ask) -> bool:
        """Asked only between turns: what stands behind an answer in one read belongs to it, too."""
        if ask.end is None:
            answered = ask.heard and not self._switchboard.router.is_unanswered(self.number, inner_id)
            if answered and (ask.seen or not ask.until):
                ask.end = End.COMPLETE
            elif self.finished:
                ask.end = End.CLOSED
        return ask.end is not None

    def take_answer(self, data: bytes) -> None:
        """What came in answer to something; for its outlet."""
        for raw in _frames(data):
            start, end = find_action_id(raw, self._mark)
            if end < 0:
                # The rest of a value with line ends; or a word by amp to the whole client.
                if self._latest is not None and not raw.startswith(b"ProxyMessage:"):
                    self._latest.take(raw)
                continue
            inner_id = raw[start:end]
            self._latest = ask = self._asks.get(inner_id)
            if ask is not None:
                ask.heard = True
                ask.take(restore_action_id(raw, start, end, original_of(inner_id)))

    def _take_events(self, data: bytes, span: Span) -> None:
        if self.on_events is not None:
            self.on_events(data, span)
        waiting = [(inner_id, ask) for inner_id, ask in self._asks.items() if ask.until and not ask.seen]
        for raw in _frames(data) if waiting else ():
            first, _, _ = raw.partition(b"\r\n")
            name = first.removeprefix(b"Event:").strip().lower() if first.startswith(b"Event:") else b""
            for inner_id, ask in waiting:
                if not ask.seen:
                    ask.seen = name == ask.until and (not ask.own or ACTION_ID + inner_id in raw)
                    ask.take(self.restored(raw))


def _renamed(action: Frame, inner_id: bytes) -> Frame:
    """The action with this ActionID, near the front: an answer to a bad one has it if it came before."""
    if len(inner_id) > MOST_ID_BYTES:
        raise LocalProtocolError(f"expected an ActionID of at most {MOST_ID_BYTES - 40} bytes")
    first, *rest = action.without(b"ActionID").headers
    return Frame((first, (b"ActionID", inner_id), *rest))


def _frames(data: bytes) -> Iterator[bytes]:
    """The frames of what was offered at once, without blank lines."""
    for raw in data.split(TERMINATOR):
        if frame := raw.strip(b"\r\n"):
            yield frame


def original_of(inner_id: bytes) -> bytes:
    """The asker's own ActionID in that of an inner client; empty if it gave none."""
    return inner_id.partition(b"-")[2]

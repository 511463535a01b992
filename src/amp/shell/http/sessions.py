"""Sessions that outlive connections: a client of this process with a queue for its events, found by a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import trio

from amp.core.admission.admission import Refusal
from amp.core.ami.auth import Authenticator
from amp.core.fanout.batch import Span
from amp.core.http.event_queue import EventQueue
from amp.core.http.message import Response, problem
from amp.shell.entrance import Entrance
from amp.shell.http.visitor import Visitor
from amp.shell.inner import InnerClient

__all__ = ["Session", "SessionLimits", "Sessions"]

FULL: Final = "too many sessions (http_sessions)"

SHARES: Final = 10
"""One user may have a share of so many of the logins that last: who never logs out locks nobody else out."""


@attrs.frozen(kw_only=True)
class SessionLimits:
    """Bounds of all sessions and of each."""

    sessions: int
    timeout_s: float
    """Without use for so long, a session is over."""
    queue_bytes: int


@attrs.define(eq=False)
class Session:
    """One session.

    Attributes:
        key: what finds it.
        client: who acts in it.
        timeout_s: see `SessionLimits`.
        events: what came and was not fetched.
        count: the highest count of a digest seen.
        username: who began it by digest.
    """

    key: bytes = attrs.field(repr=False)
    client: InnerClient
    timeout_s: float
    events: EventQueue
    count: int = 0
    username: bytes = b""
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _news: trio.Event = attrs.field(factory=trio.Event)
    _turn: int = 0
    _users: int = 0

    def __enter__(self) -> Session:
        """Use it; it does not end meanwhile for want of use."""
        self._users += 1
        self._scope.deadline = float("inf")
        return self

    def __exit__(self, *_: object) -> None:
        """Not used any more; its time begins anew."""
        self._users -= 1
        if not self._users:
            self._scope.deadline = trio.current_time() + self.timeout_s

    def offer(self, data: bytes, span: Span) -> None:
        """An event for it; see `amp.shell.inner.EventSink`."""
        self.events.offer(data, span)
        self._news.set()

    async def wait_for_events(self, timeout_s: float) -> list[bytes]:
        """The events since they were fetched last, as soon as there are any, or none after that time.

        Who waits already is sent home: only the latest gets them.
        """
        self._turn += 1
        turn = self._turn
        self._news.set()
        with trio.move_on_after(timeout_s):
            while not self.events and turn == self._turn and not self.client.finished:
                self._news = trio.Event()
                await self._news.wait()
        if turn != self._turn:
            return []
        return [self.client.restored(raw) for raw in self.events.take()]

    @property
    def used_last(self) -> float:
        """When, to compare it with others; later than any time while it is used."""
        return self._scope.deadline

    async def live(self) -> None:
        """Until its client is gone, or nobody has used it for too long."""
        self._scope.deadline = trio.current_time() + self.timeout_s
        with self._scope:
            await self.client.done.wait()
        self._news.set()


class Sessions:
    """All sessions of an amp. Await `run` before the first."""

    def __init__(self, entrance: Entrance, limits: Callable[[], SessionLimits]) -> None:
        self._entrance = entrance
        self._limits = limits
        self._sessions: dict[bytes, Session] = {}
        self._opening = 0
        self._nursery: trio.Nursery | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep them until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def find(self, key: bytes) -> Session | None:
        """The session of that key, if it is there still."""
        session = self._sessions.get(key)
        return None if session is None or session.client.finished else session

    async def open(
        self, key: bytes, visitor: Visitor, accounts: Authenticator | None = None
    ) -> Session | Response:
        """Begin a session on which nobody is signed in yet, unless everybody is.

        Args:
            key: nobody has it, and nobody can guess it.
            visitor: who wants it. The session counts as one more connection from there.
            accounts: see `Recognised`.

        Returns:
            The session, or why there is none: 429.
        """
        assert self._nursery is not None  # it runs
        if len(self._sessions) + self._opening >= self._limits().sessions and not self._make_room():
            return problem(429, FULL)
        self._opening += 1
        try:
            found: Session | Response = await self._nursery.start(self._keep, key, visitor, accounts)
        finally:
            self._opening -= 1
        return found

    def keep_to_share(self, user: str) -> None:
        """Of a user with more than a share of all, end the session that was unused for longest."""
        own = [one for one in self._sessions.values() if one.client.user and one.client.user.name == user]
        if len(own) > max(1, self._limits().sessions // SHARES):
            min(own, key=lambda one: one.used_last).client.close_soon("too many logins of this user")

    def _make_room(self) -> bool:
        """Whether the oldest session on which nobody has signed in gives way, as with connections."""
        for key, session in self._sessions.items():
            if session.client.user is None:
                del self._sessions[key]
                session.client.cut("gave way to another session")
                return True
        return False

    async def _keep(
        self, key: bytes, visitor: Visitor, accounts: Authenticator | None, *,
        task_status: trio.TaskStatus[Session | Response],
    ) -> None:  # fmt: skip
        limits = self._limits()
        with self._entrance.admit_from(visitor.number, visitor.host) as visit:
            if isinstance(visit, Refusal):
                task_status.started(problem(429, visit.words))
                return
            client = visitor.make_client(visit, accounts=accounts, quiet=False)
            session = Session(key, client, limits.timeout_s, EventQueue(limits.queue_bytes))
            client.on_events = session.offer
            self._entrance.leaves_by(visit, client.cut)
            try:
                async with trio.open_nursery() as nursery:
                    await client.start(nursery)
                    self._sessions[key] = session
                    task_status.started(session)
                    await session.live()
                    client.close_soon("session over")
            finally:
                self._sessions.pop(key, None)

"""Clients of this process that see what subscriptions ask for: behind WebSockets and event streams."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

import attrs
import trio

from amp.core.admission.admission import Visit
from amp.core.ami.pin import Pin
from amp.core.ami.session import ClientSession
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.batch import Span
from amp.core.fanout.catchup import Catchup, Position
from amp.core.fanout.view import ViewKey
from amp.core.ws.selection import Selection
from amp.shell.catching_up import catch_up
from amp.shell.crowd import Crowd
from amp.shell.http.sessions import Session
from amp.shell.inner import InnerClient, original_of
from amp.shell.outlet import Outlet, OutletLimits
from amp.shell.secret_checks import SecretChecks
from amp.shell.wire import Wire

if TYPE_CHECKING:
    from amp.shell.switchboard import Switchboard

__all__ = ["LAST_WORDS_S", "Subscriber", "SubscriberOutlet"]

LAST_WORDS_S: Final = 2.0
"""How long a client that ends has for what it is owed before its last words, and then to end as well."""


class SubscriberOutlet(Outlet):
    """An outlet of events; answers are given to who waits for them here."""

    __slots__ = ("_answers",)

    def __init__(
        self, wire: Wire, limits: OutletLimits, on_cut: Callable[[str], None], crowd: Crowd | None = None,
        client: int = 0, *, answers: Callable[[bytes], None],
    ) -> None:  # fmt: skip
        super().__init__(wire, limits, on_cut, crowd, client)
        self._answers = answers

    def speak(self, data: bytes) -> None:
        """Send what is no event."""
        if not self.dead:
            super()._send(data, None)

    def _send(self, data: bytes, span: Span | None) -> None:
        if span is None:
            self._answers(data)
        else:
            super()._send(data, span)


class _MakeOutlet(Protocol):
    def __call__(
        self, wire: Wire, limits: OutletLimits, on_cut: Callable[[str], None], crowd: Crowd | None = None,
        client: int = 0, *, answers: Callable[[bytes], None],
    ) -> SubscriberOutlet: ...  # fmt: skip


class Subscriber(InnerClient, ABC):
    """Sees events as subscriptions say, in a format of its own, numbered; none without a selection.

    Args:
        wire: of the connection; nobody else writes there.
        outlet: makes the one writer of the wire.

    Attributes:
        peer_left: set when nothing more comes from the other end.
    """

    def __init__(
        self, number: int, address: str, session: ClientSession, owner: Switchboard, limits: OutletLimits,
        visit: Visit, checks: SecretChecks, pin: Pin | None = None, *,
        tls: str, wire: Wire, outlet: _MakeOutlet,
    ) -> None:  # fmt: skip
        def make_outlet(
            memory: Wire, limits: OutletLimits, on_cut: Callable[[str], None], crowd: Crowd, client: int
        ) -> SubscriberOutlet:
            del memory
            return outlet(wire, limits, on_cut, crowd, client, answers=self.take_answer)

        super().__init__(
            number, address, session, owner, limits, visit, checks, pin,
            quiet=False, tls=tls, make_outlet=make_outlet,
        )  # fmt: skip
        self.peer_left = trio.Event()
        self._socket = wire
        self._selection: Selection | None = None
        self._catchup: Catchup | None = None

    @property
    @abstractmethod
    def event_format(self) -> str:
        """The name of the format of its events."""

    def positions(self, selection: Selection | None) -> dict[bytes, Position]:
        """Where it stands with the servers that it hears of, if it has everything until now."""
        if selection is None or self.user is None:
            return {}
        bound_to = self.user.bound_to
        servers = None if bound_to is None else frozenset(name.encode() for name in bound_to)
        positions = self._switchboard.hub.positions(servers)
        return {name: position for name, position in positions.items() if selection.hears(name)}

    def reached(self) -> dict[bytes, Position]:
        """Where it stands behind all that it was sent; empty while something of that is still to come."""
        coming = self.outlet.holds or (self._catchup is not None and not self._catchup.over)
        return {} if coming else self.positions(self._selection)

    def show(self, selection: Selection | None, since: Mapping[bytes, Position] | None = None) -> None:
        """Show these events from now on.

        Args:
            selection: which; ``None`` shows none.
            since: where the client stands: those that came since then are shown first.

        Raises:
            LocalProtocolError: a position that nobody can have; it is shown nothing.
        """
        self._selection = selection
        if since is None or selection is None:
            self._subscribe()
            return
        key = self._see()
        if key is None or self._nursery is None:
            return
        try:
            catchup = self._switchboard.hub.resume(self.outlet, key, since, self.stats)
        except Exception:
            self._selection = None
            raise
        self.view, self._catchup = key, catchup
        self._switchboard.crowd.join(self.outlet)
        self._nursery.start_soon(catch_up, catchup, self.outlet)

    def own_action_id(self, original: bytes) -> bytes:
        """See `InnerClient.own_action_id`."""
        return original_of(original)

    async def end_with(self, session: Session) -> None:
        """Who logs out is out everywhere; as long as this client is there, so is the login."""
        with session:
            await session.client.done.wait()
            self.log_off("session over")

    @abstractmethod
    async def _say_last_words(self) -> None:
        """Say why it ends, as its kind of reader is told."""

    async def _close_drained(self) -> None:
        """Say why it ends, and leave the other end a moment to end as well."""
        self._wake_askers()
        await self._say_last_words()
        with trio.move_on_after(self._drain_timeout_s):
            await self.outlet.drain()
            self._socket.end_output()
            with trio.move_on_after(LAST_WORDS_S):
                await self.peer_left.wait()
        self._scope.cancel()

    def _take(self, data: bytes) -> None:
        super()._take(data)
        self.stats.bytes_in -= len(data)  # of this process; what asked for it is counted

    def _see(self) -> ViewKey | None:
        view = super()._see()
        if view is None or self._selection is None:
            return None
        unique = view.autofilter is Autofilter.ON  # what it means is said by subscriptions here
        return attrs.evolve(
            view,
            format=self.event_format,
            sequence=True,
            selection=self._selection,
            autofilter=Autofilter.UNIQUE if unique else view.autofilter,
            asker=None,
        )

"""Clients of this process that see what subscriptions ask for: behind WebSockets and event streams."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import attrs

from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.catchup import Catchup, Position
from amp.core.fanout.view import ViewKey
from amp.core.ws.selection import Selection
from amp.shell.catching_up import catch_up
from amp.shell.http.sessions import Session
from amp.shell.inner import InnerClient, original_of

__all__ = ["Subscriber"]


class Subscriber(InnerClient, ABC):
    """Sees events as subscriptions say, in a format of its own, numbered; none without a selection."""

    _selection: Selection | None = None
    _catchup: Catchup | None = None

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

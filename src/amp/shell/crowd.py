"""The patience rule: when a reader may wait a moment for the outlets behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from amp.shell.outlet import Outlet

__all__ = ["HEAVY_BYTES", "PATIENCE_S", "Crowd"]

HEAVY_BYTES: Final = 1 << 20
"""An outlet with more than this waiting counts as heavy."""

PATIENCE_S: Final = 0.05
"""The longest a reader waits. Asterisk cuts a manager session whose socket stays full for its
``writetimeout``, 100 ms as shipped (captures/asterisk-22/FACTS.md), so this must stay well below."""

TURNS: Final = 4
"""Turns of the event loop for each read while somebody is heavy; with them backlogs stayed below 3 MB where
they had grown to 30 (docs/performance.md)."""

STALLED_S: Final = 0.5
"""An outlet with a backlog that wrote nothing for so long is stalled, and nobody waits for it."""


class Crowd:
    """All outlets that carry events, and who among them is behind.

    amp reads faster than two cores can deliver. So a reader waits, `PATIENCE_S` at most, while more
    than half of the outlets that are making progress are heavy: never for a minority, never for a
    stalled one (DESIGN §3).
    """

    def __init__(self) -> None:
        self.members: set[Outlet] = set()
        self.heavy: set[Outlet] = set()
        self.waits = 0
        self._relief = trio.Event()

    def join(self, outlet: Outlet) -> None:
        """The outlet carries events from now on."""
        self.members.add(outlet)

    def leave(self, outlet: Outlet) -> None:
        """The outlet carries no events any more."""
        self.members.discard(outlet)
        self.lighten(outlet)

    def lighten(self, outlet: Outlet) -> None:
        """The outlet is no longer heavy."""
        if outlet in self.heavy:
            self.heavy.discard(outlet)
            self._relief.set()

    def is_behind(self) -> bool:
        """Whether more than half of the outlets that make progress are heavy."""
        if not self.heavy:
            return False
        since = trio.current_time() - STALLED_S
        late = self.heavy & self.members
        moving = sum(outlet.last_progress > since for outlet in late)
        return 2 * moving > len(self.members) - (len(late) - moving)

    async def make_way(self) -> None:
        """What a reader does between two reads while somebody is heavy.

        Either `patience`, or some turns of the loop. A flusher writes once a turn, and no more than its
        socket has room for. Beside a reader that takes more than that a turn, a backlog would never be
        worked off, and its client would be cut although it reads all the time. A turn is no waiting: it
        takes as long as what is ready in it.
        """
        if self.is_behind():
            await self.patience()
            return
        for _ in range(TURNS):
            if not self.heavy:
                return
            await trio.lowlevel.checkpoint()

    async def patience(self) -> None:
        """Wait until the crowd has caught up, `PATIENCE_S` at most. Call it only if `is_behind`."""
        self.waits += 1
        with trio.move_on_after(PATIENCE_S):
            while self.is_behind():
                self._relief = trio.Event()
                await self._relief.wait()

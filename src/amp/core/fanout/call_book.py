"""The calls of all servers, and what of them each filter has shown: one for all views with that filter."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Final

from amp.core.fanout.batch import Batch
from amp.core.policy.calls.call_filter import CallFilter
from amp.core.policy.calls.call_watch import HIDDEN, CallWatch, Verdict
from amp.core.policy.calls.live_calls import NOTED, LiveCalls
from amp.core.policy.calls.parties import CallEvent, read_event

__all__ = ["CallBook", "Screen"]

LOST: Final = b"serverdown"


class Screen:
    """One filter at work on every server."""

    def __init__(self, call_filter: CallFilter) -> None:
        self.filter = call_filter
        self.watches: dict[bytes, CallWatch] = {}
        self.verdicts: list[Verdict] = []
        self._batch: Batch | None = None

    def verdicts_on(self, batch: Batch) -> list[Verdict]:
        """One for each frame of the batch that `CallBook.advance` was given last.

        Of any other batch nothing is shown: what was known when it came is not known any more.
        """
        return self.verdicts if batch is self._batch else [HIDDEN] * len(batch.frames)

    def begin(self, batch: Batch) -> None:
        """The verdicts that follow are on this batch."""
        self._batch, self.verdicts = batch, []

    def known(self, server: bytes) -> list[bytes]:
        """What a client that joins has to be told first: raw frames of the server."""
        watch = self.watches.get(server)
        return watch.known() if watch is not None else []


class CallBook:
    """Sees every batch once, in order, before any view renders it.

    Attributes:
        remembers: keep channels in mind although no filter is at work, since one may come.
        forgotten: channels that were given up for want of room while they were still up.
    """

    def __init__(self) -> None:
        self.remembers = False
        self._forgotten = 0
        """By those who are gone."""
        self._servers: dict[bytes, LiveCalls] = {}
        self._screens: dict[CallFilter, Screen] = {}

    @property
    def forgotten(self) -> int:
        """See above; it only grows."""
        watches = (watch for screen in self._screens.values() for watch in screen.watches.values())
        at_work = chain[LiveCalls | CallWatch](self._servers.values(), watches)
        return self._forgotten + sum(one.forgotten for one in at_work)

    def servers(self) -> tuple[bytes, ...]:
        """Those of which any channel may be known."""
        return tuple(self._servers)

    def calls(self, server: bytes) -> LiveCalls:
        """The channels of a server."""
        return self._servers.setdefault(server, LiveCalls())

    def screen(self, call_filter: CallFilter) -> Screen:
        """The filter at work; one that was not begins with what is known of the calls that are up."""
        screen = self._screens.get(call_filter)
        if screen is None:
            screen = self._screens[call_filter] = Screen(call_filter)
            for server in self._servers:
                self._watch(screen, server)
        return screen

    def keep_only(self, in_use: Iterable[CallFilter]) -> None:
        """Let go of filters that nobody has any more, and of the calls if nobody needs them."""
        wanted = set(in_use)
        before = self.forgotten
        for unused in [key for key in self._screens if key not in wanted]:
            del self._screens[unused]
        if not self._follows():
            self._servers.clear()
        self._forgotten += before - self.forgotten

    def forget(self, server: bytes) -> None:
        """There is no such server any more."""
        before = self.forgotten
        self._servers.pop(server, None)
        for screen in self._screens.values():
            screen.watches.pop(server, None)
        self._forgotten += before - self.forgotten

    def advance(self, batch: Batch) -> None:
        """The next batch of a server."""
        if not (self._screens or self.remembers):
            return  # nobody's view depends on calls, so nobody pays for them
        follows = self._follows()
        for screen in self._screens.values():
            screen.begin(batch)
        calls = self.calls(batch.server)
        watches = [(screen, self._watch(screen, batch.server)) for screen in self._screens.values()]
        reads_all = any(screen.filter.follows_calls for screen in self._screens.values())
        for frame, name in zip(batch.frames, batch.names, strict=True):
            kind = name.lower()
            event: CallEvent | None = None
            if kind:
                worth = reads_all or (follows and kind in NOTED)
                event = read_event(frame) if worth else CallEvent(kind, ())
            for screen, watch in watches:
                screen.verdicts.append(watch.judge(event))
            if kind == LOST:
                self._clear(batch.server)
            elif event is not None and follows:
                calls.note(event, frame)

    def _follows(self) -> bool:
        return self.remembers or any(screen.filter.follows_calls for screen in self._screens.values())

    def _watch(self, screen: Screen, server: bytes) -> CallWatch:
        watch = screen.watches.get(server)
        if watch is None:
            watch = screen.watches[server] = CallWatch(screen.filter, self.calls(server))
            watch.seed()
        return watch

    def _clear(self, server: bytes) -> None:
        self.calls(server).clear()
        for screen in self._screens.values():
            screen.watches[server].clear()

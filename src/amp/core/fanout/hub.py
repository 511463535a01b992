"""Where every server's events meet every client's outlet: journal, render once a view, offer.

All of it is synchronous, so attaching and publishing never overlap but in one way: an offer may find its
client too slow and cut it, and cutting detaches it, here, in the middle of a publish. Therefore a publish
goes through the members as they were when it began, skips who has been detached since, and never shows the
batch to who joined in between; and what is published from inside an offer waits its turn, or clients
further down would get the later batch first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import attrs

from amp.core.ami.frame import Frame, encode
from amp.core.fanout.batch import ALL_BARE, Asker, Batch, Span
from amp.core.fanout.journal import Journal
from amp.core.fanout.view import View, ViewKey
from amp.core.stats import ClientStats, ServerStats
from amp.errors import LocalProtocolError

__all__ = ["Hub", "Sink"]


class Sink(Protocol):
    """Where a client's events go. Compared by identity, and hashable."""

    @property
    def client(self) -> int:
        """The client's number, the one in the ActionIDs that amp makes for it."""

    def offer(self, data: bytes, span: Span | None, /) -> None:
        """Take bytes that are shared with other sinks; must not wait and must not raise."""


@attrs.define(eq=False)
class _Member:
    sink: Sink
    offer: Callable[[bytes, Span | None], None]
    """The sink's own method, looked up once."""
    stats: ClientStats
    group: _Group
    shown_before: int = 0
    hidden_before: int = 0
    live: bool = True
    """Falls for good when the sink is detached; a publish under way looks here."""


@attrs.define(eq=False)
class _Group:
    view: View
    members: tuple[_Member, ...] = ()
    """Replaced, never changed: a publish under way keeps the old one."""


@attrs.define(eq=False)
class _Feed:
    epoch: bytes
    journal: Journal
    stats: ServerStats
    lead: bytes = b""
    """The last event published, as Asterisk shows it: broken pieces that come next belong to it."""


Plan = Sequence[tuple[View, tuple[_Member, ...]]]


class Hub:
    """Servers on one side, sinks on the other."""

    def __init__(self) -> None:
        self._feeds: dict[bytes, _Feed] = {}
        self._groups: dict[ViewKey, _Group] = {}
        self._members: dict[Sink, _Member] = {}
        self._plan: Plan | None = None
        self._due: deque[tuple[Batch, Plan]] = deque()
        self._delivering = False

    def add_server(
        self, name: bytes, epoch: bytes, journal: Journal, stats: ServerStats | None = None
    ) -> None:
        """Make a server known; its events are numbered from the journal's head on.

        Raises:
            LocalProtocolError: the name is taken.
        """
        if name in self._feeds:
            raise LocalProtocolError(f"expected a new server name, got {name[:40]!r} twice")
        journal.epoch = epoch
        self._feeds[name] = _Feed(epoch, journal, stats or ServerStats())

    def remove_server(self, name: bytes) -> None:
        """Forget a server and its journal; what was published before still reaches everybody.

        Tell what there is to tell of it first: afterwards nothing of it can be published. A server that is
        made known later under the same name is another one; its epoch should be, too.

        Raises:
            LocalProtocolError: there is no such server.
        """
        if self._feeds.pop(name, None) is None:
            raise LocalProtocolError(f"expected the name of a server, got {name[:40]!r}")

    def journal(self, server: bytes) -> Journal:
        """The journal of a server; KeyError if there is no such server."""
        return self._feeds[server].journal

    def attach(self, sink: Sink, key: ViewKey, stats: ClientStats | None = None) -> None:
        """Give a sink every event that is published from now on, as this view shows it.

        A sink that is attached already changes its view and misses nothing; its ``stats`` stay.
        """
        member = self._members.get(sink)
        if member is None:
            group = self._groups.get(key) or _Group(View(key))
            member = _Member(sink, sink.offer, stats or ClientStats(), group)
            self._members[sink] = member
        elif member.group.view.key == key:
            return
        else:
            self._leave(member)
            member.group = self._groups.get(key) or _Group(View(key))
        self._join(member)

    def detach(self, sink: Sink) -> None:
        """Give a sink nothing any more, at once, also if a publish is under way. Idempotent."""
        member = self._members.pop(sink, None)
        if member is not None:
            member.live = False
            self._leave(member)

    def count(self, sink: Sink) -> None:
        """Bring the event counters of an attached sink up to date; detaching does so by itself."""
        if sink in self._members:
            self._settle(self._members[sink])

    def broadcast(
        self,
        server: bytes,
        frames: list[bytes],
        asker: Asker | None = None,
        shown: Mapping[int, bytes] = ALL_BARE,
    ) -> Batch:
        """Number a server's events and publish them.

        Args:
            frames: a run of `Intake`; at least one, and just one with an asker. They are kept.
            asker: see `Batch`.
            shown: see `Batch`.
        Returns:
            The batch that was published.
        """
        feed = self._feeds[server]
        lead = b"" if frames[0].startswith(b"Event: ") else feed.lead
        batch = Batch(server, feed.epoch, feed.journal.head + 1, frames, asker, lead, shown)
        self.publish(batch)
        return batch

    def announce(self, server: bytes, frame: Frame) -> Batch:
        """Publish a numbered event that amp itself has to tell about a server, such as ServerDown.

        Raises:
            LocalProtocolError: the frame cannot be encoded.
        """
        return self.broadcast(server, [encode(frame)[:-4]])

    def publish(self, batch: Batch) -> None:
        """Journal a batch, and offer it to every sink that is attached now and sees any of it.

        Raises:
            LocalProtocolError: the batch does not continue the server's journal; nobody got anything.
        """
        feed = self._feeds[batch.server]
        feed.journal.append(batch)
        feed.stats.events += len(batch.frames)
        feed.lead = batch.tail
        if self._plan is None:
            self._plan = [(group.view, group.members) for group in self._groups.values()]
        self._due.append((batch, self._plan))
        if not self._delivering:
            self._deliver_due()

    def _deliver_due(self) -> None:
        self._delivering = True
        try:
            while self._due:
                batch, plan = self._due.popleft()
                for view, members in plan:
                    data = view.render(batch)
                    if data:
                        _offer(batch, view, data, members)
        finally:
            self._delivering = False

    def _join(self, member: _Member) -> None:
        group = self._groups.setdefault(member.group.view.key, member.group)
        group.members = (*group.members, member)
        member.shown_before, member.hidden_before = group.view.shown, group.view.hidden
        self._plan = None

    def _leave(self, member: _Member) -> None:
        self._settle(member)
        group = member.group
        group.members = tuple(other for other in group.members if other is not member)
        if not group.members:
            del self._groups[group.view.key]
        self._plan = None

    def _settle(self, member: _Member) -> None:
        view = member.group.view
        member.stats.events_out += view.shown - member.shown_before
        member.stats.events_filtered += view.hidden - member.hidden_before
        member.shown_before, member.hidden_before = view.shown, view.hidden


def _offer(batch: Batch, view: View, data: bytes, members: tuple[_Member, ...]) -> None:
    span = batch.span
    if batch.asker is None:
        for member in members:
            if member.live:
                member.offer(data, span)
        return
    for member in members:
        if member.live:
            asks = member.sink.client == batch.asker.client
            member.offer(view.render_for_asker(batch) if asks else data, span)

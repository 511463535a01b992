"""Where every server's events meet every client's outlet: journal, render once a view, offer.

All of it is synchronous, so attaching and publishing never overlap but in one way: an offer may find its
client too slow and cut it, and cutting detaches it, here, in the middle of a publish. Therefore a publish
goes through the members as they were when it began, skips who has been detached since, and never shows the
batch to who joined in between; and what is published from inside an offer waits its turn, or clients
further down would get the later batch first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping

import attrs

from amp.core.ami.frame import Frame, encode
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.batch import ALL_BARE, Asker, Batch, Span
from amp.core.fanout.call_book import CallBook
from amp.core.fanout.catchup import Catchup, Position
from amp.core.fanout.events import Frames
from amp.core.fanout.gap import Gap
from amp.core.fanout.journal import Journal
from amp.core.fanout.members import (
    Deliver,
    Group,
    Member,
    Newcomer,
    Plan,
    Sink,
    offer_each,
    offer_to,
    own_rendering,
    sees_other_calls,
)
from amp.core.fanout.rendering import Rendering
from amp.core.fanout.view import View, ViewKey
from amp.core.formats.registry import Formats
from amp.core.formats.standard import STANDARD
from amp.core.stats import ClientStats, ResumeStats, ServerStats
from amp.errors import LocalProtocolError

__all__ = ["Hub", "Sink"]


@attrs.define(eq=False)
class _Feed:
    epoch: bytes
    journal: Journal
    stats: ServerStats
    lead: bytes = b""
    """The last event published, as Asterisk shows it: broken pieces that come next belong to it."""


OnFailure = Callable[[ViewKey, Exception], None]


def _nobody_listens(key: ViewKey, error: Exception) -> None:
    del key, error


class Hub:
    """Servers on one side, sinks on the other.

    Args:
        formats: those that views may have.
        on_failure: told of a view whose format failed; its sinks are detached and cut then.
        deliver: hands the bytes of a publish to the sinks of a view.
    """

    def __init__(
        self,
        formats: Formats | None = None,
        on_failure: OnFailure = _nobody_listens,
        deliver: Deliver = offer_each,
    ) -> None:
        self._formats = formats or Formats()
        self._on_failure = on_failure
        self._deliver_to = deliver
        self._renderings: dict[str, Rendering] = {}
        self._feeds: dict[bytes, _Feed] = {}
        self._groups: dict[ViewKey, Group] = {}
        self._members: dict[Sink, Member] = {}
        self._journals: dict[bytes, Journal] = {}
        self._catchups: dict[Sink, Catchup] = {}
        self._plan: Plan | None = None
        self._due: deque[tuple[Batch, Plan] | Newcomer] = deque()
        """What is to be told: a batch, or to one who joined what it has to know first."""
        self._delivering = False
        self._untidy = False
        """Who has which calls has changed during a publish."""
        self._calls = CallBook()
        self.resumes = ResumeStats()
        self.on_views_changed: Callable[[], None] = _nothing
        """Called when a view has come or gone and `demand` may have changed; to do next to nothing."""

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
        self._calls.forget(name)
        self._feeds[name] = _Feed(epoch, journal, stats or ServerStats())
        self._journals[name] = journal

    def remove_server(self, name: bytes) -> None:
        """Forget a server and its journal; what was published before still reaches everybody.

        Tell what there is to tell of it first: afterwards nothing of it can be published. A server that is
        made known later under the same name is another one; its epoch should be, too.

        Raises:
            LocalProtocolError: there is no such server.
        """
        if self._feeds.pop(name, None) is None:
            raise LocalProtocolError(f"expected the name of a server, got {name[:40]!r}")
        del self._journals[name]
        self._calls.forget(name)

    @property
    def calls_forgotten(self) -> int:
        """How many channels views with ``calls`` lost sight of for want of room."""
        return self._calls.forgotten

    def remember_calls(self, *, always: bool) -> None:
        """Keep the live channels in mind also while no view with ``calls`` is there, since one may come.

        Otherwise such a view, and the first client of it, knows only calls that begin afterwards.
        """
        self._calls.remembers = always
        self._tidy_calls()

    def journal(self, server: bytes) -> Journal:
        """The journal of a server; KeyError if there is no such server."""
        return self._feeds[server].journal

    def positions(self, servers: frozenset[bytes] | None = None) -> dict[bytes, Position]:
        """Where a client stands that has everything until now of these servers (``None``: of all)."""
        return {
            name: Position(journal.epoch, journal.head)
            for name, journal in self._journals.items()
            if servers is None or name in servers
        }

    def expire(self, now: float, age_s: float) -> None:
        """Let the journals forget what is older than so many seconds; call it a few times in that time."""
        for journal in self._journals.values():
            journal.expire(now, age_s)

    def attach(self, sink: Sink, key: ViewKey, stats: ClientStats | None = None) -> None:
        """Give a sink every event that is published from now on, as this view shows it.

        A sink that is attached already changes its view and misses nothing; its ``stats`` stay. If the view
        has ``calls``, the sink is told first which channels are up, behind what is being published now. One
        that is catching up changes its view, too, and goes on catching up.

        Raises:
            LocalProtocolError: there is no output format of that name.
        """
        if (catchup := self._catchups.get(sink)) is not None:
            catchup.show(key)
            self.on_views_changed()
            return
        member = self._members.get(sink)
        before: ViewKey | None = None
        if member is None:
            group = self._group(key)
            member = Member(sink, sink.offer, stats or ClientStats(), group)
            self._members[sink] = member
        elif (before := member.group.view.key) == key:
            return
        else:
            group = self._group(key)
            self._leave(member)
            member.group = group
        self._join(member)
        if key.calls is not None and (before is None or sees_other_calls(before, key)):
            self._due.append(Newcomer(member, member.group))
            if not self._delivering:
                self._deliver_due()
        self._tidy_calls()

    def knows(self, sink: Sink) -> bool:
        """Whether it is attached, or soon will be."""
        return sink in self._members or sink in self._catchups

    def tell(self, sink: Sink, server: bytes, frame: Frame) -> None:
        """Tell an attached sink alone how things stand with a server, as its view shows such events.

        It is no news and has no number of its own: the newest event's, so that nothing is missed behind it.

        Raises:
            LocalProtocolError: the frame cannot be encoded.
        """
        member, feed = self._members[sink], self._feeds[server]
        head = feed.journal.head
        batch = Batch(server, feed.epoch, head, [encode(frame)[:-4]])
        try:
            data = member.group.view.render_alone(batch)
        except Exception as error:  # as in `_deliver`
            self._take_out(member.group.view, (member,), error)
            return
        if data:
            member.stats.events_out += 1
            member.offer(data, Span(server, feed.epoch, head + 1, head))

    def resume(
        self, sink: Sink, key: ViewKey, positions: Mapping[bytes, Position], stats: ClientStats | None = None
    ) -> Catchup:
        """Give a sink what it missed, then every event that is published, as this view shows it.

        Nothing is offered yet: call `Catchup.feed` until it says that it is over. Till then the sink gets
        nothing else, also if it was attached before. `attach` and `detach` are as usual meanwhile.

        Args:
            positions: by server, where the sink stands. What it missed of other servers is not told.
        Raises:
            LocalProtocolError: as `Catchup`; nothing has changed.
        """
        member = self._members.get(sink)
        if stats is None:
            stats = member.stats if member is not None else ClientStats()
        catchup = Catchup(
            sink=sink, key=key, stats=stats, journals=self._journals, positions=positions,
            new_view=lambda key, screen: View(key, self._rendering(key.format), screen),
            arrive=self._arrive, fail=self._fail, totals=self.resumes,
        )  # fmt: skip
        self.detach(sink)
        self._catchups[sink] = catchup
        self.resumes.started += 1
        if key.calls is not None:
            self._calls.screen(key.calls)
        self.on_views_changed()
        return catchup

    def write_gap(self, gap: Gap, format_name: str) -> bytes:
        """What tells a client of this format that something is missing.

        Raises:
            LocalProtocolError: there is no output format of that name.
            Exception: the format is a plug-in's and failed, with whatever it failed.
        """
        return View(ViewKey(format=format_name), self._rendering(format_name)).render_gap(gap)

    def detach(self, sink: Sink) -> None:
        """Give a sink nothing any more, at once, also if a publish is under way. Idempotent."""
        catchup = self._catchups.pop(sink, None)
        if catchup is not None:
            catchup.stop()
            self._tidy_calls()
            self.on_views_changed()
        member = self._members.pop(sink, None)
        if member is not None:
            member.live = False
            self._leave(member)
            self._tidy_calls()

    def demand(self, classes: frozenset[bytes]) -> frozenset[bytes] | None:
        """The servers whose events of these classes somebody is allowed and willing to see.

        Event filters are not asked: what they hide is not known before it is there.

        Returns:
            Their names; ``None`` for whatever server there is.
        """
        wanted: set[bytes] = set()
        for key in self._keys():
            # With autofilter "on" a client sees nothing but its own events.
            if key.autofilter is not Autofilter.ON and key.mask.wants(classes):
                if key.servers is None:
                    return None
                wanted |= key.servers
        return frozenset(wanted)

    def count(self, sink: Sink) -> None:
        """Bring the event counters of an attached sink up to date; detaching does so by itself."""
        if sink in self._members:
            self._settle(self._members[sink])

    def broadcast(
        self,
        server: bytes,
        frames: Frames,
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
        feed.stats.events += batch.count
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
                due = self._due.popleft()
                if isinstance(due, Newcomer):
                    self._introduce(*due)
                else:
                    self._deliver(*due)
        finally:
            self._delivering = False
            if self._untidy:
                self._tidy_calls()

    def _deliver(self, batch: Batch, plan: Plan) -> None:
        self._calls.advance(batch)
        for view, members in plan:
            try:
                data = view.render(batch)
                own = data if batch.asker is None else own_rendering(batch.asker, batch, view, data, members)
            except Exception as error:  # whatever a plug-in does; nobody else may suffer for it
                self._take_out(view, members, error)
                continue
            if data or own:
                offer_to(batch, data, own, members, self._deliver_to)

    def _introduce(self, member: Member, group: Group) -> None:
        """Tell one who has just joined which channels are up, as far as its view has shown them."""
        for server in self._calls.servers():
            feed = self._feeds.get(server)
            if feed is None or not member.live or member.group is not group:
                continue
            head = feed.journal.head
            try:
                data, count = group.view.render_known(server, feed.epoch, head)
            except Exception as error:  # as above
                self._take_out(group.view, (member,), error)
                return
            if data:
                member.stats.events_out += count
                # An empty span: these are events, but none of those that are numbered from now on.
                member.offer(data, Span(server, feed.epoch, head + 1, head))

    def _tidy_calls(self) -> None:
        self._untidy = self._delivering
        if not self._delivering:
            keys = self._keys() if self._catchups else self._groups
            self._calls.keep_only(key.calls for key in keys if key.calls is not None)

    def _keys(self) -> Iterator[ViewKey]:
        """What is seen by those who are attached, and by those who soon will be."""
        yield from self._groups
        for catchup in self._catchups.values():
            yield catchup.key

    def _arrive(self, catchup: Catchup) -> None:
        del self._catchups[catchup.sink]
        self.attach(catchup.sink, catchup.key, catchup.stats)

    def _fail(self, catchup: Catchup, error: Exception) -> None:
        self._on_failure(catchup.key, error)
        self.detach(catchup.sink)
        catchup.sink.cut(f"format {catchup.key.format} failed: {type(error).__name__}")

    def _take_out(self, view: View, members: tuple[Member, ...], error: Exception) -> None:
        """A format failed: its clients would miss events without a word, so they go."""
        self._on_failure(view.key, error)
        for member in members:
            if member.live:
                self.detach(member.sink)
                member.sink.cut(f"format {view.key.format} failed: {type(error).__name__}")

    def _group(self, key: ViewKey) -> Group:
        group = self._groups.get(key)
        if group is not None:
            return group
        rendering = self._rendering(key.format)
        return Group(View(key, rendering, None if key.calls is None else self._calls.screen(key.calls)))

    def _rendering(self, name: str) -> Rendering | None:
        if name == STANDARD.name:
            return None
        if name not in self._renderings:
            if (form := self._formats.output(name)) is None:
                raise LocalProtocolError(f"expected an output format, got {name[:40]!r}")
            self._renderings[name] = Rendering(form)
        return self._renderings[name]

    def _join(self, member: Member) -> None:
        views = len(self._groups)
        group = self._groups.setdefault(member.group.view.key, member.group)
        group.members = (*group.members, member)
        member.shown_before, member.hidden_before = group.view.shown, group.view.hidden
        self._plan = None
        if len(self._groups) > views:
            self.on_views_changed()

    def _leave(self, member: Member) -> None:
        self._settle(member)
        group = member.group
        group.members = tuple(other for other in group.members if other is not member)
        if not group.members:
            del self._groups[group.view.key]
            self.on_views_changed()
        self._plan = None

    def _settle(self, member: Member) -> None:
        view = member.group.view
        member.stats.events_out += view.shown - member.shown_before
        member.stats.events_filtered += view.hidden - member.hidden_before
        member.shown_before, member.hidden_before = view.shown, view.hidden


def _nothing() -> None:
    """Nobody wants to know."""

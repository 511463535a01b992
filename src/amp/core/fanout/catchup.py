"""A client that comes back: what it missed, out of the journals, until it stands where the others are.

It is fed piece by piece, as fast as its output drains, and nothing else reaches it meanwhile. The step that
finds every server's journal at its end attaches the client before anything else can happen, so nothing is
missing between the last piece and the first live event, and nothing comes twice. What the journals have no
more is told as a `Gap` in its place, also when that happens on the way.

A view with ``calls`` depends on all events before (whose channels are which). So for such a client the
journals are gone through from their oldest events on, without showing it those that it has: what it sees
then is what it would have seen, as far as the journals tell of the channels. When it is attached it is told
once more which channels are up, as everybody is who joins such a view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import attrs

from amp.core.fanout.batch import Batch, Span
from amp.core.fanout.call_book import CallBook, Screen
from amp.core.fanout.gap import Gap, Reason
from amp.core.fanout.journal import Journal
from amp.core.fanout.members import Sink
from amp.core.fanout.view import View, ViewKey
from amp.core.stats import ClientStats, ResumeStats
from amp.errors import LocalProtocolError

__all__ = ["PIECE_BYTES", "Catchup", "Missed", "Position"]

PIECE_BYTES: Final = 262_144
"""About what one call of `Catchup.feed` gives: cut and rendered in a millisecond, whole batches."""


class Position(NamedTuple):
    """Where a client stands with a server: it has everything up to this number.

    Attributes:
        epoch: what the number counts in.
        seq: the number of the last event it got; 0 before the first.
    """

    epoch: bytes
    seq: int


class Missed(NamedTuple):
    """What a client that resumes has missed of a server.

    Attributes:
        server: its name.
        epoch: what the numbers count in now.
        first: the number of the first event that the journal still has of it.
        last: of the last one; less than ``first`` if nothing has to be told again.
        gap: what comes before that, if something is lost.
    """

    server: bytes
    epoch: bytes
    first: int
    last: int
    gap: Gap | None


@attrs.define(eq=False)
class _Cursor:
    epoch: bytes
    seq: int
    """The number of the last event that the client has, or was told to be missing."""
    book_seq: int
    """The same of the call book."""


@attrs.define(kw_only=True, eq=False)
class Catchup:
    """One client on its way. Made by `Hub.resume`; call `feed` until it says that it is over.

    Attributes:
        sink: the client's.
        key: what it sees.
        stats: the client's counters.
        journals: of all servers, by name; they change while it is on its way.
        positions: where it stands with some servers; of all others it has everything until now.
        new_view: makes a view of its own.
        arrive: attaches the sink; called once, in the very step in which nothing is missing any more.
        fail: takes out the sink, since its format failed.
        totals: counts for all clients.
        over: nothing comes by here any more: it is attached, or detached.
        arrived: it was attached.
        missed: what was found missing at the beginning, in the order of the positions.

    Raises:
        LocalProtocolError: a position is behind what there is, so somebody made it up; or there is no
            output format of that name.
    """

    sink: Sink
    key: ViewKey
    stats: ClientStats
    journals: Mapping[bytes, Journal]
    positions: Mapping[bytes, Position]
    new_view: Callable[[ViewKey, Screen | None], View]
    arrive: Callable[[Catchup], None]
    fail: Callable[[Catchup, Exception], None]
    totals: ResumeStats
    over: bool = attrs.field(default=False, init=False)
    arrived: bool = attrs.field(default=False, init=False)
    missed: tuple[Missed, ...] = attrs.field(init=False)
    _view: View = attrs.field(init=False)
    _book: CallBook | None = attrs.field(default=None, init=False)
    _cursors: dict[bytes, _Cursor] = attrs.field(init=False)
    _untold: list[Gap] = attrs.field(factory=list, init=False)
    _last_fed: bytes = attrs.field(default=b"", init=False)

    def __attrs_post_init__(self) -> None:
        self._look(self.key)
        self._cursors = {
            server: _Cursor(journal.epoch, journal.head, journal.floor - 1)
            for server, journal in self.journals.items()
        }
        self.missed = tuple(self._begin(*item) for item in self.positions.items())

    def show(self, key: ViewKey) -> None:
        """It sees other things from here on.

        Raises:
            LocalProtocolError: there is no output format of that name; nothing has changed.
        """
        self._look(key)
        self.key = key

    def stop(self) -> None:
        """It wants no more, or is gone."""
        self.over = True

    def feed(self, max_bytes: int = PIECE_BYTES) -> bool:
        """Offer the next piece. Call it again once the sink has room, however often, in any turn.

        Args:
            max_bytes: what it should have at most; it gets whole batches, so it may be one more.
        Returns:
            Whether it is over. Then the sink was attached, in this call, or it was detached.
        """
        left = max_bytes
        for server in self._in_turn():
            if self.over or left <= 0:
                return self.over
            left -= self._feed_of(server, left)
        self._tell()
        if not self.over and left > 0 and self._is_there():
            self.over = self.arrived = True
            self.totals.resumed += 1
            self.arrive(self)
        return self.over

    def _begin(self, server: bytes, position: Position) -> Missed:
        journal = self.journals.get(server)
        epoch, seq = position
        gap: Gap | None = None
        if journal is None or not self._sees(server):
            gap = Gap(server, epoch, seq + 1, None, Reason.UNKNOWN_SERVER, None)
            self._untold.append(gap)
            return Missed(server, epoch, seq + 1, seq, gap)
        cursor = self._cursors[server]
        if epoch != journal.epoch:
            gap = self._begin_epoch(server, cursor, journal)
        elif 0 <= seq <= journal.head:
            cursor.seq = seq
        else:
            name = server.decode(errors="replace")
            raise LocalProtocolError(f"expected a position of {name} up to {journal.head}, got {seq}")
        gap = self._skip_lost(server, cursor, journal) or gap
        return Missed(server, journal.epoch, cursor.seq + 1, journal.head, gap)

    def _begin_epoch(self, server: bytes, cursor: _Cursor, journal: Journal) -> Gap:
        """Of an epoch that it does not know yet it has nothing."""
        cursor.epoch, cursor.seq, cursor.book_seq = journal.epoch, 0, journal.floor - 1
        gap = Gap(server, journal.epoch, None, None, Reason.NEW_EPOCH, 0)
        self._untold.append(gap)
        return gap

    def _skip_lost(self, server: bytes, cursor: _Cursor, journal: Journal) -> Gap | None:
        """Go on behind what the journal has no more."""
        if cursor.seq + 1 >= journal.floor:
            return None
        lost = Span(server, cursor.epoch, cursor.seq + 1, journal.floor - 1)
        cursor.seq = lost.last
        gap = Gap.of(lost, Reason.NOT_IN_JOURNAL)
        self._untold.append(gap)
        return gap

    def _look(self, key: ViewKey) -> None:
        if key.calls is None:
            self._view, self._book = self.new_view(key, None), None
            return
        book = CallBook()
        self._view, self._book = self.new_view(key, book.screen(key.calls)), book

    def _sees(self, server: bytes) -> bool:
        return self.key.servers is None or server in self.key.servers

    def _in_turn(self) -> list[bytes]:
        """All servers, the one that was fed last at the end: none starves another."""
        names = sorted({*self._cursors, *self.journals})
        return [name for name in names if name > self._last_fed] + [
            name for name in names if name <= self._last_fed
        ]

    def _is_there(self) -> bool:
        stands = {server: (cursor.epoch, cursor.seq) for server, cursor in self._cursors.items()}
        return stands == {server: (journal.epoch, journal.head) for server, journal in self.journals.items()}

    def _feed_of(self, server: bytes, left: int) -> int:
        """The next events of a server; how many bytes were gone through for them."""
        self._last_fed = server
        journal = self.journals.get(server)
        if journal is None:
            self._part_with(server)
            return 0
        cursor = self._cursors.setdefault(server, _Cursor(journal.epoch, 0, 0))  # it came meanwhile
        if not self._sees(server):
            cursor.epoch, cursor.seq = journal.epoch, journal.head
            return 0
        if cursor.epoch != journal.epoch:
            self._begin_epoch(server, cursor, journal)
        self._tell()
        while not self.over and self._skip_lost(server, cursor, journal) is not None:
            self._tell()  # while it is told, more may be published, and more be lost
        if self.over:
            return 0
        if self._book is not None and cursor.book_seq < cursor.seq:
            return self._read_up(self._book, cursor, journal, left)
        return self._replay(server, cursor, journal.slice(cursor.seq, left))

    def _part_with(self, server: bytes) -> None:
        """It is gone, perhaps while the client was on its way: the rest of its journal went with it."""
        cursor = self._cursors.pop(server)
        if self._sees(server):
            gap = Gap(server, cursor.epoch, cursor.seq + 1, None, Reason.UNKNOWN_SERVER, None)
            self._untold.append(gap)

    def _read_up(self, book: CallBook, cursor: _Cursor, journal: Journal, left: int) -> int:
        """Let the book know what came before the client's position, as far as that is still there."""
        batches = journal.slice(max(cursor.book_seq, journal.floor - 1), left)
        size = 0
        for batch in batches:
            known = batch.until(cursor.seq)
            book.advance(known)
            cursor.book_seq = known.last_seq
            size += _size(batch)
            if known is not batch:
                break
        return size

    def _replay(self, server: bytes, cursor: _Cursor, batches: list[Batch]) -> int:
        if not batches:
            return 0
        shown, hidden = self._view.shown, self._view.hidden
        try:
            data = b"".join(map(self._render, batches))
        except Exception as error:  # whatever a plug-in does; nobody else may suffer for it
            self.fail(self, error)
            return 0
        span = Span(server, cursor.epoch, batches[0].first_seq, batches[-1].last_seq)
        cursor.seq = cursor.book_seq = span.last
        self.stats.events_out += self._view.shown - shown
        self.stats.events_filtered += self._view.hidden - hidden
        self.totals.events += self._view.shown - shown
        if data:
            self.sink.offer(data, span)
        return sum(map(_size, batches))

    def _render(self, batch: Batch) -> bytes:
        if self._book is not None:
            self._book.advance(batch)
        data = self._view.render(batch)
        asks = batch.asker is not None and batch.asker.client == self.sink.client
        return self._view.render_for_asker(batch) if asks else data

    def _tell(self) -> None:
        while self._untold and not self.over:
            gap = self._untold.pop(0)
            self.totals.gaps += 1
            try:
                data = self._view.render_gap(gap)
            except Exception as error:  # as above
                self.fail(self, error)
                return
            self.sink.offer(data, gap.span)


def _size(batch: Batch) -> int:
    return sum(map(len, batch.frames))

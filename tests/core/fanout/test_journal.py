from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amp.core.fanout.batch import Asker, Batch
from amp.core.fanout.journal import BATCH_BYTES, Journal
from amp.errors import LocalProtocolError

EPOCH = b"e1"
FRAMES = st.lists(st.binary(min_size=1, max_size=60).filter(lambda frame: b"\r" not in frame), min_size=1)


def flat(batches: list[Batch]) -> list[tuple[int, bytes]]:
    return [pair for batch in batches for pair in enumerate(batch.frames, batch.first_seq)]


class JournalAgainstAList(RuleBasedStateMachine):
    """The journal gives what a plain list of all events would, as far back as its bound reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = Journal(4 * BATCH_BYTES, EPOCH)
        self.sizes: list[tuple[int, int]] = []  # first number and bytes of each batch
        self.events: list[tuple[int, bytes]] = []

    @rule(frames=FRAMES)
    def append(self, frames: list[bytes]) -> None:
        first = len(self.events) + 1
        batch = Batch(b"s", EPOCH, first, list(frames))
        self.journal.append(batch)
        self.events += enumerate(frames, first)
        self.sizes.append((first, len(batch.text) + BATCH_BYTES))

    @rule(back=st.integers(min_value=-2, max_value=40))
    def slice(self, back: int) -> None:
        since = max(0, self.journal.head - back)
        expected = [event for event in self.events if event[0] > max(since, self.journal.floor - 1)]
        assert flat(self.journal.slice(since)) == expected

    @precondition(lambda self: self.journal.floor <= self.journal.head)
    @rule(max_bytes=st.integers(min_value=1, max_value=200))
    def slice_by_slice(self, max_bytes: int) -> None:
        found: list[tuple[int, bytes]] = []
        since = self.journal.floor - 1
        while batches := self.journal.slice(since, max_bytes):
            assert sum(len(frame) for batch in batches[:-1] for frame in batch.frames) < max_bytes
            found += flat(batches)
            since = batches[-1].last_seq
        assert found == flat(self.journal.slice(0))

    @invariant()
    def keeps_the_newest_batches_that_fit(self) -> None:
        assert self.journal.head == len(self.events)
        kept, floor = 0, len(self.events) + 1
        for first, size in reversed(self.sizes):
            kept += size
            if kept > 4 * BATCH_BYTES:
                break
            floor = first
        assert self.journal.floor == floor
        assert 0 <= self.journal.size_bytes <= 4 * BATCH_BYTES


TestJournalAgainstAList = JournalAgainstAList.TestCase
TestJournalAgainstAList.settings = settings(max_examples=50, stateful_step_count=25)


@pytest.mark.parametrize(
    "batch",
    [Batch(b"s", EPOCH, 1, []), Batch(b"s", EPOCH, 2, [b"a"]), Batch(b"s", b"e0", 1, [b"a"])],
    ids=["empty", "gap", "other epoch"],
)
def test_what_does_not_continue_is_refused(batch: Batch) -> None:
    """A mistake in numbering must not reach a client as a silent gap."""
    journal = Journal(1000, EPOCH)
    with pytest.raises(LocalProtocolError, match="from number 1 on"):
        journal.append(batch)
    assert (journal.head, journal.floor) == (0, 1)


def test_asker_and_lead_come_back() -> None:
    """What a batch is besides its frames is kept, too."""
    journal = Journal(1000, EPOCH)
    kept = Batch(b"s", EPOCH, 1, [b"a"], Asker(1, b"7", 1), b"Event: X")
    journal.append(kept)
    (batch,) = journal.slice(0)
    assert (batch.server, batch.asker, batch.lead) == (kept.server, kept.asker, kept.lead)


def test_what_batches_keep_besides_their_text_counts() -> None:
    """Leads are as long as events, ActionIDs as long as actions; the lead that pieces share counts once."""
    lead, piece = b"Event: " + bytes(5000), b"rest"
    journal, bare = Journal(1 << 20, EPOCH), Journal(1 << 20, EPOCH)
    for seq in (1, 2, 3):
        journal.append(Batch(b"s", EPOCH, seq, [piece], None, lead))
        bare.append(Batch(b"s", EPOCH, seq, [piece]))
    assert journal.size_bytes == bare.size_bytes + len(lead)
    before = journal.size_bytes
    journal.append(Batch(b"s", EPOCH, 4, [b"Event: X"], Asker(1, bytes(700), 8)))
    assert journal.size_bytes > before + 700


def test_no_piece_keeps_an_event_that_is_too_long_for_the_journal() -> None:
    journal = Journal(5000, EPOCH)
    journal.append(Batch(b"s", EPOCH, 1, [b"Event: " + bytes(9000)]))
    journal.append(Batch(b"s", EPOCH, 2, [b"rest"], None, b"Event: " + bytes(9000)))
    assert (journal.floor, journal.head, journal.size_bytes) == (3, 2, 0)


def test_a_journal_of_no_size_only_counts() -> None:
    journal = Journal(0, EPOCH)
    journal.append(Batch(b"s", EPOCH, 1, [b"a", b"b"]))
    assert (journal.head, journal.floor, journal.slice(0)) == (2, 3, [])

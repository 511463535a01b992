from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from amp.core.fanout.batch import Span
from amp.core.fanout.dropping import DropSpan, Entry, drop_oldest

PLACES = (b"pbx1", b"pbx2")

KINDS = st.sampled_from(["event", "event", "event", "answer", "known"])


def text(span: Span, new: int) -> bytes:
    return b"gap %s %d %d (%d)" % (span.server, span.first, span.last, new)


@given(
    st.lists(st.tuples(KINDS, st.sampled_from(PLACES), st.integers(1, 5), st.integers(1, 50)), max_size=40),
    st.lists(st.integers(0, 1000), min_size=1, max_size=4),
)
def test_the_oldest_go_and_each_number_is_told_or_there(
    offers: list[tuple[str, bytes, int, int]], limits: list[int]
) -> None:
    """However often: what must be written stays, and every other number is in an event or in one gap."""
    queue: deque[Entry] = deque()
    heads = dict.fromkeys(PLACES, 0)
    must: list[bytes] = []
    for index, (kind, server, count, size) in enumerate(offers):
        data = b"%d" % index * size
        first, last = heads[server] + 1, heads[server] + count
        if kind == "event":
            heads[server] = last
            queue.append((data, Span(server, b"e", first, last)))
            continue
        must.append(data)
        queue.append((data, Span(server, b"e", first, first - 1) if kind == "known" else None))
    told = 0
    size = sum(len(data) for data, _ in queue)
    for limit in limits:
        texts: list[int] = []

        def tell(span: Span, new: int, texts: list[int] = texts) -> bytes:
            texts.append(new)
            return text(span, new)

        before = {span: data for data, span in queue if span is not None and not isinstance(span, DropSpan)}
        size = drop_oldest(queue, size, limit, tell)
        assert size == sum(len(data) for data, _ in queue)
        left = {span: data for data, span in queue if span is not None and not isinstance(span, DropSpan)}
        assert left.items() <= before.items()
        assert sum(texts) == sum(span.last - span.first + 1 for span in before if span not in left)
        told += sum(texts)
        droppable = [span for span in left if span.first <= span.last]
        gaps = sum(len(data) for data, span in queue if isinstance(span, DropSpan))
        assert size - gaps <= limit or not droppable
    assert [data for data, span in queue if span is None or span.first > span.last] == must
    for server in PLACES:
        seq = 0
        for _, span in queue:
            if span is not None and span.server == server and span.first <= span.last:
                assert span.first == seq + 1
                seq = span.last
        assert seq == heads[server]
        assert sum(isinstance(span, DropSpan) and span.server == server for _, span in queue) <= 1


def test_a_gap_names_numbers_that_the_client_does_not_see_as_well() -> None:
    """Between two entries of a server there may be events that its view hides."""
    queue: deque[Entry] = deque(
        [
            (b"the rest of one", None),
            (b"x" * 10, Span(b"a", b"e", 3, 4)),
            (b"y" * 10, Span(b"b", b"e", 1, 1)),
            (b"answer", None),
            (b"x" * 10, Span(b"a", b"e", 9, 9)),
            (b"z", Span(b"a", b"e", 10, 10)),
        ]
    )
    size = drop_oldest(queue, 52, 22, text)
    assert list(queue) == [
        (b"the rest of one", None),
        (b"gap a 3 9 (3)", DropSpan(b"a", b"e", 3, 9)),
        (b"gap b 1 1 (1)", DropSpan(b"b", b"e", 1, 1)),
        (b"answer", None),
        (b"z", Span(b"a", b"e", 10, 10)),
    ]
    assert size == 22 + 2 * 13


def test_another_epoch_of_a_server_is_another_gap() -> None:
    queue: deque[Entry] = deque((b"x", Span(b"a", epoch, 1, 1)) for epoch in (b"e1", b"e2"))
    drop_oldest(queue, 2, 0, text)
    assert [span for _, span in queue] == [DropSpan(b"a", b"e1", 1, 1), DropSpan(b"a", b"e2", 1, 1)]

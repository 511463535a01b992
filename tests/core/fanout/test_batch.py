from __future__ import annotations

import pytest

from amp.core.fanout.batch import MAX_CLASSES, MAX_CLASSES_BYTES, NO_CLASS, NOBODYS, Asker, Batch, Span

CALL = frozenset((b"call", b"all"))
DIALPLAN = frozenset((b"dialplan", b"all"))
FRAMES = [
    b"Event: Hangup\r\nPrivilege: call,all\r\nCause: 16",
    b"Event: Newexten\r\nPrivilege: dialplan,all\r\nAppData: one",
    b"two\r\nx: y",
    b"Event: AVeryLongNameThatNoHeadOfFortyBytesHolds\r\nPrivilege: call,all\r\nX: 1",
    b"Event: Odd\r\nTimestamp: 1\r\nPrivilege: dialplan,all",
    b"Event: Bare",
]


def batch(frames: list[bytes], *, asker: Asker | None = None, lead: bytes = b"") -> Batch:
    return Batch(b"pbx1", b"e1", 5, frames, asker, lead)


def test_numbers() -> None:
    """A batch numbers its frames without a gap."""
    assert batch(FRAMES).last_seq == 10
    assert batch(FRAMES).span == Span(b"pbx1", b"e1", 5, 10)


def test_a_frame_without_privilege_has_the_classes_of_the_frame_before() -> None:
    """Who may not see a value may not see the rest that broke off it."""
    made = batch(FRAMES)
    assert made.privileges == [CALL, DIALPLAN, DIALPLAN, CALL, DIALPLAN, DIALPLAN]
    assert made.privileges is made.privileges


def test_a_broken_piece_at_the_beginning_follows_the_last_event_before() -> None:
    """A read may end in the middle of a value."""
    assert batch([b"two"], lead=FRAMES[1]).privileges == [DIALPLAN]
    assert batch([b"two"]).privileges == [NO_CLASS]


MOST = [b"c%d" % number for number in range(MAX_CLASSES)]
LONGEST = b"l" * MAX_CLASSES_BYTES


@pytest.mark.parametrize("rest", [b"", b"\r\nX: 1"])
@pytest.mark.parametrize(
    ("value", "classes"),
    [
        (b",".join(MOST), frozenset(MOST)),
        (b",".join([*MOST, b"one"]), NOBODYS),
        (b"call,call" + b",call" * MAX_CLASSES, NOBODYS),
        (LONGEST, frozenset((LONGEST,))),
        (LONGEST + b"l", NOBODYS),
        (LONGEST + b",call" * 100_000, NOBODYS),
    ],
)
def test_more_classes_than_asterisk_can_have_are_nobodys(
    value: bytes, classes: frozenset[bytes], rest: bytes
) -> None:
    """Sets of classes are kept, so a server must not make them as large as it likes."""
    assert batch([b"Event: Odd\r\nPrivilege: " + value + rest, b"two"]).privileges == [classes, classes]


def test_names() -> None:
    """Event names as Asterisk writes them; a broken piece has none."""
    long_name = b"AVeryLongNameThatNoHeadOfFortyBytesHolds"
    made = batch(FRAMES)
    assert made.names == [b"Hangup", b"Newexten", b"", long_name, b"Odd", b"Bare"]
    assert made.names is made.names


def test_after_cuts_what_is_known_already() -> None:
    """The rest keeps its numbers, and knows what a broken piece at its beginning belongs to."""
    made = batch(FRAMES)
    assert made.after(4) is made
    rest = made.after(6)
    assert (rest.first_seq, rest.last_seq, rest.frames) == (7, 10, FRAMES[2:])
    assert rest.lead == FRAMES[1]
    assert batch([b"a", b"b"], lead=FRAMES[1]).after(5).lead == FRAMES[1]
    assert batch([b"a", b"b"], lead=FRAMES[1]).after(5).privileges == [DIALPLAN]


def test_the_asker_sees_its_action_id_where_it_stood() -> None:
    """In the middle or at the end, the line is back; others have the batch as it is."""
    frame = b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: X"
    middle = batch([frame], asker=Asker(3, b"my id", 16)).for_asker()
    assert middle.frames == [b"Event: UserEvent\r\nActionID: my id\r\nPrivilege: user,all\r\nUserEvent: X"]
    end = batch([frame], asker=Asker(3, b"7", len(frame))).for_asker()
    assert end.frames == [frame + b"\r\nActionID: 7"]
    assert end.span == Span(b"pbx1", b"e1", 5, 5)
    plain = batch([frame])
    assert plain.for_asker() is plain


def test_the_tail_passes_over_broken_pieces() -> None:
    """It is the event as Asterisk shows it, since a filter judges the pieces of the next batch by it."""
    assert batch(FRAMES[:3]).tail == FRAMES[1]
    assert batch([b"two"]).tail == b""
    assert batch([b"two"], lead=FRAMES[0]).tail == FRAMES[0]
    assert Batch(b"pbx1", b"e1", 1, FRAMES[:2], shown={1: b"Event: with an id"}).tail == b"Event: with an id"
    asked = batch([FRAMES[0]], asker=Asker(3, b"7", len(FRAMES[0])))
    assert asked.tail == FRAMES[0] + b"\r\nActionID: 7"

"""The fast way for much at a time gives what the exact way gives, whatever is in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amp.core.ami.ids import ActionIds
from amp.core.fanout.batch import Batch, Span
from amp.core.fanout.cutter import FEWEST_EVENTS, STREAM_BYTES, FrameCutter
from amp.core.fanout.events import MOST_ODD, TERMINATOR, Events
from amp.core.fanout.intake import AskerBroadcast, Broadcasts, Intake, OwnAnswer
from core.fanout.recordings import BUSY, chunks, stream

PREFIX = ActionIds(b"9f3").prefix
OUR_ADDRESS = b"IPV4/TCP/127.0.0.1/56686"
HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.1\r\nCause: 16"
MANY = [HANGUP] * (STREAM_BYTES // len(HANGUP) + FEWEST_EVENTS)
ODD = [
    b"",
    b"\r\n" + HANGUP,
    b"\r\n",
    HANGUP + b"\n",
    HANGUP + b"\r",
    b"rest of a value\r\nX: y",
    b"Event",
    b"Events: 1",
    b"Evil: 1\r\nServer: pbx2",
    b"Server: pbx2",
    b"Event: ",
    HANGUP + b"\r\nServer: pbx2",
    HANGUP + b"\nsErVeR:pbx2",
    HANGUP + b"\r\nUserServer: pbx2\r\nX: Server: z",
    HANGUP + b"\r\n\xff\xfe",
    b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: A",
    b"Event: UserEvent\r\nPrivilege: user,all\r\nActionID: theirs\r\nUserEvent: A",
    b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: A\r\nactionid: " + PREFIX + b"1.1-x",
    b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: A\r\nActionID: " + PREFIX + b"1.1-x",
    b"Event: Odd\r\nActionID: 7",
    b"Event: CoreShowChannel\r\nActionID: " + PREFIX + b"1.1-x\r\nChannel: a",
    b"Event: Status\r\nPrivilege: Call\r\nActionID: " + PREFIX + b"1.1-x",
    b"Event: Shutdown\r\nPrivilege: system,all\r\nShutdown: Cleanly",
    b"Event: Shutdown",
    b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 2\r\nLastReload: 6\r\nStatus: Fully Booted",
    b"Event: SuccessfulAuth\r\nPrivilege: security,all\r\nRemoteAddress: " + OUR_ADDRESS + b"\r\nX: 1",
    b"Event: SuccessfulAuth\r\nPrivilege: security,all\r\nRemoteAddress: IPV4/TCP/192.0.2.1/5\r\nX: 1",
    b"Response: Success\r\nActionID: " + PREFIX + b"1.1-x",
    b"Response: Error\r\nMessage: unasked",
]
"""Frames as they may stand between terminators, each of them trouble of its own kind."""

Entry = bytes | OwnAnswer | AskerBroadcast | tuple[bytes, bytes]


def taken(pieces: list[bytes], *, streams: bool) -> tuple[list[Entry], Intake]:
    """What becomes of each frame, and who knows about the session then."""
    cutter, intake, entries = FrameCutter(streams=streams), Intake(b"pbx1", PREFIX), list[Entry]()
    intake.own_addresses.add(OUR_ADDRESS)
    for piece in pieces:
        for run in intake.take(cutter.feed(piece)):
            if isinstance(run, Broadcasts):
                shown = run.shown
                entries += [(f, shown[i]) if i in shown else f for i, f in enumerate(run.frames)]
            else:
                entries.append(run)
    return entries, intake


def same(pieces: list[bytes]) -> list[Entry]:
    entries, intake = taken(pieces, streams=True)
    exactly, other = taken(pieces, streams=False)
    assert entries == exactly
    assert intake.shutdown == other.shutdown
    return entries


def wire(frames: list[bytes]) -> bytes:
    return b"".join(frame + TERMINATOR for frame in frames)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("at", [0, 1, 30, len(MANY) - 1, len(MANY)])
@pytest.mark.parametrize("cut", [0, 3, 9, 40, 60])
def test_one_odd_frame_among_many(odd: bytes, at: int, cut: int) -> None:
    """At the beginning, in the middle or at the end, whole or torn apart by the reads."""
    data = wire([*MANY[:at], odd, *MANY[at:]])
    same([data[:cut], data[cut : len(data) - cut], data[len(data) - cut :]])


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from([HANGUP, *ODD]), max_size=12),
    st.lists(st.integers(0, len(MANY)), min_size=12, max_size=12),
    st.lists(st.integers(min_value=0), max_size=3),
)
def test_any_odd_frames_in_any_chunking(odd: list[bytes], places: list[int], cuts: list[int]) -> None:
    """Frames that stand side by side, or in several reads, make no difference either."""
    frames = MANY.copy()
    for frame, at in zip(odd, places, strict=False):
        frames.insert(at, frame)
    same(list(chunks(wire(frames), cuts)))


@pytest.mark.parametrize("name", [*BUSY, "stream-20calls"])
@settings(max_examples=10)
@given(cuts=st.lists(st.integers(min_value=0), max_size=8))
def test_recordings_in_large_reads(name: str, cuts: list[int]) -> None:
    assert same(list(chunks(stream(name)[-300_000:], cuts)))


def test_a_read_of_plain_events_is_not_looked_at_one_by_one() -> None:
    """The reads of a busy server stay one piece, what is odd in them included as long as it is little."""
    shown = b"Event: UserEvent\r\nPrivilege: user,all\r\nActionID: theirs\r\nUserEvent: A"
    frames = FrameCutter(streams=True).feed(wire([*MANY, shown, *MANY]))
    assert isinstance(frames, Events)
    assert frames.odd == [len(MANY)]
    (run,) = Intake(b"pbx1", PREFIX).take(frames)
    assert isinstance(run, Broadcasts)
    assert isinstance(run.frames, Events)
    assert run.shown == {len(MANY): shown}


def test_where_much_is_odd_all_is_looked_at() -> None:
    """A list's items for instance have an ActionID each: to find them one after the other would cost more."""
    item = b"Event: CoreShowChannel\r\nActionID: " + PREFIX + b"1.1-x\r\nChannel: a"
    frames = FrameCutter(streams=True).feed(wire([*MANY, *[item] * (len(MANY) // (MOST_ODD - 4))]))
    assert isinstance(frames, list)


@pytest.mark.parametrize("legacy", [True, False])
def test_old_servers_are_read_exactly(legacy: bool) -> None:
    """A Command's raw output may hold whatever looks like events."""
    cutter = FrameCutter(legacy_follows=legacy, streams=True)
    assert isinstance(cutter.feed(wire(MANY)), list) is legacy


def test_a_few_long_events_are_no_stream() -> None:
    assert isinstance(FrameCutter(streams=True).feed(wire([HANGUP + bytes(STREAM_BYTES)])), list)


def batch(frames: list[bytes] | Events) -> Batch:
    return Batch(b"pbx1", b"e1", 5, frames)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_batch_of_events_is_the_same_batch(count: int) -> None:
    frames = [HANGUP, ODD[-3], HANGUP][:count]
    events = Events([frame[7:] for frame in frames])
    lazily, exactly = batch(events), batch(frames)
    assert (lazily.count, lazily.span) == (count, Span(b"pbx1", b"e1", 5, 4 + count))
    assert lazily.text == exactly.text
    assert lazily.tail == exactly.tail
    assert lazily.frames == frames
    assert lazily.frames is lazily.frames
    assert batch(Events(events.rests)).after(5).frames == frames[1:]
    assert batch(Events(events.rests)).privileges == exactly.privileges

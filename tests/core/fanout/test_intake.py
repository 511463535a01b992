from __future__ import annotations

import re
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amp.core.ami.ids import ActionIds
from amp.core.fanout.batch import Asker, Batch
from amp.core.fanout.cutter import FrameCutter
from amp.core.fanout.intake import (
    HEAD_BYTES,
    MAX_HEADS,
    AskerBroadcast,
    Broadcasts,
    Intake,
    OwnAnswer,
    Run,
    asker_of,
)
from amp.core.stats import ServerStats
from core.fanout.recordings import chunks, frames, stream

IDS = ActionIds(b"9f3")
PREFIX = IDS.prefix
CUTS = st.lists(st.integers(min_value=0))
CALL = b"Privilege: call,all\r\n"
HANGUP = b"Event: Hangup\r\n" + CALL + b"Cause: 16"
LOGIN_BOOTED = (
    b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 282\r\nLastReload: 69\r\nStatus: Fully Booted"
)
FRESH_BOOTED = (
    b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\nUptime: 0\r\nLastReload: 0"
)
SHORT_BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted"


def intake(stats: ServerStats | None = None) -> Intake:
    return Intake(b"pbx1", PREFIX, stats)


def flat(runs: list[Run]) -> list[bytes | OwnAnswer | AskerBroadcast]:
    """One entry a frame, so that it makes no difference where reads ended."""
    entries: list[bytes | OwnAnswer | AskerBroadcast] = []
    for run in runs:
        if isinstance(run, Broadcasts):
            assert run.frames
            entries += run.frames
        else:
            entries.append(run)
    return entries


def take_in_chunks(data: bytes, cuts: list[int]) -> list[bytes | OwnAnswer | AskerBroadcast]:
    cutter, sorter = FrameCutter(), intake()
    return [entry for chunk in chunks(data, cuts) for entry in flat(sorter.take(cutter.feed(chunk)))]


def as_if_amp_had_asked(data: bytes) -> bytes:
    """A recording as it would look if its client had been amp's client number 5."""
    return re.sub(rb"(?m)^ActionID: ", b"ActionID: " + PREFIX + b"5.1-", data)


@pytest.mark.parametrize("name", ["stream-20calls", "stream-heavy", "second-server"])
@settings(max_examples=20)
@given(cuts=CUTS)
def test_a_stream_is_relayed_byte_for_byte(name: str, cuts: list[int]) -> None:
    """Every event goes on unchanged but for the ActionIDs of others; only amp's login noise is gone."""
    data = stream(name)[-300_000:].partition(b"\r\n\r\n")[2]
    events = [piece.removeprefix(b"\r\n") for piece in data.split(b"\r\n\r\n")]
    kept = [frame for frame in events if frame.startswith(b"Event: ") and b"Event: FullyBooted" not in frame]
    expected = [re.sub(rb"\r\nActionID: [^\r]*", b"", frame) for frame in kept]
    assert take_in_chunks(data, cuts) == expected


@pytest.mark.parametrize(
    "name",
    [
        "queue-status",
        "core-show-channels-60",
        "status-12",
        "originate-async",
        "userevent-odd",
        "list-actions",
    ],
)
@settings(max_examples=30)
@given(cuts=CUTS)
def test_answers_go_to_their_asker_in_any_chunking(name: str, cuts: list[int]) -> None:
    """Responses and list items are answers, OriginateResponse and UserEvent are broadcasts all the same."""
    data = as_if_amp_had_asked(stream(name))
    entries = take_in_chunks(data, cuts)
    assert entries == take_in_chunks(data, [])
    answers = [entry for entry in entries if isinstance(entry, OwnAnswer)]
    assert answers
    for answer in answers:
        assert b"\r\nActionID: " + answer.wire_id in answer.frame
        assert not answer.frame.startswith((b"Event: OriginateResponse", b"Event: UserEvent"))
    for entry in entries:
        if isinstance(entry, bytes):
            assert PREFIX not in entry
            assert not entry.startswith(b"Response: ")


@pytest.mark.parametrize("name", ["originate-async", "userevent-odd"])
def test_the_asker_gets_the_very_bytes_that_asterisk_sent(name: str) -> None:
    """Its own ActionID stands where it stood; the others see the frame without that line."""
    asked = [
        frame
        for frame in frames(name)
        if frame.startswith((b"Event: OriginateResponse", b"Event: UserEvent")) and b"\r\nActionID: " in frame
    ]
    # A client's second ActionID header is not forwarded by amp.
    asked = [frame for frame in asked if frame.count(b"ActionID: ") == 1]
    runs = intake().take([as_if_amp_had_asked(frame) for frame in asked])
    restored = []
    for run in runs:
        assert isinstance(run, AskerBroadcast)
        assert b"ActionID" not in run.frame
        asker = asker_of(run, IDS)
        assert asker is not None
        assert asker.client == 5
        restored += Batch(b"pbx1", b"e", 1, [run.frame], asker).for_asker().frames
    assert restored == asked
    assert asked


def test_order_is_kept_and_neighbours_stay_together() -> None:
    """Runs come in the order of the frames, and broadcasts are not torn apart without need."""
    item = b"Event: CoreShowChannel\r\nActionID: " + PREFIX + b"1.1-x\r\nChannel: a"
    booted, own = LOGIN_BOOTED, PREFIX + b"1.1-x"
    sorter = intake()
    assert sorter.take([HANGUP, booted, HANGUP, item, item, HANGUP]) == [
        Broadcasts([HANGUP, HANGUP]),
        OwnAnswer(item, own),
        OwnAnswer(item, own),
        Broadcasts([HANGUP]),
    ]
    assert sorter.take([item]) == [OwnAnswer(item, own)]
    assert sorter.take([HANGUP]) == [Broadcasts([HANGUP])]
    assert sorter.take([]) == []


def test_unasked_responses_are_counted_and_gone() -> None:
    """Nobody waits for an answer without ActionID on this link, nor for one of a stranger."""
    stats = ServerStats()
    answers = [b"Response: Error\r\nMessage: x", b"Response: Success\r\nActionID: theirs\r\nMessage: y"]
    assert intake(stats).take([*answers, HANGUP]) == [Broadcasts([HANGUP])]
    assert stats.answers_unasked == 2


OWN_ITEM = b"Event: Status\r\nPrivilege: Call\r\nX: y\r\nActionID: " + PREFIX + b"1.2-"


@pytest.mark.parametrize(
    ("frame", "fate"),
    [
        (HANGUP, b"rest"),
        (OWN_ITEM, OwnAnswer(b"rest", PREFIX + b"1.2-")),
        (b"Response: Success\r\nActionID: " + PREFIX + b"1.2-", OwnAnswer(b"rest", PREFIX + b"1.2-")),
        (b"Event: UserEvent\r\nPrivilege: user,all\r\nActionID: " + PREFIX + b"1.2-", b"rest"),
        (LOGIN_BOOTED, None),
    ],
    ids=["event", "list item", "response", "asker's broadcast", "swallowed"],
)
@pytest.mark.parametrize("split", [False, True])
def test_a_broken_piece_shares_the_fate_of_the_frame_before(
    frame: bytes, fate: bytes | OwnAnswer | None, split: bool
) -> None:
    """The rest of a value with raw line ends goes where the value went, also in the next read."""
    sorter = intake()
    sorter.take([HANGUP])
    if split:
        sorter.take([frame])
        entries = flat(sorter.take([b"rest", b"rest", HANGUP]))
    else:
        entries = flat(sorter.take([frame, b"rest", b"rest", HANGUP]))[0 if fate is None else 1 :]
    assert entries == ([] if fate is None else [fate, fate]) + [HANGUP]


@pytest.mark.parametrize("name", ["event-odd-values", "getvar-newline"])
@settings(max_examples=30)
@given(cuts=CUTS)
def test_raw_line_ends_in_any_chunking(name: str, cuts: list[int]) -> None:
    """The recordings whose values fall apart give the same runs however they are read."""
    data = as_if_amp_had_asked(stream(name))
    entries = take_in_chunks(data, cuts)
    assert entries == take_in_chunks(data, [])
    pieces = [entry for entry in entries if not isinstance(entry, bytes) or not entry.startswith(b"Event: ")]
    assert any((piece if isinstance(piece, bytes) else piece.frame).startswith(b"three") for piece in pieces)


@pytest.mark.parametrize("name", [b"Server", b"server", b"SERVER", b"sErVeR"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_server_header_of_the_servers_own_is_renamed(name: bytes, end: bytes) -> None:
    """Whatever header says Server was not written by amp, and must not pass for amp's."""
    stats = ServerStats()
    sorter = intake(stats)
    forged = end + name + b": pbx2"
    user = (
        b"Event: UserEvent\r\nPrivilege: user,all\r\nActionID: " + PREFIX + b"1.1-x\r\nUserEvent: A" + forged
    )
    newexten = b"Event: Newexten\r\nPrivilege: dialplan,all\r\nAppData: x" + forged
    sorter.take([newexten, HANGUP])
    entries = sorter.take([HANGUP, user, newexten, name + b": pbx3", HANGUP])
    renamed = end + b"User" + name + b": pbx2"
    assert entries == [
        Broadcasts([HANGUP]),
        AskerBroadcast(
            b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: A" + renamed, PREFIX + b"1.1-x", 37
        ),
        Broadcasts([newexten.replace(forged, renamed), b"User" + name + b": pbx3", HANGUP]),
    ]
    assert stats.headers_renamed == 4


def test_values_that_only_look_like_server_stay() -> None:
    """Only a header's whole name counts."""
    frame = b"Event: A\r\nPrivilege: a,all\r\nMyServer: x\r\nX: y Server: z\r\nServerName: q\r\n Server: w"
    assert intake().take([frame]) == [Broadcasts([frame])]


@pytest.mark.parametrize(
    ("extra", "bare"),
    [
        (b"\r\nActionID: 7\r\nX: 1", b"\r\nX: 1"),
        (b"\r\nX: 1\r\nactionid:7", b"\r\nX: 1"),
        (b"\r\nActionID: 7\nX: 1\r\nACTIONID: 8\r\nActionIDs: 9", b"\nX: 1\r\nActionIDs: 9"),
        (b"\nActionID: 7\r\nX: ActionID: 9", b"\r\nX: ActionID: 9"),
    ],
)
def test_action_ids_of_others_are_hidden(extra: bytes, bare: bytes) -> None:
    """Nobody here chose them, whatever their spelling (DESIGN's autofilter ``unique``)."""
    stats = ServerStats()
    head = b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: A"
    sorter = intake(stats)
    for _ in range(2):
        (run,) = sorter.take([head, head + extra, HANGUP])
        assert run == Broadcasts([head, head + bare, HANGUP], {1: head + extra})
    assert stats.action_ids_hidden == 2


@pytest.mark.parametrize("end", [b"", b"\r", b"\n", b"\r\n", b"\r\nX: 1"])
def test_action_ids_that_follow_each_other_leave_nothing(end: bytes) -> None:
    """Whatever their line ends: not even an empty line, which would end the frame."""
    frame = b"Event: Odd\r\nActionID:\nACTIONID: \r\nActionID: 7\r\nActionID: 8"
    assert intake().take([frame + end]) == [Broadcasts([b"Event: Odd" + end], {0: frame + end})]


@pytest.mark.parametrize("frame", [b"Event: Odd\r\nX: 1", b"three"])
def test_broken_pieces_cannot_pass_for_an_answer(frame: bytes) -> None:
    """An ActionID in them is a forgery: clients would take the piece for what they wait for."""
    forged = frame + b"\r\nActionID: 7"
    (run,) = intake().take([HANGUP, forged, forged])
    assert run == Broadcasts([HANGUP, frame, frame], {1: forged, 2: forged})


def test_the_position_counts_without_other_action_ids() -> None:
    """Our ActionID comes back to its place even if foreign ones stood before it."""
    head = b"Event: UserEvent\r\nPrivilege: user,all"
    own = b"\r\nActionID: " + PREFIX + b"2.9-a-b"
    frame = head + b"\r\nActionID: x\r\nA: 1" + own + b"\r\nB: 2" + own + b"\r\nactionid: y"
    (run,) = intake().take([frame])
    bare, at = head + b"\r\nA: 1\r\nB: 2", len(head + b"\r\nA: 1")
    assert run == AskerBroadcast(bare, PREFIX + b"2.9-a-b", at, frame.replace(PREFIX + b"2.9-", b""))
    assert asker_of(run, IDS) == Asker(2, b"a-b", len(head + b"\r\nA: 1"))


@pytest.mark.parametrize("own", [b"", b"\r\nActionID: " + PREFIX + b"2.9-a"])
def test_a_frame_of_nothing_but_action_ids_is_read_once(own: bytes) -> None:
    """A server may send 16 MB of them: reading the frame anew for each would hold everybody up for hours."""
    head, theirs = b"Event: UserEvent\r\nPrivilege: user,all", b"\r\nActionID: abc" * 130_000
    frame = head + theirs + own + theirs
    (run,) = intake().take([frame])
    if own:
        assert run == AskerBroadcast(head, PREFIX + b"2.9-a", len(head), frame.replace(PREFIX + b"2.9-", b""))
    else:
        assert run == Broadcasts([head], {0: frame})


@pytest.mark.parametrize("wire_id", [b"2.9-", b"nonsense"])
def test_an_action_without_an_id_of_its_own_has_no_asker(wire_id: bytes) -> None:
    """Its event is for everybody, and nobody sees an ActionID."""
    assert asker_of(AskerBroadcast(HANGUP, PREFIX + wire_id, 3), IDS) is None


def test_the_greeting_of_amps_own_login_is_swallowed_once() -> None:
    """The first FullyBooted in the form of a greeting is amp's; another one would be news."""
    stats = ServerStats()
    sorter = intake(stats)
    assert sorter.take([HANGUP, LOGIN_BOOTED, HANGUP, LOGIN_BOOTED]) == [
        Broadcasts([HANGUP, HANGUP, LOGIN_BOOTED])
    ]
    assert stats.events_swallowed == 1


@pytest.mark.parametrize(
    "frame", [FRESH_BOOTED, LOGIN_BOOTED.replace(b"all\r\n", b"all\r\nTimestamp: 1.2\r\n")]
)
def test_a_server_that_has_booted_is_news(frame: bytes) -> None:
    """The form of recording fully-booted passes, first frame or not."""
    assert intake().take([frame]) == [Broadcasts([frame])]


def test_a_booting_server_as_recorded() -> None:
    """FullyBooted comes long after the login, and every client hears of it."""
    entries = take_in_chunks(stream("fully-booted"), [])
    assert FRESH_BOOTED in entries


def test_the_short_greeting_of_old_servers() -> None:
    """It looks like the news; but as the very first frame it is the greeting."""
    assert intake().take([SHORT_BOOTED, HANGUP]) == [Broadcasts([HANGUP])]
    assert intake().take([HANGUP, SHORT_BOOTED]) == [Broadcasts([HANGUP, SHORT_BOOTED])]
    sorter = intake()
    sorter.take([HANGUP])
    assert sorter.take([SHORT_BOOTED]) == [Broadcasts([SHORT_BOOTED])]


def test_shutdown_is_noted_and_swallowed() -> None:
    """Some clients take it for their own server's end; amp tells it as ServerDown (recording shutdown)."""
    sorter = intake()
    entries = flat(sorter.take(list(frames("shutdown"))))
    assert sorter.shutdown
    assert not [entry for entry in entries if isinstance(entry, bytes) and b"Event: Shutdown" in entry]
    assert not intake().shutdown


def test_security_events_about_amps_own_links_are_swallowed() -> None:
    """A login from one of amp's own addresses is amp's business; all others pass."""
    events = [frame for frame in frames("login-events-on") if frame.startswith(b"Event: SuccessfulAuth")]
    assert len(events) == 2
    sorter = intake()
    assert sorter.take([*events]) == [Broadcasts(events)]
    sorter.own_addresses.add(b"IPV4/TCP/127.0.0.1/56686")
    assert sorter.take([*events]) == [Broadcasts(events[:1])]
    failed = events[1].replace(b"SuccessfulAuth", b"ChallengeResponseFailed")
    assert sorter.take([failed]) == []


def test_an_event_of_our_id_under_a_broadcasts_name_is_a_list_item() -> None:
    """DeviceStateChange is both; only the broadcast has a Privilege (FACTS.md, "Answers")."""
    broadcast = b"Event: DeviceStateChange\r\n" + CALL + b"Device: x"
    item = b"Event: DeviceStateChange\r\nActionID: " + PREFIX + b"1.1-z\r\nDevice: x"
    sorter = intake()
    for _ in range(2):
        assert sorter.take([broadcast, item]) == [
            Broadcasts([broadcast]),
            OwnAnswer(item, PREFIX + b"1.1-z"),
        ]


def test_what_is_remembered_is_bounded() -> None:
    """Broken pieces can look like any number of different events."""
    sorter = intake()
    for number in range(MAX_HEADS + 10):
        frame = b"Event: E%d\r\n%sX: 1" % (number, CALL)
        assert sorter.take([frame]) == [Broadcasts([frame])]
    for number in range(10):
        sorter.take([b"Event: UserEvent\r\n%s%d" % (bytes(100_000), number)])
    assert max(map(len, sorter._plain | sorter._carriers)) == HEAD_BYTES
    assert len(sorter._plain | sorter._carriers) <= MAX_HEADS
    assert len(sorter._plain) <= MAX_HEADS


@given(st.lists(st.sampled_from([HANGUP, b"x", OWN_ITEM, LOGIN_BOOTED, b"Response: A", b"Server: a"])))
def test_where_reads_end_makes_no_difference(sent: list[bytes]) -> None:
    """One frame at a time or all at once: the same frames reach the same people."""
    alone = intake()
    one_by_one = [entry for frame in sent for entry in flat(alone.take([frame]))]
    together = flat(intake().take(list(sent)))
    assert one_by_one == together
    kinds = [type(entry) for entry in together]
    assert len(list(groupby(kinds))) >= len(set(kinds))

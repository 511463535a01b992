"""The three modes, from the server's frames to what each client gets, and filters beside them."""

from __future__ import annotations

import pytest

from amp.core.ami.ids import ActionIds
from amp.core.ami.mask import NONE, EventMask
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.batch import Asker, Batch
from amp.core.fanout.hub import Hub
from amp.core.fanout.intake import AskerBroadcast, Broadcasts, Intake, asker_of
from amp.core.fanout.journal import BATCH_BYTES, Journal
from amp.core.fanout.view import View, ViewKey
from amp.core.policy.event_filter import EventFilter
from core.fanout.recordings import frames
from core.fanout.test_hub import Notes

IDS = ActionIds(b"9f3")
HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\nCause: 16"
CALLS = EventMask.parse(b"call") or NONE


def user_event(action_id: bytes, name: bytes = b"X") -> bytes:
    line = b"\r\nActionID: " + action_id if action_id else b""
    return b"Event: UserEvent\r\nPrivilege: user,all%s\r\nUserEvent: %s" % (line, name)


class Fanout:
    """Intake and hub joined as the shell joins them, in front of some clients."""

    def __init__(self, **keys: ViewKey) -> None:
        self.hub = Hub()
        self.hub.add_server(b"a", b"e", Journal(1 << 20))
        self.intake = Intake(b"a", IDS.prefix)
        self.sinks = {name: Notes(number) for number, name in enumerate(keys, 1)}
        for name, key in keys.items():
            self.hub.attach(self.sinks[name], key)

    def take(self, *read: bytes) -> None:
        """One read of the event link."""
        for run in self.intake.take(list(read)):
            if isinstance(run, Broadcasts):
                self.hub.broadcast(b"a", run.frames, None, run.shown)
            elif isinstance(run, AskerBroadcast):
                shown = {0: run.shown} if run.shown else {}
                self.hub.broadcast(b"a", [run.frame], asker_of(run, IDS), shown)

    def seen(self, name: str) -> list[bytes]:
        """What a client has got since the last time, frame by frame, without the server."""
        data = b"".join(data for data, _ in self.sinks[name].got)
        self.sinks[name].got.clear()
        return data.split(b"\r\nServer: a\r\n\r\n")[:-1]


def modes(**more: ViewKey) -> Fanout:
    """Client 1 has mode unique, 2 off, 3 on with its ActionID ``mine``; then others."""
    return Fanout(
        unique=ViewKey(),
        off=ViewKey(autofilter=Autofilter.OFF),
        on=ViewKey(autofilter=Autofilter.ON, asker=(3, b"mine")),
        **more,
    )


def test_an_event_of_somebody_elses_action() -> None:
    """``unique`` sees no ActionID, ``off`` what Asterisk shows, ``on`` nothing."""
    fanout = modes()
    fanout.take(HANGUP, user_event(b"theirs"), HANGUP)
    assert fanout.seen("unique") == [HANGUP, user_event(b""), HANGUP]
    assert fanout.seen("off") == [HANGUP, user_event(b"theirs"), HANGUP]
    assert fanout.seen("on") == []


@pytest.mark.parametrize(
    ("client", "unique", "off", "on"),
    [
        (1, b"mine", b"mine", None),
        (2, b"", b"mine", None),
        (3, b"", b"mine", b"mine"),
        (9, b"", b"mine", None),
    ],
)
def test_an_event_of_a_clients_own_action(client: int, unique: bytes, off: bytes, on: bytes | None) -> None:
    """Equal ActionIDs of several clients do not make one's event another's."""
    fanout = modes()
    fanout.take(user_event(IDS.make(client, 1, b"mine")))
    assert fanout.seen("unique") == [user_event(unique)]
    assert fanout.seen("off") == [user_event(off)]
    assert fanout.seen("on") == ([] if on is None else [user_event(on)])


@pytest.mark.parametrize("original", [b"", b"before"])
def test_on_shows_the_action_id_set_last_and_no_other(original: bytes) -> None:
    """An action without an ActionID causes events without one, in every mode."""
    fanout = modes()
    fanout.take(user_event(IDS.make(3, 1, original)))
    assert fanout.seen("on") == []
    assert fanout.seen("off") == [user_event(original)]


def test_off_undoes_our_rewriting_wherever_it_is() -> None:
    """Also beside others' ActionIDs, and in a broken piece; the asker's own view is the same."""
    fanout = modes()
    own = IDS.make(2, 1, b"o")
    mixed = user_event(own) + b"\r\nactionid: z\r\nActionID: " + IDS.make(2, 1, b"") + b"\r\nEnd: 1"
    piece = b"rest\r\nActionID: " + own + b"\r\nactionid: w"
    fanout.take(mixed)
    fanout.take(HANGUP, piece)
    bare = user_event(b"") + b"\r\nEnd: 1"
    assert fanout.seen("unique") == [bare, HANGUP, b"rest"]
    shown = user_event(b"o") + b"\r\nactionid: z\r\nEnd: 1"
    assert fanout.seen("off") == [shown, HANGUP, b"rest\r\nActionID: o\r\nactionid: w"]


@pytest.mark.parametrize("name", ["stream-20calls", "stream-heavy", "originate-async", "userevent-odd"])
def test_off_is_what_asterisk_sent_byte_for_byte(name: str) -> None:
    """Every broadcast of a recording, its ActionIDs in their places."""
    broadcasts = [
        frame
        for frame in frames(name)
        if frame.startswith(b"Event: ") and b"\r\nPrivilege: " in frame and b"FullyBooted" not in frame
    ]
    fanout = modes()
    fanout.take(*broadcasts)
    assert fanout.seen("off") == [frame.replace(b"\r\nServer:", b"\r\nUserServer:") for frame in broadcasts]


def test_hidden_frames_are_counted_in_each_mode() -> None:
    view = View(ViewKey(autofilter=Autofilter.ON, asker=(3, b"mine")))
    event = user_event(b"")
    at = event.index(b"\r\nUserEvent")
    assert view.render(Batch(b"a", b"e", 1, [HANGUP, HANGUP])) == b""
    assert view.render(Batch(b"a", b"e", 3, [event], Asker(4, b"mine", at))) == b""
    assert view.render(Batch(b"a", b"e", 4, [event], Asker(3, b"mine", at))) == (
        user_event(b"mine") + b"\r\nServer: a\r\n\r\n"
    )
    assert (view.shown, view.hidden) == (1, 3)


def filtered(*lines: str) -> EventFilter:
    made, problems = EventFilter.from_settings(lines)
    assert not problems
    return made


def test_filters_judge_events_as_asterisk_does() -> None:
    """Without ``Server:``, and with ActionIDs that the client itself is not shown."""
    fanout = modes(
        hangups=ViewKey(filter=filtered("Event: Hangup")),
        named=ViewKey(filter=filtered("ActionID: (theirs|mine)")),
        ours=ViewKey(filter=filtered("Server: a", "ActionID: amp9f3")),
    )
    fanout.take(HANGUP, user_event(b"theirs"), user_event(IDS.make(1, 1, b"mine")), user_event(b"other"))
    assert fanout.seen("hangups") == [HANGUP]
    assert fanout.seen("named") == [user_event(b""), user_event(b"")]
    assert fanout.seen("ours") == []
    assert len(fanout.seen("unique")) == 4


@pytest.mark.parametrize("mask", [ViewKey().mask, EventMask.parse(b"call,user") or NONE])
@pytest.mark.parametrize("reads", [1, 5])
def test_broken_pieces_follow_their_event_also_across_reads(mask: EventMask, reads: int) -> None:
    """A filter takes an event with all its pieces, or none of them."""
    fanout = modes(one=ViewKey(mask=mask, filter=filtered("!UserEvent: Bad", "!ActionID: secret")))
    good, bad, hidden = user_event(b"", b"Good"), user_event(b"", b"Bad"), user_event(b"secret", b"Good")
    read = [b"zero", good, b"one", bad, b"two", b"Hangup", hidden, b"three", good, b"four"]
    size = len(read) // reads
    for start in range(0, len(read), size):
        fanout.take(*read[start : start + size])
    assert fanout.seen("one") == [b"zero", good, b"one", good, b"four"]
    assert len(fanout.seen("unique")) == len(read)


def test_masks_and_filters_together_with_numbers() -> None:
    """Numbers are the server's, whatever is hidden in between."""
    fanout = Fanout(one=ViewKey(mask=CALLS, filter=filtered("!Cause: 17"), sequence=True))
    fanout.take(HANGUP, user_event(b""), HANGUP.replace(b"16", b"17"), HANGUP)
    assert fanout.seen("one") == [HANGUP + b"\r\nProxyEpoch: e\r\nProxySeq: %d" % number for number in (1, 4)]


def test_equal_filters_share_their_bytes() -> None:
    """The very same object goes to all clients of a view, whatever the order of their filters."""
    left, right = filtered("Event: Hangup", "!Cause: 17"), filtered("!Cause: 17", "Event: Hangup")
    fanout = Fanout(one=ViewKey(filter=left), two=ViewKey(filter=right))
    fanout.take(HANGUP)
    assert fanout.sinks["one"].got[0][0] is fanout.sinks["two"].got[0][0]


def test_the_journal_keeps_what_each_mode_shows_within_its_bound() -> None:
    """A slice renders as the batch did when it was new, also if it begins in the middle."""
    journal = Journal(1 << 20, b"e")
    batch = Batch(b"a", b"e", 1, [HANGUP, user_event(b""), HANGUP], shown={1: user_event(b"theirs")})
    journal.append(batch)
    off = View(ViewKey(autofilter=Autofilter.OFF))
    (whole,), (rest,), (last,) = journal.slice(0), journal.slice(1), journal.slice(2)
    assert off.render(whole) == off.render(batch)
    assert rest.as_asterisk == [user_event(b"theirs"), HANGUP]
    assert (last.as_asterisk, last.lead) == ([HANGUP], user_event(b"theirs"))
    assert journal.size_bytes == len(batch.text) + len(user_event(b"theirs")) + BATCH_BYTES

"""Views of users who see their own calls only: shared, joined late, masked, numbered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amp.core.ami.mask import NONE, EventMask
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.batch import Asker, Batch, Span
from amp.core.fanout.call_book import CallBook
from amp.core.fanout.hub import Hub
from amp.core.fanout.journal import Journal
from amp.core.fanout.view import View, ViewKey
from amp.core.formats.format import Format
from amp.core.formats.registry import Formats
from amp.core.policy.calls.call_filter import CDRS, NO_CALL_FILTER, CallFilter
from amp.core.policy.calls.parties import kind_of, read_event
from amp.core.policy.event_filter import EventFilter
from amp.core.stats import ClientStats
from channels import began, dialled, event, hung_up, stated
from replay import recording

OWN, ALIEN, THIRD = ("SIP/100-1", "1.1"), ("SIP/200-2", "1.2"), ("SIP/300-3", "1.3")
MINE = CallFilter(channel=b"sip/100-")
KEY = ViewKey(calls=MINE)
CALL = EventMask.parse(b"call") or NONE


class Client:
    """A sink that keeps what it is shown, frame by frame, without its last header."""

    def __init__(self, number: int = 1) -> None:
        self.client = number
        self.got: list[bytes] = []
        self.spans: list[Span | None] = []
        self.act: Callable[[], None] | None = None

    def cut(self, reason: str) -> None:
        self.got.append(reason.encode())

    def offer(self, data: bytes, span: Span | None) -> None:
        self.spans.append(span)
        self.got += [frame.rpartition(b"\r\nServer: ")[0] for frame in data.split(b"\r\n\r\n")[:-1]]
        act, self.act = self.act, None
        if act is not None:
            act()


def hub_of(*servers: bytes, remembers: bool = True) -> Hub:
    hub = Hub()
    for server in servers or (b"pbx",):
        hub.add_server(server, b"e", Journal(1 << 20))
    hub.remember_calls(always=remembers)
    return hub


def joined(hub: Hub, key: ViewKey = KEY, number: int = 1) -> Client:
    client = Client(number)
    hub.attach(client, key)
    return client


def test_who_joins_late_gets_the_live_channels_first() -> None:
    """The first of a view gets those that are up, the next ones also those that the view has shown."""
    hub = hub_of()
    hub.broadcast(b"pbx", [began(*OWN), began(*ALIEN), began(*THIRD)])
    first = joined(hub)
    assert first.got == [began(*OWN)]
    assert first.spans == [Span(b"pbx", b"e", 4, 3)]
    dial = dialled(OWN, ALIEN)
    hub.broadcast(b"pbx", [dial, stated(*ALIEN, "Ringing"), stated(*THIRD)])
    second = joined(hub, number=2)
    assert second.got == [began(*OWN), began(*ALIEN), stated(*ALIEN, "Ringing")]
    hub.broadcast(b"pbx", [hung_up(*ALIEN)])
    assert first.got[1:] == [began(*ALIEN), dial, stated(*ALIEN, "Ringing"), hung_up(*ALIEN)]
    assert second.got[3:] == [hung_up(*ALIEN)]
    assert joined(hub, number=3).got == [began(*OWN)]


def test_without_memory_only_what_begins_later_is_known() -> None:
    hub = hub_of(remembers=False)
    hub.broadcast(b"pbx", [began(*OWN), began(*ALIEN)])
    client = joined(hub)
    dial = dialled(OWN, ALIEN)
    hub.broadcast(b"pbx", [dial])
    assert client.got == [dial]
    hub.detach(client)
    hub.broadcast(b"pbx", [began(*OWN)])
    assert joined(hub).got == []


def test_each_server_has_channels_of_its_own() -> None:
    """Two Asterisks give out the same names and Uniqueids."""
    hub = hub_of(b"a", b"b")
    hub.broadcast(b"a", [began(*OWN)])
    hub.broadcast(b"b", [began(*ALIEN)])
    client = joined(hub)
    hub.broadcast(b"b", [stated(*ALIEN), dialled(OWN, ALIEN)])
    assert client.got == [began(*OWN), began(*ALIEN), stated(*ALIEN), dialled(OWN, ALIEN)]
    only_b = joined(hub, ViewKey(calls=MINE, servers=frozenset((b"b",))), 2)
    assert only_b.got == [began(*ALIEN), stated(*ALIEN)]


def test_a_lost_server_is_forgotten() -> None:
    hub = hub_of()
    client = joined(hub)
    hub.broadcast(b"pbx", [began(*OWN), began(*ALIEN), dialled(OWN, ALIEN)])
    hub.broadcast(b"pbx", [event("ServerDown", classes="system")])
    assert kind_of(client.got[-1]) == b"serverdown"
    hub.broadcast(b"pbx", [hung_up(*ALIEN)])
    assert kind_of(client.got[-1]) == b"serverdown"
    assert joined(hub, number=2).got == []


def test_a_server_that_is_dropped_is_forgotten() -> None:
    hub = hub_of()
    hub.broadcast(b"pbx", [began(*OWN)])
    hub.remove_server(b"pbx")
    assert joined(hub).got == []
    hub.add_server(b"pbx", b"f", Journal(1 << 20))
    assert joined(hub, number=2).got == []


def test_masks_and_filters_hold_for_what_is_told_first() -> None:
    no_newchannel = EventFilter.from_settings(("!Event: Newchannel",))[0]
    hub = hub_of()
    hub.broadcast(
        b"pbx", [began(*ALIEN), stated(*ALIEN), event("VarSet", ("Channel", OWN[0]), classes="dialplan")]
    )
    filtered, masked = (
        joined(hub, ViewKey(calls=MINE, filter=no_newchannel)),
        joined(hub, ViewKey(CALL, calls=MINE), 2),
    )
    blind = joined(hub, ViewKey(EventMask.parse(b"user") or NONE, calls=MINE), 3)
    dial, variable = dialled(OWN, ALIEN), event("VarSet", ("Channel", OWN[0]), classes="dialplan")
    hub.broadcast(b"pbx", [dial, variable])
    assert filtered.got == [stated(*ALIEN), dial, variable]
    assert masked.got == [began(*ALIEN), stated(*ALIEN), dial]
    assert blind.got == []


def test_what_is_told_first_has_the_number_of_the_event_before() -> None:
    """Who resumes from there misses nothing, not even if the connection breaks in between."""
    hub = hub_of()
    hub.broadcast(b"pbx", [began(*ALIEN)])
    client = joined(hub, ViewKey(sequence=True, calls=MINE))
    hub.broadcast(b"pbx", [stated(*THIRD), dialled(OWN, ALIEN)])
    number = b"\r\nProxyEpoch: e\r\nProxySeq: %d"
    assert client.got == [began(*ALIEN) + number % 2, dialled(OWN, ALIEN) + number % 3]
    late = joined(hub, ViewKey(sequence=True, calls=MINE), 2)
    assert late.got == [began(*ALIEN) + number % 3]


def test_the_asker_sees_its_own_event() -> None:
    """An OriginateResponse for a Local channel is no event of the user's channels, but it asked for it."""
    response = event("OriginateResponse", ("Channel", "Local/9@out"), ("Response", "Failure"))
    hub = hub_of()
    asker, other = joined(hub, number=7), joined(hub, number=8)
    plain = joined(hub, ViewKey(calls=CallFilter(account=b"acc")), 9)
    hub.broadcast(b"pbx", [response], Asker(7, b"mine", response.index(b"\r\nChannel")))
    assert [b"ActionID: mine" in frame for frame in asker.got] == [True]
    assert (other.got, plain.got) == ([], [response])
    picky = joined(hub, ViewKey(calls=MINE, autofilter=Autofilter.ON, asker=(7, b"mine")), 7)
    hub.broadcast(b"pbx", [began(*OWN), dialled(OWN, ALIEN)])
    hub.broadcast(b"pbx", [response], Asker(7, b"mine", response.index(b"\r\nChannel")))
    assert [b"ActionID: mine" in frame for frame in picky.got] == [True]


def test_the_account_is_the_users() -> None:
    hub = hub_of()
    client = joined(hub, ViewKey(calls=CallFilter(account=b"acc", channel=b"sip/100-")))
    first = event("Newchannel", ("Channel", ALIEN[0]), ("Uniqueid", ALIEN[1]), ("Account", "x"))
    hub.broadcast(b"pbx", [first, dialled(OWN, ALIEN)])
    assert client.got == [first.replace(b"Account: x", b"Account: acc"), dialled(OWN, ALIEN)]


def test_filters_without_a_channel_need_no_memory() -> None:
    hub = hub_of(remembers=False)
    client = joined(hub, ViewKey(calls=CallFilter(only=CDRS)))
    cdr = event("Cdr", ("Channel", ALIEN[0]))
    hub.broadcast(b"pbx", [began(*ALIEN), cdr, b"rest"])
    hub.broadcast(b"pbx", [b"still the rest", began(*ALIEN), b"rest"])
    assert client.got == [cdr, b"rest", b"still the rest"]


def test_changing_the_view() -> None:
    """The channels are told again where the client may have missed some, and not for each ActionID."""
    hub = hub_of()
    hub.broadcast(b"pbx", [began(*OWN)])
    client = joined(hub)
    hub.attach(client, KEY)
    hub.attach(client, ViewKey(calls=MINE, asker=(1, b"x")))
    assert client.got == [began(*OWN)]
    hub.broadcast(b"pbx", [began(*ALIEN), dialled(OWN, ALIEN)])
    hub.attach(client, ViewKey(calls=MINE, asker=(1, b"y")))
    hub.broadcast(b"pbx", [stated(*ALIEN)])
    assert client.got[1:] == [began(*ALIEN), dialled(OWN, ALIEN), stated(*ALIEN)]
    hub.attach(client, ViewKey(CALL, calls=MINE))
    assert client.got[4:] == [began(*OWN), began(*ALIEN), stated(*ALIEN)]
    hub.attach(client, ViewKey())
    hub.attach(client, KEY)
    assert client.got[7:] == [began(*OWN)]


def test_who_joins_in_the_middle_of_a_publish() -> None:
    """Joining, and what is published meanwhile, come in the order in which they happened."""
    hub = hub_of()
    late, trigger = Client(2), joined(hub, ViewKey(), 1)

    def act() -> None:
        hub.attach(late, KEY)
        hub.broadcast(b"pbx", [dialled(OWN, ALIEN)])

    trigger.act = act
    hub.broadcast(b"pbx", [began(*OWN), began(*ALIEN)])
    assert late.got == [began(*OWN), began(*ALIEN), dialled(OWN, ALIEN)]


def test_who_joins_and_leaves_in_the_middle_of_a_publish() -> None:
    hub = hub_of()
    late, other, trigger = Client(2), Client(3), joined(hub, ViewKey(), 1)

    def act() -> None:
        hub.attach(late, KEY)
        hub.detach(late)
        hub.attach(other, KEY)
        hub.attach(other, ViewKey(CALL, calls=MINE))

    trigger.act = act
    hub.broadcast(b"pbx", [began(*OWN)])
    assert (late.got, other.got) == ([], [began(*OWN)])


def test_what_is_told_is_counted() -> None:
    hub = hub_of()
    hub.broadcast(b"pbx", [began(*OWN), began(*ALIEN), began(*THIRD)])
    stats = [ClientStats(), ClientStats()]
    clients = [Client(0), Client(1)]
    for client, counters in zip(clients, stats, strict=True):
        hub.attach(client, KEY, counters)
    hub.broadcast(b"pbx", [dialled(OWN, ALIEN), stated(*THIRD)])
    for client, counters in zip(clients, stats, strict=True):
        hub.count(client)
        assert (counters.events_out, counters.events_filtered) == (3, 1)
    assert hub.calls_forgotten == 0


def fails(frames: Sequence[bytes], server: bytes) -> bytes:
    """A plug-in's renderer."""
    raise RuntimeError(f"cannot write {len(frames)} of {server!r}")


def test_a_format_that_fails_at_the_introduction() -> None:
    """Whose format it is goes, and nobody else."""
    failed: list[str] = []
    formats = Formats((Format(name="broken", render=fails),))
    hub = Hub(formats, lambda key, error: failed.append(f"{key.format}: {error}"))
    hub.add_server(b"pbx", b"e", Journal(1 << 20))
    hub.remember_calls(always=True)
    hub.broadcast(b"pbx", [began(*OWN)])
    client, other = joined(hub, ViewKey(format="broken", calls=MINE)), joined(hub, KEY, 2)
    assert failed == ["broken: cannot write 1 of b'pbx'"]
    assert client.got == [b"format broken failed: RuntimeError"]
    assert other.got == [began(*OWN)]


def test_a_batch_that_the_book_did_not_see_is_not_shown() -> None:
    book = CallBook()
    view = View(KEY, None, book.screen(MINE))
    batch = Batch(b"pbx", b"e", 1, [began(*OWN)])
    assert view.render(batch) == b""
    book.advance(batch)
    assert view.render(batch) != b""
    assert View(ViewKey()).render_known(b"pbx", b"e", 1) == (b"", 0)
    assert book.screen(MINE).known(b"other") == []
    assert book.forgotten == 0


def test_what_was_forgotten_stays_counted() -> None:
    """A counter only grows, also when those who counted are gone."""
    book = CallBook()
    book.screen(MINE)
    book.calls(b"pbx").max_channels = 1
    book.advance(Batch(b"pbx", b"e", 1, [began(*OWN), began(*ALIEN)]))
    assert book.forgotten == 1
    book.keep_only(())
    assert book.forgotten == 1
    book.remembers = True
    book.calls(b"pbx").max_channels = 1
    book.advance(Batch(b"pbx", b"e", 3, [began(*OWN), began(*ALIEN)]))
    book.forget(b"pbx")
    assert book.forgotten == 2


def test_the_book_lets_go_of_what_nobody_needs() -> None:
    book = CallBook()
    book.screen(MINE)
    book.advance(Batch(b"pbx", b"e", 1, [began(*OWN)]))
    assert book.servers() == (b"pbx",)
    book.keep_only([])
    assert book.servers() == ()
    book.advance(Batch(b"pbx", b"e", 2, [began(*ALIEN)]))
    assert book.servers() == ()
    book.remembers = True
    book.advance(Batch(b"pbx", b"e", 3, [began(*THIRD), b"rest", event("Newexten", ("Channel", THIRD[0]))]))
    book.keep_only([])
    assert list(book.calls(b"pbx")) == [b"1.3"]


def batches(frames: list[bytes], cuts: Iterable[int]) -> list[list[bytes]]:
    edges = sorted({0, len(frames), *(cut % len(frames) for cut in cuts)})
    return [frames[start:end] for start, end in pairwise(edges)]


RECORDED = recording("stream-20calls").frames[:2500]


@pytest.mark.parametrize("channel", [b"Local/agent", b"Local/phone@amp-legs-0000011a", b"PJSIP/"])
def test_a_recording_shows_nothing_of_strangers(channel: bytes) -> None:
    """No frame names only channels that were never together with the user's, and each is introduced."""
    hub = hub_of()
    client = joined(hub, ViewKey(calls=CallFilter(channel=channel)))
    for start in range(0, len(RECORDED), 150):
        hub.broadcast(b"pbx", RECORDED[start : start + 150])
    assert client.got
    introduced: set[bytes] = set()
    for frame in (frame for frame in client.got if frame.startswith(b"Event: ")):
        read = read_event(frame)
        uniqueids = {party.uniqueid for party in read.parties if party.uniqueid}
        names = {party.name for party in read.parties}
        if read.kind == b"newchannel":
            introduced |= uniqueids | names
        mine = any(name.lower().startswith(channel.lower()) for name in names)
        assert mine or (uniqueids | names) & introduced
        began_here = {
            uid for uid in uniqueids if any(b"Uniqueid: %s\r\n" % uid in one for one in NEWCHANNELS)
        }
        assert read.kind == b"userevent" or began_here - ended(client.got, frame) <= introduced


NEWCHANNELS = [frame for frame in RECORDED if frame.startswith(b"Event: Newchannel")]


def ended(frames: list[bytes], until: bytes) -> set[bytes]:
    """The Uniqueids that hung up before a frame: a Cdr may still name them."""
    before = frames[: frames.index(until)]
    return {read_event(frame).parties[0].uniqueid for frame in before if kind_of(frame) == b"hangup"}


@settings(max_examples=15)
@given(st.lists(st.integers(0, 2499), max_size=30), st.integers(0, 8))
def test_a_shared_view_equals_an_individual_one(cuts: list[int], late_at: int) -> None:
    """However the stream is cut, whoever shares the view; who joins later gets the rest byte for byte."""
    key = ViewKey(calls=CallFilter(channel=b"Local/agent"))
    shared, alone = hub_of(), hub_of()
    clients = [joined(shared, key, number) for number in range(2)]
    single = joined(alone, key)
    late: Client | None = None
    before = introduced = 0
    for number, frames in enumerate(batches(RECORDED, cuts)):
        if number == late_at:
            late = joined(shared, key, 9)
            before, introduced = len(single.got), len(late.got)
        shared.broadcast(b"pbx", frames)
        alone.broadcast(b"pbx", frames)
    assert clients[0].got == clients[1].got == single.got
    assert single.got == every_frame_for_itself(key)
    assert late is None or late.got[introduced:] == single.got[before:]


@cache
def every_frame_for_itself(key: ViewKey) -> list[bytes]:
    hub = hub_of()
    client = joined(hub, key)
    for frame in RECORDED:
        hub.broadcast(b"pbx", [frame])
    return client.got


def test_other_views_do_not_change() -> None:
    """Who sees everything gets the same bytes, with or without others who see their calls only."""
    hub, plain = hub_of(), hub_of(remembers=False)
    joined(hub, ViewKey(calls=CallFilter(channel=b"Local/agent")))
    joined(hub, ViewKey(calls=NO_CALL_FILTER), 2)
    one, other = joined(hub, ViewKey(), 3), joined(plain, ViewKey(), 4)
    for start in range(0, 600, 100):
        hub.broadcast(b"pbx", RECORDED[start : start + 100])
        plain.broadcast(b"pbx", RECORDED[start : start + 100])
    assert one.got == other.got

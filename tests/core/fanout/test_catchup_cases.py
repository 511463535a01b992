"""Single cases of catching up, where the model of test_catchup does not look: formats, calls, changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from amp.core.ami.mask import EventMask
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.batch import Asker
from amp.core.fanout.catchup import Missed, Position
from amp.core.fanout.gap import Gap, Reason, server_lost
from amp.core.fanout.hub import Hub
from amp.core.fanout.journal import Journal
from amp.core.fanout.view import ViewKey
from amp.core.formats.format import Format
from amp.core.formats.registry import Formats
from amp.core.policy.calls.call_filter import CallFilter
from amp.core.stats import ClientStats
from amp.errors import LocalProtocolError
from core.fanout.test_catchup import ALL, CALLS, FIRST_TWO, Reading, finish, hub_of, publish

AT_START = {b"pbx1": Position(b"e0", 0)}


def broken(frames: Sequence[bytes], server: bytes) -> bytes:
    raise ValueError


def kinds(sink: Reading) -> list[bytes]:
    return [raw.split(b"\r\n", 1)[0][7:] for raw in sink.raw]


@pytest.mark.parametrize(("seq", "problem"), [(3, "up to 2, got 3"), (-1, "up to 2, got -1")])
def test_numbers_that_never_were_are_refused(seq: int, problem: str) -> None:
    """And the sink keeps what it had."""
    hub, sink = hub_of(b"pbx1"), Reading()
    hub.attach(sink, ALL)
    publish(hub, b"pbx1", 2)
    with pytest.raises(LocalProtocolError, match=problem):
        hub.resume(sink, ALL, {b"pbx1": Position(b"e0", seq)})
    publish(hub, b"pbx1")
    assert sink.numbers(b"pbx1") == [1, 2, 3]
    assert hub.resumes.started == 0


def test_who_was_attached_keeps_its_counters() -> None:
    hub, sink, stats = hub_of(b"pbx1"), Reading(), ClientStats()
    hub.attach(sink, ALL, stats)
    publish(hub, b"pbx1", 2)
    catchup = hub.resume(sink, ALL, AT_START)
    publish(hub, b"pbx1")
    assert sink.numbers(b"pbx1") == [1, 2], "nothing comes by another way meanwhile"
    assert hub.knows(sink)
    assert catchup.feed()
    assert catchup.arrived
    assert sink.numbers(b"pbx1") == [1, 2, 1, 2, 3]
    assert stats.events_out == 5


def test_unknown_servers_and_those_that_it_may_not_see_look_the_same() -> None:
    hub, sink = hub_of(b"pbx1", b"pbx2", b"pbx3"), Reading()
    positions = {server: Position(b"e0", 0) for server in (b"pbx1", b"pbx3", b"gone")}
    publish(hub, b"pbx3")
    catchup = hub.resume(sink, FIRST_TWO, positions)
    unknown = [Gap(name, b"e0", 1, None, Reason.UNKNOWN_SERVER, None) for name in (b"pbx3", b"gone")]
    assert catchup.missed == (
        Missed(b"pbx1", b"e0", 1, 0, None),
        *(Missed(gap.server, b"e0", 1, 0, gap) for gap in unknown),
    )
    finish(catchup)
    assert [told[0] for told in sink.told] == [b"pbx3", b"gone"]
    assert all(span.last < span.first for span in sink.spans), "what has no numbers cannot be dropped"


def test_a_server_that_goes_on_the_way_is_told_and_one_that_comes_is_told_from_its_first_event() -> None:
    hub, sink = hub_of(b"pbx1", b"pbx2"), Reading()
    publish(hub, b"pbx1", 2)
    catchup = hub.resume(sink, ALL, AT_START)
    assert not catchup.feed(1)
    hub.remove_server(b"pbx1")
    hub.add_server(b"pbx9", b"e9", Journal(1 << 20))
    publish(hub, b"pbx9", 2)
    finish(catchup)
    assert [told[0] for told in sink.told] == [b"pbx1", b"pbx1", b"pbx9", b"pbx9", b"pbx1"]
    assert sink.told[4][2:] == (3, -1, b"unknown server")


def test_of_servers_that_it_does_not_see_it_hears_nothing_when_they_go_or_begin_anew() -> None:
    hub, sink = hub_of(b"pbx1", b"pbx2", b"pbx3", b"pbx4"), Reading()
    publish(hub, b"pbx1", 2)
    publish(hub, b"pbx3", 2)
    catchup = hub.resume(sink, FIRST_TWO, AT_START)
    assert not catchup.feed(1)
    hub.remove_server(b"pbx3")
    hub.add_server(b"pbx3", b"e9", Journal(1 << 20))
    hub.remove_server(b"pbx4")
    publish(hub, b"pbx3")
    finish(catchup)
    assert [told[0] for told in sink.told] == [b"pbx1", b"pbx1"]


def test_a_server_that_begins_anew_on_the_way() -> None:
    hub, sink = hub_of(b"pbx1"), Reading()
    publish(hub, b"pbx1", 2)
    catchup = hub.resume(sink, ALL, AT_START)
    assert not catchup.feed(1)
    hub.remove_server(b"pbx1")
    hub.add_server(b"pbx1", b"e9", Journal(1 << 20))
    publish(hub, b"pbx1")
    finish(catchup)
    assert [told[1:] for told in sink.told[2:]] == [(b"e9", -1, -1, b"new epoch"), (b"e9", 1, 1, b"")]


def test_its_view_may_change_on_the_way() -> None:
    """Each event is shown as the view is when its turn comes; an unknown format changes nothing."""
    hub, sink = hub_of(b"pbx1"), Reading()
    changes: list[int] = []
    hub.on_views_changed = lambda: changes.append(1)
    for _ in range(2):
        publish(hub, b"pbx1", 2)
    catchup = hub.resume(sink, ALL, AT_START)
    assert not catchup.feed(1)
    hub.attach(sink, CALLS)
    assert len(changes) == 2
    with pytest.raises(LocalProtocolError, match="output format"):
        hub.attach(sink, ViewKey(format="nonsense"))
    finish(catchup)
    publish(hub, b"pbx1", 2)
    assert sink.numbers(b"pbx1") == [1, 2, 4, 6]


def test_who_leaves_on_the_way_gets_no_more() -> None:
    """Also in the middle of a piece, or while a gap is told."""
    hub, sink = hub_of(b"pbx1", b"pbx2"), Reading()
    publish(hub, b"pbx1", 2)
    publish(hub, b"pbx2", 2)
    both = AT_START | {b"pbx2": Position(b"e0", 0)}
    old = Position(b"0ld", 0)
    for positions, count in ((both, 2), ({b"pbx1": old}, 1), ({b"gone": old}, 1)):
        sink.told.clear()
        catchup = hub.resume(sink, ALL, positions)
        sink.act = lambda: hub.detach(sink)
        assert catchup.feed()
        assert not catchup.arrived
        assert len(sink.told) == count
    publish(hub, b"pbx1")
    assert len(sink.told) == 1


def test_demand_counts_those_who_will_soon_be_there() -> None:
    """A sniffer must not be left alone for the moment of a catch-up."""
    hub, sink = hub_of(b"pbx1"), Reading()
    assert hub.demand(frozenset((b"call",))) == frozenset()
    hub.resume(sink, FIRST_TWO, AT_START)
    assert hub.demand(frozenset((b"call",))) == FIRST_TWO.servers
    hub.detach(sink)
    assert hub.demand(frozenset((b"call",))) == frozenset()


def test_the_asker_is_shown_its_actionid() -> None:
    """Only the very client that asked; who comes back has another number."""
    hub = hub_of(b"pbx1")
    hub.broadcast(b"pbx1", [b"Event: E1\r\nPrivilege: user,all"], Asker(7, b"mine", 9))
    for client, shown in ((7, True), (8, False)):
        sink = Reading(client)
        finish(hub.resume(sink, ALL, AT_START))
        assert (b"\r\nActionID: mine\r\n" in sink.raw[0]) == shown
    only_own = ViewKey(autofilter=Autofilter.ON, asker=(8, b"mine"), sequence=True)
    sink = Reading(8)
    finish(hub.resume(sink, only_own, AT_START))
    assert sink.raw == []


def test_a_failing_format_takes_out_its_client_alone() -> None:
    """At an event and at a gap; the log is told through the hub."""
    failures: list[str] = []
    formats = Formats((*Formats(), Format(name="broken", render=broken)))
    hub = Hub(formats, lambda key, error: failures.append(f"{key.format}: {type(error).__name__}"))
    hub.add_server(b"pbx1", b"e0", Journal(1 << 20))
    publish(hub, b"pbx1")
    for position in (Position(b"e0", 0), Position(b"0ld", 0)):
        sink = Reading()
        assert hub.resume(sink, ViewKey(format="broken"), {b"pbx1": position}).feed()
        assert sink.end == "format broken failed: ValueError"
        assert not hub.knows(sink)
    assert failures == ["broken: ValueError"] * 2
    with pytest.raises(LocalProtocolError, match="output format"):
        hub.resume(Reading(), ViewKey(format="nonsense"), AT_START)


def test_gaps_in_every_format() -> None:
    hub = hub_of(b"pbx1")
    gap = Gap(b"pbx1", b"e0", 3, 9, Reason.SLOW, 9)
    assert hub.write_gap(gap, "standard") == (
        b"Event: ProxyGap\r\nPrivilege: <none>\r\nFrom: 3\r\nTo: 9\r\nReason: slow client\r\n"
        b"ProxyEpoch: e0\r\nProxySeq: 9\r\nServer: pbx1\r\n\r\n"
    )
    assert b'"Reason":"slow client"' in hub.write_gap(gap, "json")
    assert EventMask(frozenset((b"cdr",))).wants(frozenset((b"<none>",))), "whatever somebody may read"
    assert server_lost(b"e0").get(b"Epoch") == b"e0"


def test_positions_are_those_of_the_servers_that_one_sees() -> None:
    hub = hub_of(b"pbx1", b"pbx2")
    publish(hub, b"pbx1", 3)
    assert hub.positions() == {b"pbx1": Position(b"e0", 3), b"pbx2": Position(b"e0", 0)}
    assert hub.positions(frozenset((b"pbx1", b"gone"))) == {b"pbx1": Position(b"e0", 3)}


def test_old_events_go_by_themselves() -> None:
    """What came within ``age_s`` stays; the time between two calls is the grain."""
    hub = hub_of(b"pbx1")
    journal = hub.journal(b"pbx1")
    hub.expire(0.0, 10.0)
    for now in (1.0, 5.0, 9.0):
        publish(hub, b"pbx1")
        hub.expire(now, 10.0)
    for now, floor in ((10.9, 1), (11.0, 2), (14.0, 2), (15.0, 3), (100.0, 4)):
        hub.expire(now, 10.0)
        assert journal.floor == floor
    assert (journal.head, journal.size_bytes, journal.slice(0)) == (3, 0, [])


OWN = ViewKey(calls=CallFilter(channel=b"SIP/own-"), sequence=True)


DIALLED = b"\r\nDestChannel: SIP/other-%s\r\nDestUniqueid: %s"


def channel(kind: bytes, name: bytes, uniqueid: bytes, more: bytes = b"") -> bytes:
    return b"Event: %s\r\nPrivilege: call,all\r\nChannel: %s\r\nUniqueid: %s%s" % (kind, name, uniqueid, more)


def call(hub: Hub, number: int) -> None:
    """A call of the user's with somebody, and one between others."""
    own, other, third = (b"%s%d" % (letter, number) for letter in (b"o", b"p", b"q"))
    for frame in (
        channel(b"Newchannel", b"SIP/own-" + own, own),
        channel(b"Newchannel", b"SIP/other-" + other, other),
        channel(b"Newchannel", b"SIP/third-" + third, third),
        channel(
            b"DialBegin",
            b"SIP/own-" + own,
            own,
            DIALLED % (other, other),
        ),
        channel(b"Newstate", b"SIP/other-" + other, other),
        channel(b"Newstate", b"SIP/third-" + third, third),
    ):
        hub.broadcast(b"pbx1", [frame])


def test_who_sees_its_own_calls_gets_again_what_it_would_have_seen() -> None:
    """Whose a channel is may depend on what came before its position; at the end it is told who is up."""
    hub, live, again = hub_of(b"pbx1"), Reading(1), Reading(2)
    hub.attach(live, OWN)
    call(hub, 1)
    call(hub, 2)
    before = [read for read in live.told if read[2] > 4]
    for max_bytes in (1, 1 << 20):
        again = Reading(2)
        finish(hub.resume(again, OWN, {b"pbx1": Position(b"e0", 4)}), max_bytes)
        count = len(before)
        assert again.told[:count] == before
        assert again.raw[:count] == live.raw[-count:]
        assert [raw.split(b"\r\n")[0] for raw in again.raw[count:]].count(b"Event: Newchannel") == 4
        assert {read[2] for read in again.told[count:]} == {12}, "the number of the event before"
    hub.broadcast(b"pbx1", [channel(b"Hangup", b"SIP/other-p1", b"p1")])
    assert kinds(again)[-1] == b"Hangup"


def test_a_position_in_the_middle_of_a_batch_splits_what_the_calls_know() -> None:
    hub, again = hub_of(b"pbx1"), Reading()
    frames = [
        channel(b"Newchannel", b"SIP/own-o", b"o"),
        channel(b"Newchannel", b"SIP/other-p", b"p"),
        channel(b"DialBegin", b"SIP/own-o", b"o", DIALLED % (b"p", b"p")),
        channel(b"Hangup", b"SIP/other-p", b"p"),
    ]
    hub.broadcast(b"pbx1", frames)
    finish(hub.resume(again, OWN, {b"pbx1": Position(b"e0", 3)}))
    assert kinds(again)[0] == b"Hangup"
    assert again.told[0][2] == 4

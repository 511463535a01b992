"""Events in other formats: valid whatever comes, made once for who sees the same, no harm if one fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.core.ami.ids import ActionIds
from amp.core.ami.mask import KNOWN, NONE, EventMask
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.batch import Asker, Batch
from amp.core.fanout.cutter import FrameCutter
from amp.core.fanout.hub import Hub
from amp.core.fanout.intake import AskerBroadcast, Broadcasts, Intake, asker_of
from amp.core.fanout.journal import Journal
from amp.core.fanout.view import ViewKey
from amp.core.formats.format import Format
from amp.core.formats.registry import Formats
from amp.core.policy.event_filter import EventFilter
from amp.errors import LocalProtocolError
from core.fanout.recordings import frames
from core.fanout.test_hub import Notes
from core.formats.judges import objects, odd_bytes, records, roots
from replay import AMI_NAMES, chunks, recording
from strategies import cuts

IDS = ActionIds(b"9f3")
HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\nCause: 16"
USER = b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: X"
CALLS = EventMask.parse(b"call") or NONE
EVERYTHING = EventMask(KNOWN)
"""Another mask than `ALL`, so another view, and yet it shows all that Asterisk sends."""

NAMES = ("standard", "xml", "csv", "json")


def hub_of(*formats: Format, failed: Callable[[ViewKey, Exception], None] | None = None) -> Hub:
    known = Formats()
    for one in formats:
        known = known.with_format(one)
    hub = Hub(known, failed) if failed else Hub(known)
    hub.add_server(b"pbx1", b"e", Journal(1 << 20))
    return hub


def counting(calls: list[list[bytes]]) -> Format:
    def render(frames: Sequence[bytes], server: bytes) -> bytes:
        calls.append(list(frames))
        return b"".join(frames)

    return Format(name="counting", render=render)


def got(sink: Notes) -> bytes:
    return b"".join(data for data, _ in sink.got)


def broadcast(hub: Hub, intake: Intake, read: list[bytes]) -> None:
    for run in intake.take(read):
        if isinstance(run, Broadcasts):
            hub.broadcast(b"pbx1", list(run.frames), None, run.shown)
        elif isinstance(run, AskerBroadcast):
            hub.broadcast(b"pbx1", [run.frame], asker_of(run, IDS), {0: run.shown} if run.shown else {})


def judge(data: dict[str, bytes]) -> None:
    """Every format tells of as many frames as the standard one, and its own parsers take it."""
    count = data["standard"].count(b"\r\nServer: pbx1\r\n\r\n")
    in_xml, in_csv, in_json = roots(data["xml"]), records(data["csv"]), objects(data["json"])
    assert len(in_xml) == len(in_csv) == len(in_json) == count
    assert all(one["Server"] == "pbx1" for one in in_json)
    assert all(record[-1] == b"Server: pbx1" for record in in_csv)
    assert all(root[-1] == ("Server", None, "pbx1") for root in in_xml)


@pytest.mark.parametrize(
    "more", [ViewKey(), ViewKey(sequence=True), ViewKey(EVERYTHING), ViewKey(autofilter=Autofilter.OFF)]
)
@given(st.lists(odd_bytes | st.sampled_from([HANGUP, USER, b"\r\n\r\n"]), max_size=20), cuts)
def test_what_comes_out_is_valid_whatever_comes_in(more: ViewKey, stream: list[bytes], at: list[int]) -> None:
    """From a server's bytes, in any reads, to those of each client."""
    hub, intake, cutter = hub_of(), Intake(b"pbx1", IDS.prefix), FrameCutter()
    sinks = {name: Notes(number) for number, name in enumerate(NAMES, 1)}
    for name, sink in sinks.items():
        hub.attach(sink, ViewKey(more.mask, None, name, more.sequence, autofilter=more.autofilter))
    for piece in chunks(b"\r\n\r\n".join([*stream, b""]), at):
        broadcast(hub, intake, list(cutter.feed(piece)))
    judge({name: got(sink) for name, sink in sinks.items()})
    spans = [[span for _, span in sink.got] for sink in sinks.values()]
    assert spans[1:] == spans[:-1], "each piece is the same events in every format"


@pytest.mark.parametrize("name", AMI_NAMES)
def test_recorded_events_in_every_format(name: str) -> None:
    hub, intake = hub_of(), Intake(b"pbx1", IDS.prefix)
    sinks = {one: Notes(number) for number, one in enumerate(NAMES, 1)}
    for one, sink in sinks.items():
        hub.attach(sink, ViewKey(format=one))
    broadcast(hub, intake, recording(name).frames)
    judge({one: got(sink) for one, sink in sinks.items()})


def test_a_whole_batch_is_rendered_once_for_all_views_that_show_it() -> None:
    calls: list[list[bytes]] = []
    hub = hub_of(counting(calls))
    views = [
        ViewKey(format="counting"),
        ViewKey(format="counting", autofilter=Autofilter.OFF),
        ViewKey(format="counting", servers=frozenset((b"pbx1",))),
        ViewKey(EVERYTHING, format="counting"),
        ViewKey(format="counting", filter=EventFilter.from_settings(["!Event: Nothing"])[0]),
    ]
    sinks = [Notes(number) for number, _ in enumerate(views)]
    for sink, key in zip(sinks, views, strict=True):
        hub.attach(sink, key)
    read = list(frames("stream-20calls"))[:50]
    for _ in range(2):
        hub.broadcast(b"pbx1", read)
    assert calls == [read, read]
    assert {got(sink) for sink in sinks} == {b"".join(read) * 2}


def test_who_sees_less_has_a_rendering_of_its_own() -> None:
    calls: list[list[bytes]] = []
    hub = hub_of(counting(calls))
    hub.attach(Notes(1), ViewKey(format="counting"))
    hub.attach(Notes(2), ViewKey(CALLS, format="counting"))
    hub.attach(Notes(3), ViewKey(format="counting", sequence=True))
    hub.attach(Notes(4), ViewKey(NONE, format="counting"))
    hub.broadcast(b"pbx1", [HANGUP, USER])
    added = b"\r\nProxyEpoch: e\r\nProxySeq: "
    assert calls == [[HANGUP, USER], [HANGUP], [HANGUP + added + b"1", USER + added + b"2"]]


def test_the_asker_alone_gets_its_action_id() -> None:
    """In every format, and in the manager protocol as ever."""
    hub = hub_of()
    asks, other, plain = Notes(1), Notes(2), Notes(3)
    hub.attach(asks, ViewKey(format="json"))
    hub.attach(other, ViewKey(format="json"))
    hub.attach(plain, ViewKey())
    hub.broadcast(b"pbx1", [USER], Asker(1, b"mine", USER.index(b"\r\nUserEvent")))
    assert [one.get("ActionID") for sink in (asks, other) for one in objects(got(sink))] == ["mine", None]
    assert b"ActionID" not in got(plain)
    hub.attach(asks, ViewKey(NONE))
    hub.broadcast(b"pbx1", [USER], Asker(1, b"mine", USER.index(b"\r\nUserEvent")))
    assert len(asks.got) == 1


def test_amps_own_events_are_in_the_format_too() -> None:
    hub, sink = hub_of(), Notes(1)
    hub.attach(sink, ViewKey(format="xml"))
    hub.announce(
        b"pbx1", Frame.of(("Event", "ServerDown"), ("Privilege", "system,all"), ("Reason", "<gone>"))
    )
    assert roots(got(sink)) == [
        [
            ("Event", None, "ServerDown"),
            ("Privilege", None, "system,all"),
            ("Reason", None, "<gone>"),
            ("Server", None, "pbx1"),
        ]
    ]


def test_a_format_that_is_not_there_is_a_mistake_of_the_caller() -> None:
    hub, sink = hub_of(), Notes(1)
    with pytest.raises(LocalProtocolError, match="expected an output format, got 'http'"):
        hub.attach(sink, ViewKey(format="http"))
    hub.attach(sink, ViewKey())
    with pytest.raises(LocalProtocolError, match="expected an output format, got 'yaml'"):
        hub.attach(sink, ViewKey(format="yaml"))
    hub.broadcast(b"pbx1", [HANGUP])
    assert len(sink.got) == 1, "it has the view that it had"


def brittle(frames: Sequence[bytes], server: bytes) -> bytes:
    if any(b"Note" in frame for frame in frames):
        raise ZeroDivisionError("no such note")
    return b"!"


BRITTLE = Format(name="brittle", render=brittle)


def test_a_format_that_fails_takes_its_own_clients_only() -> None:
    """They are told nothing they could rely on any more, so they go; everybody else misses nothing."""
    told: list[tuple[ViewKey, Exception]] = []
    hub = hub_of(BRITTLE, failed=lambda key, error: told.append((key, error)))
    first, second, before, behind = (Notes(number) for number in range(4))
    for sink in (before, first, second, behind):
        hub.attach(sink, ViewKey(format="brittle" if sink in (first, second) else "json"))
    hub.attach(behind, ViewKey())
    hub.broadcast(b"pbx1", [HANGUP])
    before.act = lambda: hub.detach(second)
    hub.broadcast(b"pbx1", [HANGUP + b"\r\nNote: x"])
    hub.broadcast(b"pbx1", [HANGUP])
    assert (len(first.got), len(before.got), len(behind.got)) == (1, 3, 3)
    assert (first.end, second.end, before.end) == ("format brittle failed: ZeroDivisionError", "", "")
    ((key, error),) = told
    assert (key.format, str(error)) == ("brittle", "no such note")


def test_nobody_has_to_listen_to_failures() -> None:
    hub, sink = hub_of(BRITTLE), Notes(1)
    hub.attach(sink, ViewKey(format="brittle"))
    hub.broadcast(b"pbx1", [b"Note"])
    assert sink.end


def test_a_format_may_fail_for_the_asker_alone() -> None:
    hub, asks, other = hub_of(BRITTLE), Notes(1), Notes(2)
    hub.attach(asks, ViewKey(format="brittle"))
    hub.attach(other, ViewKey(format="csv"))
    hub.broadcast(b"pbx1", [USER], Asker(1, b"Note", USER.index(b"\r\nUserEvent")))
    assert (asks.got, asks.end != "", len(other.got)) == ([], True, 1)


def test_a_rendering_remembers_the_last_batch_only() -> None:
    calls: list[list[bytes]] = []
    hub, sink = hub_of(counting(calls)), Notes(1)
    hub.attach(sink, ViewKey(format="counting"))
    first, second = Batch(b"pbx1", b"e", 1, [HANGUP]), Batch(b"pbx1", b"e", 2, [HANGUP])
    hub.publish(first)
    hub.publish(second)
    assert calls == [[HANGUP], [HANGUP]], "equal text, another batch"

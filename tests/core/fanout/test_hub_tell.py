"""What a hub tells one sink alone: how things stand, for who came too late to hear it."""

from __future__ import annotations

import pytest

from amp.core.ami.frame import Frame
from amp.core.ami.mask import NONE, EventMask
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.batch import Span
from amp.core.fanout.hub import Hub
from amp.core.fanout.journal import Journal
from amp.core.fanout.view import ViewKey
from amp.core.formats.format import Format
from amp.core.formats.registry import Formats
from amp.core.policy.calls.call_filter import CallFilter
from amp.core.policy.event_filter import EventFilter
from amp.core.stats import ClientStats
from core.fanout.test_hub import Notes, event, hub_of

DOWN = Frame.of(("Event", "ServerDown"), ("Privilege", "system,all"), ("Reason", "gone"))
WIRE = b"Event: ServerDown\r\nPrivilege: system,all\r\nReason: gone\r\n"
CALLS = CallFilter(channel=b"sip/1")


def told(key: ViewKey, hub: Hub | None = None) -> list[tuple[bytes, Span | None]]:
    """What a sink with this view gets; a second one with the same view gets nothing."""
    hub = hub or hub_of(b"pbx1")
    sink, other = Notes(1), Notes(2)
    hub.broadcast(b"pbx1", [event(0), event(1)])
    stats, others = ClientStats(), ClientStats()
    hub.attach(sink, key, stats)
    hub.attach(other, key, others)
    assert hub.knows(sink)
    hub.tell(sink, b"pbx1", DOWN)
    assert other.got == []
    hub.detach(sink)
    hub.detach(other)
    assert not hub.knows(sink)
    assert (stats.events_out, others.events_out) == (len(sink.got), 0)
    return sink.got


@pytest.mark.parametrize(
    "key",
    [ViewKey(), ViewKey(servers=frozenset((b"pbx1",))), ViewKey(EventMask.parse(b"system") or NONE),
     ViewKey(autofilter=Autofilter.OFF), ViewKey(calls=CALLS)],
)  # fmt: skip
def test_who_may_see_it_gets_it_alone_and_it_has_no_number(key: ViewKey) -> None:
    assert told(key) == [(WIRE + b"Server: pbx1\r\n\r\n", Span(b"pbx1", b"e", 3, 2))]


def test_with_numbers_it_has_the_newest_one() -> None:
    """Who resumes from there misses nothing."""
    data = WIRE + b"ProxyEpoch: e\r\nProxySeq: 2\r\nServer: pbx1\r\n\r\n"
    assert told(ViewKey(sequence=True)) == [(data, Span(b"pbx1", b"e", 3, 2))]


@pytest.mark.parametrize(
    "key",
    [ViewKey(servers=frozenset((b"pbx2",))), ViewKey(EventMask.parse(b"call") or NONE),
     ViewKey(autofilter=Autofilter.ON, asker=(1, b"x")),
     ViewKey(filter=EventFilter.from_settings(("Event: Hangup",))[0])],
)  # fmt: skip
def test_who_would_not_have_seen_it_does_not(key: ViewKey) -> None:
    assert told(key) == []


def test_a_format_that_fails_ends_that_client_alone() -> None:
    def fail(*_: object) -> bytes:
        raise ValueError("broken")

    broken = Format(name="broken", render=fail)
    hub = Hub(Formats([*Formats(), broken]))
    hub.add_server(b"pbx1", b"e", Journal(1 << 20))
    sink, other = Notes(1), Notes(2)
    hub.attach(sink, ViewKey(format="broken"))
    hub.attach(other, ViewKey())
    hub.tell(sink, b"pbx1", DOWN)
    assert (hub.knows(sink), hub.knows(other)) == (False, True)
    assert sink.end == "format broken failed: ValueError"

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from amp.core.ami.frame import Frame
from amp.core.ami.mask import NONE, EventMask
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.batch import Asker, Batch, Span
from amp.core.fanout.hub import Hub
from amp.core.fanout.journal import Journal
from amp.core.fanout.view import ViewKey
from amp.core.stats import ClientStats, ServerStats
from amp.errors import LocalProtocolError

CALLS = ViewKey(EventMask.parse(b"call") or NONE)
KEYS = [ViewKey(), ViewKey(sequence=True), CALLS, ViewKey(servers=frozenset((b"pbx1",)))]
SERVERS = [b"pbx1", b"pbx2"]


class Notes:
    """A sink that notes what it got, and may do something in the middle of getting it."""

    def __init__(self, client: int) -> None:
        self.client = client
        self.got: list[tuple[bytes, Span | None]] = []
        self.act: Callable[[], None] | None = None
        self.end = ""

    def offer(self, data: bytes, span: Span | None) -> None:
        self.got.append((data, span))
        act, self.act = self.act, None
        if act is not None:
            act()

    def cut(self, reason: str) -> None:
        self.end = reason


def event(number: int) -> bytes:
    return b"Event: E%d\r\nPrivilege: %s,all\r\nX: 1" % (number, [b"call", b"user"][number % 2])


def hub_of(*servers: bytes) -> Hub:
    hub = Hub()
    for server in servers:
        hub.add_server(server, b"e", Journal(1 << 20))
    return hub


def numbers(sink: Notes) -> list[tuple[bytes, int]]:
    """Server and the E-numbers that a sink was shown, in order."""
    return [
        (span.server, int(line[8:]))
        for data, span in sink.got
        if span is not None
        for line in data.split(b"\r\n")
        if line.startswith(b"Event: E")
    ]


def sees(key: ViewKey, server: bytes, number: int) -> bool:
    return (key != CALLS or number % 2 == 0) and (key.servers is None or server in key.servers)


ACTIONS = st.sampled_from(["detach self", "detach other", "attach other", "change other", "publish", "again"])


class HubAgainstAModel(RuleBasedStateMachine):
    """Whatever happens inside an offer, every attached sink gets each of its events once and in order."""

    def __init__(self) -> None:
        super().__init__()
        self.hub = hub_of(*SERVERS)
        self.sinks = [Notes(number) for number in range(5)]
        self.keys: dict[Notes, ViewKey] = {}
        self.count = 0
        # Which events each sink shall have got once nothing is under way any more, in order.
        self.promised: list[tuple[Notes, tuple[bytes, int]]] = []

    def attach(self, sink: Notes, key: ViewKey) -> None:
        self.keys[sink] = key
        self.hub.attach(sink, key)

    def detach(self, sink: Notes) -> None:
        self.keys.pop(sink, None)
        # What was under way to it and has not come yet must never come.
        self.promised = [
            entry for entry in self.promised if entry[0] is not sink or entry[1] in numbers(sink)
        ]
        self.hub.detach(sink)

    def publish(self, server: bytes, size: int) -> None:
        first, self.count = self.count, self.count + size
        for sink, key in self.keys.items():
            for number in range(first, first + size):
                if sees(key, server, number):
                    self.promised.append((sink, (server, number)))
        self.hub.broadcast(server, [event(number) for number in range(first, first + size)])

    @rule(sink=st.integers(0, 4), key=st.sampled_from(KEYS))
    def attach_rule(self, sink: int, key: ViewKey) -> None:
        self.attach(self.sinks[sink], key)

    @rule(sink=st.integers(0, 4))
    def detach_rule(self, sink: int) -> None:
        self.detach(self.sinks[sink])

    @rule(server=st.sampled_from(SERVERS), size=st.integers(1, 3))
    def publish_rule(self, server: bytes, size: int) -> None:
        self.publish(server, size)

    @rule(sink=st.integers(0, 4), other=st.integers(0, 4), key=st.sampled_from(KEYS), what=ACTIONS)
    def act_inside_the_next_offer(self, sink: int, other: int, key: ViewKey, what: str) -> None:
        one, two = self.sinks[sink], self.sinks[other]

        def act() -> None:
            if what == "detach self":
                self.detach(one)
            elif what == "detach other":
                self.detach(two)
            elif what in ("attach other", "change other"):
                self.attach(two, key)
            elif what == "again":
                self.detach(two)
                self.attach(two, key)
            else:
                self.publish(SERVERS[other % 2], 1)

        one.act = act

    @invariant()
    def everybody_got_what_was_promised(self) -> None:
        for sink in self.sinks:
            assert numbers(sink) == [what for who, what in self.promised if who is sink]


TestHubAgainstAModel = HubAgainstAModel.TestCase
TestHubAgainstAModel.settings = settings(max_examples=60, stateful_step_count=25)


def test_one_rendering_for_all_of_a_view() -> None:
    """Clients whose views are equal share the very same bytes."""
    hub, one, two = hub_of(b"pbx1"), Notes(1), Notes(2)
    hub.attach(one, ViewKey())
    hub.attach(two, ViewKey())
    hub.broadcast(b"pbx1", [event(0)])
    assert one.got == [(event(0) + b"\r\nServer: pbx1\r\n\r\n", Span(b"pbx1", b"e", 1, 1))]
    assert one.got[0][0] is two.got[0][0]


def test_only_the_asker_sees_the_action_id() -> None:
    """Everybody gets the event; the ActionID is shown to the client that chose it."""
    hub, asker, other = hub_of(b"pbx1"), Notes(1), Notes(2)
    hub.attach(asker, ViewKey())
    hub.attach(other, ViewKey())
    hub.attach(Notes(3), ViewKey(sequence=True))
    asker.act = lambda: hub.detach(other)
    batch = hub.broadcast(b"pbx1", [event(0)], Asker(1, b"mine", len(event(0))))
    assert asker.got == [(event(0) + b"\r\nActionID: mine\r\nServer: pbx1\r\n\r\n", batch.span)]
    assert other.got == []
    hub.attach(other, ViewKey())
    hub.broadcast(b"pbx1", [event(1)], Asker(1, b"mine", len(event(1))))
    assert other.got[0][0] == event(1) + b"\r\nServer: pbx1\r\n\r\n"


def test_events_are_journalled_with_nobody_there() -> None:
    """Who comes later can still ask for them."""
    hub = hub_of(b"pbx1")
    hub.broadcast(b"pbx1", [event(0), event(1)])
    assert hub.journal(b"pbx1").head == 2
    assert [batch.frames for batch in hub.journal(b"pbx1").slice(0)] == [[event(0), event(1)]]


def test_announcements_are_numbered_events() -> None:
    """ServerDown and its like have a place among the server's events."""
    hub, sink = hub_of(b"pbx1"), Notes(1)
    hub.attach(sink, ViewKey())
    hub.announce(b"pbx1", Frame.of(("Event", "ServerDown"), ("Privilege", "system,all"), ("Reason", "lost")))
    text = b"Event: ServerDown\r\nPrivilege: system,all\r\nReason: lost\r\nServer: pbx1\r\n\r\n"
    assert sink.got == [(text, Span(b"pbx1", b"e", 1, 1))]


def test_a_broken_piece_follows_its_event_into_the_next_batch() -> None:
    """A client that may not see the event does not see the piece, wherever the read ended."""
    hub, sink = hub_of(b"pbx1"), Notes(1)
    hub.attach(sink, CALLS)
    hub.broadcast(b"pbx1", [event(1)])
    hub.broadcast(b"pbx1", [b"secret"])
    hub.broadcast(b"pbx1", [b"secret, too"])
    assert sink.got == []
    hub.broadcast(b"pbx1", [event(0)])
    hub.broadcast(b"pbx1", [b"open"])
    assert [data for data, _ in sink.got] == [
        event(0) + b"\r\nServer: pbx1\r\n\r\n",
        b"open\r\nServer: pbx1\r\n\r\n",
    ]


def test_counters() -> None:
    """Shown and hidden events are counted by client while it is attached, over changes of its view."""
    hub, sink, stats, server = Hub(), Notes(1), ClientStats(), ServerStats()
    hub.add_server(b"pbx1", b"e", Journal(0), server)
    hub.broadcast(b"pbx1", [event(0)])
    hub.attach(sink, CALLS, stats)
    hub.broadcast(b"pbx1", [event(0), event(1)])
    hub.count(sink)
    assert (stats.events_out, stats.events_filtered) == (1, 1)
    hub.attach(sink, CALLS)
    hub.attach(sink, ViewKey())
    hub.broadcast(b"pbx1", [event(0), event(1)])
    hub.detach(sink)
    assert (stats.events_out, stats.events_filtered) == (3, 1)
    hub.broadcast(b"pbx1", [event(0)])
    hub.count(sink)
    hub.detach(sink)
    assert (stats.events_out, stats.events_filtered) == (3, 1)
    assert server.events == 6


def test_a_batch_out_of_turn_reaches_nobody() -> None:
    hub, sink = hub_of(b"pbx1"), Notes(1)
    hub.attach(sink, ViewKey())
    with pytest.raises(LocalProtocolError):
        hub.publish(Batch(b"pbx1", b"e", 2, [event(0)]))
    assert sink.got == []


def test_a_server_has_one_name() -> None:
    hub = hub_of(b"pbx1")
    with pytest.raises(LocalProtocolError, match="pbx1"):
        hub.add_server(b"pbx1", b"e", Journal(0))


def test_a_removed_server_leaves_nothing_behind() -> None:
    """Under its name there may be another one, numbered from the beginning; others are not concerned."""
    hub, sink = hub_of(b"pbx1", b"pbx2"), Notes(1)
    hub.attach(sink, ViewKey())
    hub.broadcast(b"pbx1", [event(0), event(1)])
    hub.remove_server(b"pbx1")
    for forgotten in (hub.journal, hub.remove_server):
        with pytest.raises((KeyError, LocalProtocolError), match="pbx1"):
            forgotten(b"pbx1")
    hub.add_server(b"pbx1", b"f", Journal(1 << 20))
    hub.broadcast(b"pbx1", [event(2)])
    hub.broadcast(b"pbx2", [event(3)])
    assert [span for _, span in sink.got] == [
        Span(b"pbx1", b"e", 1, 2),
        Span(b"pbx1", b"f", 1, 1),
        Span(b"pbx2", b"e", 1, 1),
    ]


def test_a_server_removed_inside_an_offer_has_its_last_events_delivered() -> None:
    """Its ServerDown waits its turn behind the batch that is on its way, and outlives the journal."""
    hub, first, second = hub_of(b"pbx1"), Notes(1), Notes(2)
    hub.attach(first, ViewKey())
    hub.attach(second, ViewKey())

    def part() -> None:
        hub.broadcast(b"pbx1", [event(1)])
        hub.remove_server(b"pbx1")

    first.act = part
    hub.broadcast(b"pbx1", [event(0)])
    assert numbers(first) == numbers(second) == [(b"pbx1", 0), (b"pbx1", 1)]


def test_a_bug_in_a_sink_does_not_stop_the_next_publish() -> None:
    """The error is raised to who published; the hub works on."""
    hub, sink = hub_of(b"pbx1"), Notes(1)
    hub.attach(sink, ViewKey())

    def fail() -> None:
        raise ZeroDivisionError

    sink.act = fail
    with pytest.raises(ZeroDivisionError):
        hub.broadcast(b"pbx1", [event(0)])
    hub.broadcast(b"pbx1", [event(1)])
    assert numbers(sink) == [(b"pbx1", 0), (b"pbx1", 1)]


def test_detached_inside_an_offer_gets_nothing() -> None:
    """Cutting one client may take another one with it, in the middle of a publish."""
    hub, one, two = hub_of(b"pbx1"), Notes(1), Notes(2)
    hub.attach(one, ViewKey())
    hub.attach(two, ViewKey())
    one.act = lambda: hub.detach(two)
    hub.broadcast(b"pbx1", [event(0)])
    assert (numbers(one), numbers(two)) == ([(b"pbx1", 0)], [])


def test_what_is_published_inside_an_offer_waits_its_turn() -> None:
    """Otherwise the second client would get the later event first."""
    hub, one, two = hub_of(b"pbx1"), Notes(1), Notes(2)
    hub.attach(one, ViewKey())
    hub.attach(two, ViewKey())

    def publish() -> None:
        hub.broadcast(b"pbx1", [event(1)])

    one.act = publish
    hub.broadcast(b"pbx1", [event(0)])
    assert numbers(one) == numbers(two) == [(b"pbx1", 0), (b"pbx1", 1)]


def test_demand_is_what_the_views_may_and_want_to_see() -> None:
    hub, changes = hub_of(b"s1"), list[int]()
    hub.on_views_changed = lambda: changes.append(1)
    calls, state = frozenset((b"call", b"all")), frozenset((b"reporting", b"all"))
    assert hub.demand(calls) == frozenset()
    bound, agent, own, everybody = (Notes(client) for client in range(4))
    hub.attach(bound, ViewKey(mask=EventMask(frozenset((b"call",))), servers=frozenset((b"s1", b"s2"))))
    hub.attach(agent, ViewKey(mask=EventMask(frozenset((b"agent",)))))
    hub.attach(own, ViewKey(autofilter=Autofilter.ON, asker=(2, b"")))
    assert (hub.demand(calls), hub.demand(state)) == (frozenset((b"s1", b"s2")), frozenset())
    hub.attach(everybody, ViewKey())
    assert (hub.demand(calls), hub.demand(state)) == (None, None)
    hub.attach(Notes(4), ViewKey())
    hub.detach(everybody)
    assert hub.demand(calls) is None
    assert len(changes) == 4, "as many as views came or went"
    hub.detach(bound)
    assert len(changes) == 5

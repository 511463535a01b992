from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amp.core.ami.mask import NONE, EventMask
from amp.core.fanout.batch import Span
from amp.core.fanout.catchup import Catchup, Missed, Position
from amp.core.fanout.hub import Hub
from amp.core.fanout.journal import BATCH_BYTES, Journal
from amp.core.fanout.view import ViewKey
from amp.core.stats import ClientStats

SERVERS = (b"pbx1", b"pbx2", b"pbx3")
ALL = ViewKey(sequence=True)
CALLS = ViewKey(EventMask.parse(b"call") or NONE, sequence=True)
FIRST_TWO = ViewKey(servers=frozenset(SERVERS[:2]), sequence=True)
KEYS = (ALL, CALLS, FIRST_TWO)

Told = tuple[bytes, bytes, int, int, bytes]
"""Server, epoch, first and last number, and the reason of a gap or ``b""`` for one event."""


class Reading:
    """A sink that reads what it is given as a client would, and may do something in the middle of it."""

    def __init__(self, client: int = 1) -> None:
        self.client = client
        self.told: list[Told] = []
        self.raw: list[bytes] = []
        self.spans: list[Span] = []
        self.act: Callable[[], None] | None = None
        self.end = ""

    def offer(self, data: bytes, span: Span | None) -> None:
        assert span is not None
        self.spans.append(span)
        for raw in data.split(b"\r\n\r\n")[:-1]:
            self.raw.append(raw)
            self.told.append(read(raw))
        act, self.act = self.act, None
        if act is not None:
            act()

    def cut(self, reason: str) -> None:
        self.end = reason

    def numbers(self, server: bytes) -> list[int]:
        return [told[2] for told in self.told if told[0] == server and not told[4]]


def read(raw: bytes) -> Told:
    headers = dict(line.split(b": ", 1) for line in raw.split(b"\r\n"))
    first = last = int(headers.get(b"ProxySeq", b"-1"))
    reason = headers[b"Reason"] if headers[b"Event"] == b"ProxyGap" else b""
    if reason:
        first, last = int(headers.get(b"From", b"-1")), int(headers.get(b"To", b"-1"))
    return headers[b"Server"], headers[b"ProxyEpoch"], first, last, reason


def event(number: int, size: int = 0) -> bytes:
    return b"Event: E%d\r\nPrivilege: %s,all\r\nX: %s" % (number, (b"call", b"user")[number % 2], b"x" * size)


def hub_of(*servers: bytes, max_bytes: int = 1 << 20) -> Hub:
    hub = Hub()
    for server in servers:
        hub.add_server(server, b"e0", Journal(max_bytes))
    return hub


def publish(hub: Hub, server: bytes, count: int = 1, size: int = 0) -> None:
    head = hub.journal(server).head
    hub.broadcast(server, [event(number, size) for number in range(head + 1, head + 1 + count)])


def finish(catchup: Catchup, max_bytes: int = 1 << 20) -> None:
    for _ in range(1000):
        if catchup.feed(max_bytes):
            return
    raise AssertionError("never over")


class ClientsThatComeBack(RuleBasedStateMachine):
    """Whatever happens: each number once and in order, or a gap that names it.

    A client is a list of what it has been told of each server. At the end it has to know of every number
    from the one where it began to the last: the event, if its view shows it, or a gap.
    """

    clients = st.integers(0, 2)
    servers = st.sampled_from(SERVERS)

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub()
        self.epochs = 0
        self.time = 0.0
        for server in SERVERS:
            self.add(server)
        self.sinks = [Reading(number) for number in range(3)]
        self.keys = [KEYS[number] for number in range(3)]
        self.catchups: dict[int, Catchup] = {}
        self.attached: set[int] = set()
        self.stands: list[dict[bytes, Position]] = [{} for _ in range(3)]

    def add(self, server: bytes) -> None:
        self.epochs += 1
        self.hub.add_server(server, b"e%d" % self.epochs, Journal(6 * BATCH_BYTES))

    def sees(self, client: int, server: bytes) -> bool:
        servers = self.keys[client].servers
        return servers is None or server in servers

    @rule(server=servers, count=st.integers(1, 4))
    def publish(self, server: bytes, count: int) -> None:
        publish(self.hub, server, count)

    @rule(server=servers)
    def flood(self, server: bytes) -> None:
        for _ in range(8):
            publish(self.hub, server, 2, size=20)

    @rule()
    def grow_old(self) -> None:
        self.time += 10
        self.hub.expire(self.time, 20)

    @rule(server=servers)
    def begin_another_epoch(self, server: bytes) -> None:
        """As when amp was started again."""
        self.hub.remove_server(server)
        self.add(server)
        for client in self.attached:  # they are told by ServerDown in the shell, and a new run cuts them
            self.hub.detach(self.sinks[client])
        self.attached.clear()

    @rule(client=clients)
    def resume(self, client: int) -> None:
        if client in self.attached or client in self.catchups:
            return
        stands = {server: at for server, at in self.stands[client].items() if self.sees(client, server)}
        self.stands[client] = dict(self.hub.positions(self.keys[client].servers)) | stands
        self.sinks[client] = Reading(client)
        self.catchups[client] = self.hub.resume(self.sinks[client], self.keys[client], stands)

    @precondition(lambda self: self.catchups)
    @rule(data=st.data(), max_bytes=st.sampled_from([1, 100, 1 << 20]))
    def feed(self, data: st.DataObject, max_bytes: int) -> None:
        client = data.draw(st.sampled_from(sorted(self.catchups)))
        if self.catchups[client].feed(max_bytes):
            del self.catchups[client]
            self.attached.add(client)

    @precondition(lambda self: self.catchups)
    @rule(data=st.data(), server=servers)
    def publish_within_the_next_offer(self, data: st.DataObject, server: bytes) -> None:
        client = data.draw(st.sampled_from(sorted(self.catchups)))
        self.sinks[client].act = lambda: publish(self.hub, server)

    @rule(client=clients)
    def disconnect(self, client: int) -> None:
        self.check(client)
        self.hub.detach(self.sinks[client])
        self.catchups.pop(client, None)
        self.attached.discard(client)
        for server, epoch, _, last, reason in self.sinks[client].told:
            if reason == b"new epoch":
                self.stands[client][server] = Position(epoch, 0)
            elif reason == b"unknown server":
                self.stands[client].pop(server, None)
            else:
                self.stands[client][server] = Position(epoch, last)
        self.sinks[client] = Reading(client)

    @invariant()
    def everybody_knows_where_it_stands(self) -> None:
        for client in range(3):
            self.check(client)

    def check(self, client: int) -> None:
        stands = dict(self.stands[client])
        key = self.keys[client]
        for server, epoch, first, last, reason in self.sinks[client].told:
            assert self.sees(client, server)
            if reason == b"unknown server":
                stands.pop(server)
                continue
            if reason == b"new epoch":
                assert server not in stands or stands[server].epoch != epoch
                stands[server] = Position(epoch, 0)
                continue
            at = stands.setdefault(server, Position(epoch, 0))  # it came while the client was on its way
            assert at.epoch == epoch
            self.only_hidden_between(key, at.seq, first)
            stands[server] = Position(epoch, last)
        if client in self.attached:
            for server, journal in self.hub.positions(key.servers).items():
                at = stands.get(server, Position(journal.epoch, 0))
                assert at.epoch == journal.epoch
                self.only_hidden_between(key, at.seq, journal.seq + 1)

    @staticmethod
    def only_hidden_between(key: ViewKey, seq: int, next_seq: int) -> None:
        missing = range(seq + 1, next_seq)
        assert next_seq > seq
        assert all(number % 2 for number in missing) if key == CALLS else not missing


TestClientsThatComeBack = ClientsThatComeBack.TestCase
TestClientsThatComeBack.settings = settings(max_examples=100, stateful_step_count=40)


def test_what_was_missed_then_what_comes() -> None:
    """The plain case: no event twice, none missing, and the counters say so."""
    hub, sink, stats = hub_of(b"pbx1"), Reading(), ClientStats()
    publish(hub, b"pbx1", 10)
    catchup = hub.resume(sink, ALL, {b"pbx1": Position(b"e0", 4)}, stats)
    assert catchup.missed == (Missed(b"pbx1", b"e0", 5, 10, None),)
    publish(hub, b"pbx1", 2)
    assert catchup.feed()
    publish(hub, b"pbx1", 2)
    assert sink.numbers(b"pbx1") == [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    assert [span.first for span in sink.spans] == [5, 13]
    hub.count(sink)
    assert (stats.events_out, hub.resumes.events, hub.resumes.resumed) == (10, 8, 1)
    assert catchup.feed(), "and it stays over"


def test_what_is_lost_while_a_gap_is_told_is_told_as_well() -> None:
    """An offer may make a server publish: a client is cut, another one answers."""
    hub, sink = hub_of(b"pbx1", max_bytes=3 * BATCH_BYTES), Reading()
    catchup = hub.resume(sink, ALL, {b"pbx1": Position(b"e0", 0)}, ClientStats())

    def lose_one() -> None:
        publish(hub, b"pbx1", 1, size=4 * BATCH_BYTES)

    def lose_one_and_keep_one() -> None:
        lose_one()
        publish(hub, b"pbx1")

    lose_one()
    sink.act = lose_one_and_keep_one
    finish(catchup)
    assert [told[2:] for told in sink.told] == [
        (1, 1, b"not in journal"),
        (2, 2, b"not in journal"),
        (3, 3, b""),
    ]

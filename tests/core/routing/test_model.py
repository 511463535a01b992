"""The router against a model: clients, an Asterisk that works in order, links that come and go, and time.

Hypothesis invents what happens; the model checks every command against what must hold whatever happens, and
at the end that nothing is left over.
"""

from __future__ import annotations

import re

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amp.core.ami.ids import ActionIds
from amp.core.router import Router
from amp.core.routing.commands import (
    Announce,
    CloseClient,
    CloseLink,
    Command,
    HoldEvents,
    LinkRole,
    OpenLink,
    PauseClient,
    ReleaseEvents,
    ResumeClient,
    SendToClient,
    SendToLink,
)
from amp.core.routing.events import (
    ClientAction,
    ClientGone,
    LinkFrames,
    LinkLost,
    LinkReady,
    LinkRefused,
    LocalAnswer,
    OwnAnswers,
    RouterEvent,
)
from amp.core.routing.settings import LinksConfig, RouterLimits
from core.routing.playbook import action

EXCLUSIVE = ("Getvar", "Command", "Originate")
ACTIONS = ("Ping", "CoreShowChannels", *EXCLUSIVE)
MAX_SESSIONS = 2
LIMITS = RouterLimits(actions_per_client=5, actions_per_server=12)
FORGOTTEN_S = LIMITS.action_timeout_s + LIMITS.stuck_grace_s - 1
WIRE_ID = re.compile(rb"ActionID: (amp9f3\.(\d+)\.(\d+)-([^\r]*))\r\n")
ANSWER_ID = re.compile(rb"\r\nActionID: (id\d+)\r\n")


@attrs.define
class Work:
    """An action at the Asterisk of the model."""

    wire_id: bytes
    client: int
    name: str
    sent_at: float
    items: int = -1
    """Of a list that has begun: how many items were sent; -1 before."""


@attrs.define
class ModelLink:
    role: LinkRole
    ready: bool = False
    work: list[Work] = attrs.field(factory=list)
    odd: bool = False
    """An action was passed over, of which the router cannot know yet."""


@attrs.define
class ModelClient:
    asked: int = 0
    open: dict[str, str] = attrs.field(factory=dict)
    """ActionID to name of what has no answer yet."""
    paused: bool = False
    closed: bool = False
    expected: list[bytes] = attrs.field(factory=list)
    """For a client without ActionIDs: local answers that must come in this order."""


class RouterModel(RuleBasedStateMachine):
    """Everything that may happen to a router with one server."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.numbers = 0
        self.clients: dict[int, ModelClient] = {}
        self.links: dict[int, ModelLink] = {}
        self.seen_links: set[int] = set()
        self.seen_wire_ids: set[bytes] = set()
        self.last_sent: dict[int, int] = {}
        self.held: set[int] = set()
        self.up = False
        self.fallback = False

    @initialize(sessions=st.sampled_from(["split", "split", "single"]))
    def start(self, sessions: str) -> None:
        config = LinksConfig(name="pbx", max_sessions=MAX_SESSIONS, sessions=sessions)  # type: ignore[arg-type]  # one of the two
        self.router = Router(ActionIds(b"9f3"), {"pbx": config}, "first", LIMITS, lambda: 1.0)
        self.carry_out(self.router.start(self.now))

    def happen(self, event: RouterEvent) -> None:
        self.carry_out(self.router.handle(event, self.now))

    # Commands.

    def carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case OpenLink(_, link, role, delay_s):
                    assert link not in self.seen_links
                    assert delay_s >= 0
                    self.seen_links.add(link)
                    self.links[link] = ModelLink(role)
                    roles = [each.role for each in self.links.values()]
                    assert roles.count(LinkRole.EVENTS) <= 1
                    assert roles.count(LinkRole.ACTIONS) <= MAX_SESSIONS
                case CloseLink(_, link):
                    del self.links[link]
                case SendToLink(_, link, data, _):
                    self.receive(link, data)
                case SendToClient(client, data):
                    self.tell(client, data)
                case HoldEvents(client, _):
                    assert client not in self.held
                    self.held.add(client)
                case ReleaseEvents(client, _):
                    self.held.remove(client)
                case PauseClient(client):
                    assert not self.clients[client].paused
                    self.clients[client].paused = True
                case ResumeClient(client):
                    assert self.clients[client].paused
                    self.clients[client].paused = False
                case CloseClient(client):
                    assert not self.clients[client].open
                    self.clients[client].closed = True
                case Announce(_, up):
                    assert up is not self.up
                    self.up = up

    def receive(self, number: int, data: bytes) -> None:
        """Actions arrive at the Asterisk."""
        link = self.links[number]
        assert link.ready
        for block in data.split(b"\r\n\r\n")[:-1]:
            name = block.split(b"\r\n")[0].removeprefix(b"Action: ").decode()
            found = WIRE_ID.search(block + b"\r\n")
            assert found is not None
            wire_id, client, n = found[1], int(found[2]), int(found[3])
            assert wire_id not in self.seen_wire_ids, "sent twice"
            self.seen_wire_ids.add(wire_id)
            if client:
                assert n > self.last_sent.get(client, 0), "out of the client's order"
                self.last_sent[client] = n
                self.check_company(link, client, name)
                link.work.append(Work(wire_id, client, name, self.now))
            else:
                link.work.append(Work(wire_id, link.work[-1].client, "Fence", self.now))

    def check_company(self, link: ModelLink, client: int, name: str) -> None:
        """An exclusive action has none; a stranger does not come behind an old action."""
        if link.role is LinkRole.EVENTS and link.work and self.now - link.work[0].sent_at > FORGOTTEN_S:
            return  # an event link is not closed for being stuck, but used again
        exclusive = name in EXCLUSIVE or any(work.name in (*EXCLUSIVE, "Fence") for work in link.work)
        strangers = [work for work in link.work if work.client != client]
        assert not (exclusive and strangers)
        if strangers and len(strangers) == len(link.work) and not link.odd:
            assert self.now - link.work[0].sent_at <= 0.05

    def tell(self, number: int, data: bytes) -> None:
        """A client hears something."""
        client = self.clients[number]
        if data in client.expected:
            assert client.expected.pop(0) == data
            return
        if b"\r\nItem: " in data:
            return
        found = ANSWER_ID.search(data)
        assert found is not None, data
        name = client.open[found[1].decode()]
        if b"EventList: start" in data:
            assert name == "CoreShowChannels"
        else:
            del client.open[found[1].decode()]

    # Clients.

    @precondition(lambda self: len(self.clients) < 4)
    @rule()
    def client_comes(self) -> None:
        self.numbers += 1
        self.clients[self.numbers] = ModelClient()

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), name=st.sampled_from(ACTIONS), times=st.integers(1, 3))
    def client_asks(self, data: st.DataObject, name: str, times: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.clients)))
        client = self.clients[number]
        for _ in range(times):
            client.asked += 1
            action_id = f"id{client.asked}"
            client.open[action_id] = name
            self.happen(ClientAction(number, action(name, ActionID=action_id), action_id.encode()))

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def session_answers(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.clients)))
        client = self.clients[number]
        client.asked += 1
        answer = b"local %d\r\n\r\n" % client.asked
        client.expected.append(answer)
        self.happen(LocalAnswer(number, answer))

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def client_goes(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.clients)))
        del self.clients[number]
        self.held.discard(number)
        self.happen(ClientGone(number))

    # Links.

    @precondition(lambda self: any(not link.ready for link in self.links.values()))
    @rule(data=st.data(), fate=st.sampled_from(["ready", "ready", "ready", "refused", "lost"]))
    def link_opens(self, data: st.DataObject, fate: str) -> None:
        opening = [number for number, link in self.links.items() if not link.ready]
        number = data.draw(st.sampled_from(opening))
        if fate == "ready":
            self.links[number].ready = True
            self.happen(LinkReady("pbx", number, "11.0.0"))
        else:
            del self.links[number]
            self.happen((LinkRefused if fate == "refused" else LinkLost)("pbx", number, fate))

    @precondition(lambda self: any(link.ready for link in self.links.values()))
    @rule(data=st.data())
    def link_is_lost(self, data: st.DataObject) -> None:
        ready = [number for number, link in self.links.items() if link.ready]
        number = data.draw(st.sampled_from(ready))
        del self.links[number]
        self.happen(LinkLost("pbx", number, "lost"))

    # The Asterisk.

    @precondition(lambda self: any(link.work for link in self.links.values()))
    @rule(data=st.data(), most=st.integers(1, 4))
    def asterisk_works(self, data: st.DataObject, most: int) -> None:
        """Some steps on one link: answers, list items, stray frames, now and then no answer at all."""
        number = data.draw(st.sampled_from([key for key, link in self.links.items() if link.work]))
        link = self.links[number]
        frames: list[bytes] = []
        for _ in range(most):
            if link.work:
                how = data.draw(st.sampled_from(["answer", "answer", "answer", "answer", "stray", "nothing"]))
                frames += self.step(link, how)
        if link.role is LinkRole.EVENTS:
            self.happen(OwnAnswers("pbx", frames))
        else:
            self.happen(LinkFrames("pbx", number, frames))

    def step(self, link: ModelLink, how: str) -> list[bytes]:
        work = link.work[0]
        if how == "stray":
            return [b"rest of a value\r\nItem: x"]
        if work.name == "CoreShowChannels" and how == "answer":
            return [self.list_step(link, work)]
        del link.work[0]
        link.odd = link.odd or how == "nothing"
        return [b"Response: Success\r\nActionID: %s" % work.wire_id] if how == "answer" else []

    def list_step(self, link: ModelLink, work: Work) -> bytes:
        work.items += 1
        if work.items == 0:
            return b"Response: Success\r\nActionID: %s\r\nEventList: start" % work.wire_id
        if work.items < 3:
            return b"Event: CoreShowChannel\r\nActionID: %s\r\nItem: %d" % (work.wire_id, work.items)
        del link.work[0]
        return b"Event: XComplete\r\nActionID: %s\r\nEventList: Complete" % work.wire_id

    # Time.

    @rule(seconds=st.sampled_from([0.001, 0.04, 0.06, 0.3, 5.0, 31.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.let_pass(seconds)

    def let_pass(self, seconds: float) -> None:
        end = self.now + seconds
        while (deadline := self.router.next_deadline()) <= end:
            self.now = max(self.now, deadline)
            self.carry_out(self.router.handle_timeout(self.now))
            assert self.router.next_deadline() > self.now, "it would spin"
        self.now = end

    # What always holds.

    @invariant()
    def only_who_asked_is_held(self) -> None:
        for number in self.held:
            assert self.clients[number].open

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """Every open action is sent or waits, and none of them while the server is down."""
        unanswered = sum(len(client.open) for client in self.clients.values())
        if not self.up:
            assert unanswered == 0

    def teardown(self) -> None:
        """With an Asterisk that says nothing more, everything still ends; and then nothing is left."""
        if not hasattr(self, "router"):
            return
        self.let_pass(2000.0)
        assert not any(client.open or client.expected or client.paused for client in self.clients.values())
        assert not self.held
        for server in self.router._servers.values():
            assert server.load == 0
            assert not server.lanes
            assert not server.queue
        for link in self.router.status(self.now)[0].links:
            assert link.in_flight == 0


TestRouter = RouterModel.TestCase
TestRouter.settings = settings(stateful_step_count=40)

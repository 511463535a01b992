"""Merged answers against a model: servers that work, fail, say too little and too late, and come and go.

Whatever happens, a client hears of each server once and in one piece, then one closing frame that counts
right, in time, and nothing of that action behind it.
"""

from __future__ import annotations

import re

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from amp.core.ami.ids import ActionIds
from amp.core.router import Router
from amp.core.routing.commands import (
    CloseLink,
    Command,
    LinkRole,
    OpenLink,
    PauseClient,
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
    LocalAnswer,
    RouterEvent,
)
from amp.core.routing.settings import LinksConfig, RouterLimits
from core.routing.playbook import action

NAMES = ("a", "b", "c")
BY_AMP = (
    b"Response: Error\r\nMessage: Not sent",
    b"Response: Error\r\nMessage: Outcome",
    b"Event: ProxyListError",
)
LIMITS = RouterLimits(actions_per_client=6, actions_per_server=8)
WIRE_ID = re.compile(rb"ActionID: (amp9f3\.(\d+)\.\d+-([^\r]*))\r\n")
MARK = re.compile(rb"\r\nMark: \d+")
COUNTS = re.compile(
    rb"Event: ProxyFanoutComplete\r\n(?:ActionID: (id\d+)\r\n)?EventList: Complete\r\n"
    rb"Servers: (\d+)\r\nAnswers: (\d+)\r\nErrors: (\d+)\r\nMissing: (\d+)\r\n(?:MissingServers: (.*)\r\n)?$"
)


@attrs.define
class Work:
    """``mark`` is a header that the client gave and every frame of the answer repeats."""

    wire_id: bytes
    name: str
    mark: bytes
    items: int = 0


@attrs.define
class ModelLink:
    server: str
    role: LinkRole
    ready: bool = False
    work: list[Work] = attrs.field(factory=list)


@attrs.define
class Merged:
    """A merged answer on its way: what its client has heard."""

    asked_at: float
    servers: set[str]
    ended: list[str] = attrs.field(factory=list)
    """Servers whose answer was begun, in order: in one piece, so each once."""
    by_server: dict[str, list[bytes]] = attrs.field(factory=dict)


@attrs.define
class ModelClient:
    """With ActionIDs, ``open`` is by these; without, ``turns`` is what it waits for, in order.

    A turn is a merged answer, an answer of its session, or the mark that one server's answer must have.
    """

    numbered: bool
    asked: int = 0
    paused: bool = False
    open: dict[str, Merged | None] = attrs.field(factory=dict)
    turns: list[Merged | bytes | int] = attrs.field(factory=list)


class FanoutModel(RuleBasedStateMachine):
    """Clients of both kinds, three servers."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.clients: dict[int, ModelClient] = {}
        self.numbers = 0
        self.links: dict[int, ModelLink] = {}
        self.dropped: set[str] = set()

    @initialize()
    def start(self) -> None:
        configs = {name: LinksConfig(name=name, max_sessions=2) for name in NAMES}
        self.router = Router(ActionIds(b"9f3"), configs, "first", LIMITS, lambda: 1.0)
        self.carry_out(self.router.start(self.now))
        self.everything_opens()

    def happen(self, event: RouterEvent) -> None:
        self.carry_out(self.router.handle(event, self.now))

    def carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case OpenLink(server, link, role):
                    self.links[link] = ModelLink(server, role)
                case CloseLink(_, link):
                    del self.links[link]
                case SendToLink(_, link, data):
                    for block in data.split(b"\r\n\r\n")[:-1]:
                        found = WIRE_ID.search(block + b"\r\n")
                        assert found is not None
                        name = block.split(b"\r\n")[0].removeprefix(b"Action: ").decode()
                        mark = MARK.search(block)
                        self.links[link].work.append(Work(found[1], name, mark[0] if mark else b""))
                case SendToClient(client, data):
                    for block in data.split(b"\r\n\r\n")[:-1]:
                        self.hear(self.clients[client], block + b"\r\n")
                case PauseClient(client):
                    assert not self.clients[client].paused
                    self.clients[client].paused = True
                case ResumeClient(client):
                    assert self.clients[client].paused
                    self.clients[client].paused = False

    # What clients hear.

    def hear(self, client: ModelClient, block: bytes) -> None:
        if client.numbered:
            self.hear_numbered(client, block)
        else:
            self.hear_in_turn(client, block)

    def hear_numbered(self, client: ModelClient, block: bytes) -> None:
        found = re.search(rb"\r\nActionID: (id\d+)\r\n", block)
        assert found is not None
        action_id = found[1].decode()
        merged = client.open[action_id]  # or it was closed before
        if merged is None:
            if is_last(block):
                del client.open[action_id]
        elif block.startswith(b"Event: ProxyFanoutComplete"):
            self.check_closing(merged, block)
            del client.open[action_id]
        else:
            self.hear_part(merged, block)

    def hear_in_turn(self, client: ModelClient, block: bytes) -> None:
        turn = client.turns[0]
        if isinstance(turn, bytes):
            assert block == turn
            del client.turns[0]
        elif isinstance(turn, Merged):
            if block.startswith(b"Event: ProxyFanoutComplete"):
                self.check_closing(turn, block)
                del client.turns[0]
            else:
                self.hear_part(turn, block)
        else:
            assert b"\r\nMark: %d\r\n" % turn in block or block.startswith(BY_AMP), "another one's"
            if is_last(block):
                del client.turns[0]

    def hear_part(self, merged: Merged, block: bytes) -> None:
        server = block.rpartition(b"\r\nServer: ")[2].strip().decode()
        assert server in merged.servers
        if server not in merged.by_server:
            merged.ended.append(server)
        assert merged.ended[-1] == server, "in pieces"
        frames = merged.by_server.setdefault(server, [])
        assert not (frames and is_last(frames[-1])), "more than its answer"
        frames.append(block)

    def check_closing(self, merged: Merged, block: bytes) -> None:
        found = COUNTS.match(block)
        assert found is not None, block
        last = {name: frames[-1] for name, frames in merged.by_server.items()}
        assert last.keys() == merged.servers
        assert all(is_last(each) for each in last.values())
        missing = [name for name in merged.ended if b"Not sent" in last[name] or b"Outcome" in last[name]]
        errors = [name for name in last if b"Message: no" in last[name]]
        answers = len(last) - len(missing) - len(errors)
        assert list(map(int, found.groups()[1:5])) == [len(last), answers, len(errors), len(missing)]
        assert (found[6].decode().split(", ") if found[6] else []) == missing
        if found[1] is not None:
            assert self.now <= merged.asked_at + LIMITS.fanout_timeout_s

    # Clients.

    @precondition(lambda self: len(self.clients) < 3)
    @rule(numbered=st.booleans())
    def client_comes(self, numbered: bool) -> None:
        self.numbers += 1
        self.clients[self.numbers] = ModelClient(numbered)

    def is_free(self) -> list[int]:
        return [number for number, client in self.clients.items() if not client.paused]

    @precondition(lambda self: self.is_free())
    @rule(
        data=st.data(),
        name=st.sampled_from(["Ping", "CoreShowChannels", "Getvar"]),
        server=st.sampled_from(["*", "*", "a,b", "[bc]", "b", "c", "b,nix,b"]),
    )
    def client_asks(self, data: st.DataObject, name: str, server: str) -> None:
        number = data.draw(st.sampled_from(self.is_free()))
        client = self.clients[number]
        client.asked += 1
        merged = None
        if len(server) > 1 or server == "*":
            named = {"*": set(NAMES) - self.dropped, "a,b": {"a", "b"}, "[bc]": {"b", "c"} - self.dropped}
            merged = Merged(self.now, named.get(server, {"b", "nix"}) or {server})
        if client.numbered:
            action_id = f"id{client.asked}"
            client.open[action_id] = merged
            asked = action(name, ActionID=action_id, Server=server)
        else:
            client.turns.append(merged or client.asked)
            # Single ones all to b: answers of different servers have no order among each other.
            asked = action(name, Server="b" if merged is None else server, Mark=str(client.asked))
        self.happen(ClientAction(number, asked, asked.get(b"ActionID"), None, (), True))

    @precondition(lambda self: any(not self.clients[each].numbered for each in self.is_free()))
    @rule(data=st.data())
    def session_answers(self, data: st.DataObject) -> None:
        number = data.draw(
            st.sampled_from([each for each in self.is_free() if not self.clients[each].numbered])
        )
        client = self.clients[number]
        client.asked += 1
        answer = b"Local: %d\r\n" % client.asked
        client.turns.append(answer)
        self.happen(LocalAnswer(number, answer + b"\r\n"))

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def client_goes(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.clients)))
        del self.clients[number]
        self.happen(ClientGone(number))

    # Servers.

    @rule()
    def everything_opens(self) -> None:
        while opening := [number for number, link in self.links.items() if not link.ready]:
            self.links[opening[0]].ready = True
            self.happen(LinkReady(self.links[opening[0]].server, opening[0], "11.0.0"))

    @precondition(lambda self: self.links)
    @rule(data=st.data())
    def link_is_lost(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.links)))
        self.happen(LinkLost(self.links.pop(number).server, number, "lost"))

    @precondition(lambda self: not self.dropped)
    @rule()
    def server_is_dropped(self) -> None:
        self.dropped.add("a")
        self.carry_out(self.router.drop_server("a"))

    @precondition(lambda self: self.dropped)
    @rule()
    def server_is_added(self) -> None:
        self.dropped.clear()
        self.carry_out(self.router.add_server(LinksConfig(name="a", max_sessions=2), self.now))

    @precondition(lambda self: any(link.work for link in self.links.values()))
    @rule(data=st.data(), most=st.integers(1, 4))
    def asterisk_works(self, data: st.DataObject, most: int) -> None:
        number = data.draw(st.sampled_from([key for key, link in self.links.items() if link.work]))
        link = self.links[number]
        frames: list[bytes] = []
        for _ in range(most):
            if link.work:
                how = data.draw(st.sampled_from(["answer", "answer", "answer", "error", "nothing"]))
                frames += step(link, how)
        self.happen(LinkFrames(link.server, number, frames))

    # Time.

    @rule(seconds=st.sampled_from([0.01, 0.3, 4.0, 11.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        end = self.now + seconds
        while (deadline := self.router.next_deadline()) <= end:
            self.now = max(self.now, deadline)
            self.carry_out(self.router.handle_timeout(self.now))
            assert self.router.next_deadline() > self.now, "it would spin"
        self.now = end
        for client in self.clients.values():
            for merged in client.open.values():
                assert merged is None or self.now < merged.asked_at + LIMITS.fanout_timeout_s

    def teardown(self) -> None:
        """With servers that say nothing more, everything still ends, and nothing is left."""
        if not hasattr(self, "router"):
            return
        self.time_passes(2000.0)
        for client in self.clients.values():
            assert not client.open
            assert not client.turns
            assert not client.paused
        assert not self.router._endings.fanouts
        for known in self.router._endings.clients.values():
            assert (known.kept_bytes, known.serial, known.unanswered) == (0, None, {})
        for server in self.router._servers.values():
            assert (server.load, server.lanes, server.queue) == (0, {}, {})


def is_last(block: bytes) -> bool:
    """Is this the last frame of one server's answer?"""
    return b"EventList: start" not in block and b"\r\nItem: " not in block


def step(link: ModelLink, how: str) -> list[bytes]:
    """What an Asterisk says next on a link."""
    work = link.work[0]
    tag = b"ActionID: %s%s" % (work.wire_id, work.mark)
    if work.name == "CoreShowChannels" and how == "answer" and work.items < 3:
        work.items += 1
        if work.items == 1:
            return [b"Response: Success\r\n%s\r\nEventList: start" % tag]
        if work.items == 2:
            return [b"Event: CoreShowChannel\r\n%s\r\nItem: 1" % tag]
        del link.work[0]
        return [b"Event: XComplete\r\n%s\r\nEventList: Complete" % tag]
    if work.items:
        return []  # a list that has begun ends well or never
    del link.work[0]
    if how == "nothing":
        return []
    kind = b"Error\r\nMessage: no" if how == "error" else b"Success"
    return [b"Response: %s\r\n%s" % (kind, tag)]


TestFanouts = FanoutModel.TestCase
TestFanouts.settings = settings(stateful_step_count=40)

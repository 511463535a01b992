"""A look at once: what it sees, when it is not taken, and whom it ends when something is wrong."""

from __future__ import annotations

import os
import select
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from amp.core.ami.upstream import UpstreamConnection
from amp.core.fanout.events import Frames
from amp.core.routing.commands import LinkRole, OpenLink
from amp.shell.client import QUICK, Client
from amp.shell.glance import Glances
from amp.shell.link import Link, LinkSettings
from amp.shell.outlet import OutletLimits
from amp.shell.reach import Reach
from amp.shell.switchboard import Switchboard
from amp.shell.wire import PlainWire
from shell.harness import PATIENCE_S, lab

FRAME = b"Event: Something\r\nPrivilege: system,all"
BAD_FRAME = b"Event: Bug"


@attrs.define
class Owner:
    """Hears what a link does; one kind of frame touches a bug off."""

    frames: list[bytes] = attrs.field(factory=list)
    ready: trio.Event = attrs.field(factory=trio.Event)
    ended: trio.Event = attrs.field(factory=trio.Event)
    more: trio.Event = attrs.field(factory=trio.Event)
    reason: str = ""
    heavy: bool = False

    def link_connected(self, link: Link) -> None:
        """Nothing to do."""

    def link_ready(self, link: Link, version: str) -> None:
        """The login was accepted."""
        self.ready.set()

    def link_frames(self, link: Link, frames: Frames) -> None:
        """Frames of one read."""
        if BAD_FRAME in frames:
            raise RuntimeError("a bug")
        self.frames += frames
        self.more.set()

    def link_ended(self, link: Link, reason: str, *, refused: bool) -> None:
        """The link is over."""
        self.reason = reason
        self.ended.set()

    def is_heavy(self) -> bool:
        """Whether some client has a backlog."""
        return self.heavy

    async def make_way(self) -> None:
        """Let others go on."""
        await trio.lowlevel.checkpoint()


@attrs.define
class Scene:
    """A link that is signed in, and the server's end of its socket, which writes at once."""

    link: Link
    owner: Owner
    server: socket.socket
    bugs: list[Exception] = attrs.field(factory=list)

    def arrived(self) -> None:
        """Wait till the link's socket has something, and let nobody read it meanwhile."""
        assert self.link._wire is not None
        assert select.select([self.link._wire.sock.fileno()], [], [], PATIENCE_S)[0]


async def run_link(scene: Scene) -> None:
    try:
        await scene.link.run()
    except RuntimeError as error:
        scene.bugs.append(error)
        scene.owner.ended.set()


async def answer_login(server: trio.socket.SocketType) -> None:
    """Greeting, Challenge and Login, as a server has them."""
    await server.send(b"Asterisk Call Manager/11.0.0\r\n")
    for rest in (b"Challenge: 840415273", b"Message: Authentication accepted"):
        asked = b""
        while not asked.endswith(b"\r\n\r\n"):
            asked += await server.recv(1000)
        action_id = asked.partition(b"ActionID: ")[2].partition(b"\r\n")[0]
        await server.send(b"Response: Success\r\nActionID: %s\r\n%s\r\n\r\n" % (action_id, rest))


@asynccontextmanager
async def scene(max_frame_bytes: int = 1000) -> AsyncIterator[Scene]:
    """A real link on a real socket."""
    listener = trio.socket.socket()
    await listener.bind(("127.0.0.1", 0))
    listener.listen()

    def connection(_command: OpenLink, now: float) -> UpstreamConnection:
        return UpstreamConnection(
            username="amp", secret="s", own_prefix=b"own.", max_frame_bytes=max_frame_bytes, now=now
        )

    reach = Reach(hosts=("127.0.0.1",), port=listener.getsockname()[1], timeout_s=PATIENCE_S)
    settings = LinkSettings(reach=reach, connection=connection, limits=OutletLimits())
    owner = Owner()
    link = Link(OpenLink("pbx1", 1, LinkRole.ACTIONS, 0.0), settings, owner)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE_S):
            one = Scene(link, owner, socket.socket())
            nursery.start_soon(run_link, one)
            server, _ = await listener.accept()
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await answer_login(server)
            await owner.ready.wait()
        one.server.close()
        one.server = socket.socket(fileno=server.detach())
        try:
            yield one
        finally:
            link.close()
            one.server.close()
            listener.close()


async def test_who_asks_without_a_break_is_answered_and_gives_others_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every question is there as soon as amp has acted on the one before, and every answer comes once."""
    many, turns = 12, 0
    async with lab("a") as one, trio.open_nursery() as nursery:
        quick = await one.client(events="off")
        sock = quick.stream.socket
        asked: list[int] = []

        def ask(_board: Switchboard, _client: Client) -> bool:
            asked.append(turns)
            if len(asked) < many:
                action = b"Action: Ping\r\nServer: a\r\nActionID: %d\r\n\r\n" % len(asked)
                assert os.write(sock.fileno(), action) == len(action)
            return True

        async def count_turns() -> None:
            nonlocal turns
            while len(asked) < many:
                turns += 1
                await trio.lowlevel.checkpoint()

        monkeypatch.setattr(Switchboard, "asked", ask)
        nursery.start_soon(count_turns)
        await quick.action("Ping", ("Server", "a"), ("ActionID", "0"))
        for number in range(many):
            assert (await quick.frame()).get(b"ActionID") == b"%d" % number
        # Who is last in one turn of the loop may be first in the next.
        assert max(Counter(asked).values()) <= 2 * QUICK


def pair() -> tuple[PlainWire, socket.socket]:
    near, far = socket.socketpair()
    return PlainWire(trio.socket.from_stdlib_socket(near)), far


async def test_each_look_in_vain_doubles_the_pause_and_one_that_saw_something_ends_it() -> None:
    """Nothing is lost meanwhile: what came lies in the socket."""
    wire, far = pair()
    glances = Glances()
    with far:
        assert glances.look(wire) is None
        far.send(b"a")
        assert [glances.look(wire) for _ in range(2)] == [None, b"a"]
        assert [glances.look(wire) for _ in range(3)] == [None, None, None]  # looked, paused, looked
        far.send(b"b")
        assert [glances.look(wire) for _ in range(4)] == [None, None, None, b"b"]
        far.send(b"c")
        assert glances.look(wire) == b"c"
    assert glances.look(wire) == b""
    wire.close()


async def test_a_glance_hands_on_what_lies_in_the_socket_and_the_reader_what_comes_later() -> None:
    """In order, each once."""
    async with scene() as one:
        one.server.send(FRAME + b"1\r\n\r\n" + FRAME)
        one.arrived()
        assert one.link.glance()
        assert one.owner.frames == [FRAME + b"1"]
        one.server.send(b"2\r\n\r\n")
        one.owner.more = trio.Event()
        with trio.fail_after(PATIENCE_S):
            await one.owner.more.wait()
        assert one.owner.frames == [FRAME + b"1", FRAME + b"2"]


async def test_no_glance_while_a_client_is_behind_or_the_link_is_over() -> None:
    """The reader would make way, too."""
    async with scene() as one:
        one.owner.heavy = True
        one.server.send(FRAME + b"\r\n\r\n")
        one.arrived()
        assert not one.link.glance()
        one.owner.heavy = False
        assert one.link.glance()
        one.server.close()
        with trio.fail_after(PATIENCE_S):
            await one.owner.ended.wait()
        assert not one.link.glance()


@pytest.mark.parametrize("before", [b"", FRAME + b"\r\n\r\n", FRAME])
async def test_the_end_behind_a_glance_is_seen_by_the_reader(before: bytes) -> None:
    """With the reason that it always has."""
    async with scene() as one:
        if before:
            one.server.send(before)
        one.server.close()
        one.arrived()
        assert one.link.glance() is bool(before)
        with trio.fail_after(PATIENCE_S):
            await one.owner.ended.wait()
        assert one.owner.reason == "closed by the server"
        assert len(one.owner.frames) == before.endswith(b"\r\n\r\n")


async def test_a_broken_protocol_seen_in_a_glance_ends_the_link_with_its_reason() -> None:
    """Whoever asked goes on."""
    async with scene(max_frame_bytes=200) as one:
        one.server.send(b"x" * 300)
        one.arrived()
        assert not one.link.glance()
        with trio.fail_after(PATIENCE_S):
            await one.owner.ended.wait()
        assert one.owner.reason.startswith("expected a frame of at most 200 bytes")


async def test_a_bug_touched_off_in_a_glance_is_the_links() -> None:
    """It comes out of the link's own task, not at who asked."""
    async with scene() as one:
        one.server.send(BAD_FRAME + b"\r\n\r\n")
        one.arrived()
        assert not one.link.glance()
        with trio.fail_after(PATIENCE_S):
            await one.owner.ended.wait()
        assert [str(bug) for bug in one.bugs] == ["a bug"]

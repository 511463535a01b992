"""A router in a test: events in, and every command that comes out must be expected.

>>> with Playbook() as play:  # leaving it with unclaimed commands fails
...     play.bring_up()
...     play.ask(1, "Ping", ActionID="7")
...     play.expect(HoldEvents(1, "pbx"), SendToLink("pbx", 2, ...))
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

import attrs

from amp.core.ami.frame import Frame, encode
from amp.core.ami.ids import ActionIds
from amp.core.router import Router
from amp.core.routing.commands import Announce, Command, LinkRole, OpenLink, SendToClient, SendToLink
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

EVENTS, ACTIONS = LinkRole.EVENTS, LinkRole.ACTIONS
VERSION = "11.0.0"
PBX = LinksConfig(name="pbx", hosts=("192.0.2.1",))
SINGLE = LinksConfig(name="pbx", hosts=("192.0.2.1",), sessions="single")
NO_HOLD = RouterLimits(order_hold_s=0)


def action(name: str, **headers: str) -> Frame:
    """An action as a client's reader gives it."""
    raw = encode(Frame.of(("Action", name), *headers.items()))
    return Frame.parse(raw.removesuffix(b"\r\n"))


def wire(name: str, wire_id: str, **headers: str) -> bytes:
    """The same as it must go out to Asterisk."""
    return encode(Frame.of(("Action", name), ("ActionID", wire_id), *headers.items()))


def raw(*headers: tuple[str, str]) -> bytes:
    """A frame from Asterisk as the cutter gives it."""
    return encode(Frame.of(*headers)).removesuffix(b"\r\n\r\n")


def frame(*headers: tuple[str, str]) -> bytes:
    """A whole frame as a client gets it."""
    return encode(Frame.of(*headers))


class Playbook:
    """A router, its time, and the commands that nobody claimed yet."""

    def __init__(
        self,
        *servers: LinksConfig,
        default: str = "first",
        limits: RouterLimits = NO_HOLD,
    ) -> None:
        configs = {server.name: server for server in servers or (PBX,)}
        self.router = Router(ActionIds(b"9f3"), configs, default, limits, lambda: 1.0)
        self.now = 0.0
        self.unclaimed: list[Command] = []

    def __enter__(self) -> Self:
        self.unclaimed = self.router.start(self.now)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            assert self.unclaimed == []

    def event(self, event: RouterEvent) -> None:
        """Something happens; nothing before it may be unclaimed."""
        assert self.unclaimed == []
        self.unclaimed = self.router.handle(event, self.now)

    def expect(self, *commands: Command) -> None:
        """All that came of it, in order."""
        assert self.ignore() == list(commands)

    def ignore(self) -> list[Command]:
        """Whatever came of it; how long a link may be silent is left out, one test looks at that."""
        claimed, self.unclaimed = self.unclaimed, []
        return [
            attrs.evolve(each, silent_until=0) if isinstance(each, SendToLink) else each for each in claimed
        ]

    # Servers.

    def bring_up(self, server: str = "pbx", events: int = 1, actions: int = 2) -> None:
        """Both links are signed in."""
        self.expect(OpenLink(server, events, EVENTS, 0.0))
        self.event(LinkReady(server, events, VERSION))
        self.expect(OpenLink(server, actions, ACTIONS, 0.0))
        self.event(LinkReady(server, actions, VERSION))
        self.expect(Announce(server, True, "", VERSION))

    def bring_up_single(self) -> None:
        """The one link is signed in."""
        self.expect(OpenLink("pbx", 1, EVENTS, 0.0))
        self.event(LinkReady("pbx", 1, VERSION))
        self.expect(Announce("pbx", True, "", VERSION))

    def ready(self, link: int, server: str = "pbx") -> None:
        self.event(LinkReady(server, link, VERSION))

    def lost(self, link: int, reason: str = "closed by server", server: str = "pbx") -> None:
        self.event(LinkLost(server, link, reason))

    def refused(self, link: int, reason: str = "Authentication failed", server: str = "pbx") -> None:
        self.event(LinkRefused(server, link, reason))

    def frames(self, link: int, *frames: bytes, server: str = "pbx") -> None:
        self.event(LinkFrames(server, link, list(frames)))

    def own_answers(self, *frames: bytes, server: str = "pbx") -> None:
        self.event(OwnAnswers(server, list(frames)))

    # Clients.

    def ask(
        self,
        client: int,
        name: str,
        *,
        pin: str | None = None,
        also: tuple[str, ...] = (),
        fanout: bool = False,
        **headers: str,
    ) -> None:
        """A client's action; further keywords are its headers."""
        parsed = action(name, **headers)
        self.event(ClientAction(client, parsed, parsed.get(b"ActionID"), pin, also, fanout))

    def ask_ignored(self, client: int, name: str, **headers: str) -> None:
        """The same, when what comes of it is looked at elsewhere (and of what came before)."""
        self.ignore()
        self.ask(client, name, pin=None, also=(), fanout=False, **headers)
        self.ignore()

    def answer_locally(self, client: int, data: bytes, *, closes: bool = False) -> None:
        self.event(LocalAnswer(client, data, closes))

    def gone(self, client: int) -> None:
        self.event(ClientGone(client))

    # Time.

    def at(self, now: float) -> None:
        """Time passes; `handle_timeout` is called whenever the router asked for it, and may not spin."""
        assert self.unclaimed == []
        assert now >= self.now
        for _ in range(1000):
            deadline = self.router.next_deadline()
            if deadline > now:
                break
            self.now = max(self.now, deadline)
            self.unclaimed += self.router.handle_timeout(self.now)
            assert self.router.next_deadline() > self.now, "it would spin"
        self.now = now

    # What is expected again and again.

    def expect_sent(self, link: int, data: bytes, server: str = "pbx") -> None:
        self.expect(SendToLink(server, link, data))

    def expect_told(self, client: int, *headers: tuple[str, str]) -> None:
        """One frame for a client; ``Server: pbx`` is its last header."""
        self.expect(SendToClient(client, frame(*headers, ("Server", "pbx"))))

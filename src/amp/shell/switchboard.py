"""Where links, clients, router and hub meet: carries out what the pure parts decide.

Every method but the two task bodies is synchronous: between an event and the last of its commands there
is no await, and trio switches tasks only there. So no state here needs a lock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from typing import Final

import trio

from amp.core.ami.frame import Frame
from amp.core.ami.ids import ActionIds
from amp.core.ami.pin import Pin
from amp.core.ami.replies import proxy_reply
from amp.core.ami.session_events import ResumeAsked
from amp.core.fanout.batch import ALL_BARE, Asker, Span
from amp.core.fanout.catchup import Catchup
from amp.core.fanout.events import Frames
from amp.core.fanout.gap import Gap, Reason, server_lost
from amp.core.fanout.hub import Hub
from amp.core.fanout.intake import AskerBroadcast, Broadcasts, Intake, OwnAnswer, asker_of
from amp.core.proxy_actions.changes import ServerChange
from amp.core.proxy_actions.resume import resumed_headers
from amp.core.proxy_actions.world import ClientSeen, World
from amp.core.router import Router
from amp.core.routing import commands as do
from amp.core.routing import events as on
from amp.core.routing.settings import LinksConfig
from amp.core.stats import ClientTotals
from amp.shell.catching_up import catch_up
from amp.shell.client import Client
from amp.shell.client_totals import totals_of
from amp.shell.crowd import Crowd
from amp.shell.inner import InnerClient
from amp.shell.link import Link
from amp.shell.log import get_logger
from amp.shell.server_side import ServerSide
from amp.shell.sniffer_desk import SnifferDesk

__all__ = ["Switchboard"]


ChangeServers = Callable[[Client, ServerChange, bytes | None], None]

FEW: Final = 4
"""Shorter lists of commands are not worth a look for answers that could be joined."""


class Switchboard:
    """The synchronous hands of router and hub.

    Args:
        router: decides about actions and links.
        hub: decides who gets which bytes of the events.
        servers: by name; the same that router and hub know. Nobody but `add_server` and `drop_server`
            changes it afterwards.
        ids: how our ActionIDs look.
        nursery: where the links' tasks live.
    """

    def __init__(
        self, router: Router, hub: Hub, servers: dict[str, ServerSide], ids: ActionIds,
        nursery: trio.Nursery,
    ) -> None:  # fmt: skip
        self.router = router
        self.hub = hub
        self.servers = servers
        self.crowd = Crowd()
        self.desk: SnifferDesk | None = None
        """Takes SnifferCommands; set before the first client comes."""
        self.change_servers: ChangeServers | None = None
        """Lets servers come and go; set before the first client comes, too."""
        self.clients: dict[int, Client] = {}
        self.gone: dict[str, ClientTotals] = {}
        """What clients that are gone have counted, by protocol."""
        self.links: dict[int, Link] = {}
        self._ids = ids
        self._nursery = nursery
        self._clock = trio.lowlevel.current_clock().current_time
        self._armed = math.inf
        self._asked: Link | None = None
        self._last_asker = 0
        self._rearm = trio.Event()
        self._left = trio.Event()
        self._log = get_logger()
        self._carry_out: dict[type[do.Command], Callable[..., None]] = {
            do.SendToClient: self._send_to_client,
            do.SendToLink: self._send_to_link,
            do.HoldEvents: self._hold_events,
            do.ReleaseEvents: self._release_events,
            do.PauseClient: self._pause_client,
            do.ResumeClient: self._resume_client,
            do.CloseClient: self._close_client,
            do.CountDenial: self._count_denial,
            do.OpenLink: self._open_link,
            do.CloseLink: self._close_link,
            do.Announce: self._announce,
            do.Warn: self._warn,
        }

    # -- the router ----------------------------------------------------------------------------------

    def act(self, event: on.RouterEvent) -> None:
        """Hand an event to the router and carry out what it says."""
        self.carry_out(self.router.handle(event, self._clock()))

    def asked(self, client: Client) -> bool:
        """See `ClientOwner`. Where several ask in turn nobody looks: the others would wait."""
        link, self._asked = self._asked, None
        alone, self._last_asker = self._last_asker == client.number, client.number
        return alone and link is not None and link.glance()

    def carry_out(self, commands: list[do.Command]) -> None:
        """Carry out commands in order, then mind the router's next deadline."""
        for command in commands if len(commands) < FEW else _joined(commands):
            self._carry_out[type(command)](command)
        if self.router.next_deadline() < self._armed:
            self._rearm.set()

    async def mind_deadlines(self) -> None:
        """Tell the router when its time has come; never returns."""
        while True:
            self._rearm = trio.Event()
            self._armed = self.router.next_deadline()
            with trio.move_on_at(self._armed):
                await self._rearm.wait()
            now = trio.current_time()
            if now >= self.router.next_deadline():
                self.carry_out(self.router.handle_timeout(now))

    # -- clients -------------------------------------------------------------------------------------

    def add_client(self, client: Client) -> None:
        """The client is connected."""
        self.clients[client.number] = client

    def remove_client(self, client: Client) -> None:
        """The client is gone: no more events, its actions are nobody's."""
        del self.clients[client.number]
        self._left.set()
        self.hub.detach(client.outlet)
        self.crowd.leave(client.outlet)
        self.act(on.ClientGone(client.number))
        self.gone.setdefault(client.protocol, ClientTotals()).add(totals_of(client))
        client.log_end()

    async def client_left(self) -> None:
        """Wait until some client is gone."""
        if self._left.is_set():
            self._left = trio.Event()
        await self._left.wait()

    def client_subscribed(self, client: Client) -> None:
        """What the client sees changed: put its outlet where its events are."""
        if client.view is not None:
            newcomer = not self.hub.knows(client.outlet)
            self.hub.attach(client.outlet, client.view, client.stats)
            self.crowd.join(client.outlet)
            if newcomer:
                self._tell_what_is_down(client)
        else:
            self.hub.detach(client.outlet)
            self.crowd.leave(client.outlet)
        self._leave_with_server(client)

    def client_resumes(self, client: Client, asked: ResumeAsked) -> None:
        """See `ClientOwner`."""
        assert client.view is not None  # else nothing would be resumed
        positions, action_id = asked
        catchup = self.hub.resume(client.outlet, client.view, positions, client.stats)
        begun = self.hub.positions(client.view.servers)
        others = {name: at for name, at in begun.items() if name not in positions}
        headers = resumed_headers(catchup.missed, others)
        client.reply(proxy_reply(b"Success", action_id, *headers), ordered=action_id is None)
        self.crowd.join(client.outlet)
        self._leave_with_server(client)
        self._nursery.start_soon(self._replay, client, catchup)

    async def _replay(self, client: Client, catchup: Catchup) -> None:
        await catch_up(catchup, client.outlet)
        if catchup.arrived:
            self._tell_what_is_down(client, catchup.positions)

    def _leave_with_server(self, client: Client) -> None:
        server = client.user.leaves_with if client.user else None
        if server is not None and not self.is_up(server):
            client.close_soon(f"server {server} is down")

    def events_dropped(self, client: Client, span: Span, count: int) -> bytes:
        """See `ClientOwner`."""
        if not client.stats.gaps:
            self._log.warning("events_dropped", client=client.number, address=client.address)
        client.stats.gaps += count
        self.hub.resumes.dropped += count
        form = client.view.format if client.view is not None else client.written.name
        return self.hub.write_gap(Gap.of(span, Reason.SLOW), form)

    def sniffer_asked(self, client: Client, frame: Frame, action_id: bytes | None) -> None:
        """See `ClientOwner`."""
        assert self.desk is not None  # the app set it
        self.desk.take(client, frame, action_id)

    def servers_asked(self, client: Client, change: ServerChange, action_id: bytes | None) -> None:
        """See `ClientOwner`."""
        assert self.change_servers is not None  # the app set it
        self.change_servers(client, change, action_id)

    def require(self, pin: Pin | None) -> None:
        """Nothing, if clients with that pin may come now.

        Raises:
            ConnectionError: its server is down, and they would be disconnected for it.
        """
        if pin is not None and pin.on_server_loss == "disconnect" and not self.is_up(pin.server):
            raise ConnectionError(f"server {pin.server} is down")

    def is_up(self, server: str) -> bool:
        """Whether it takes actions; one that was dropped does not. A sniffer has no session to be lost."""
        if server in self.servers:
            return self.servers[server].up
        return self.desk is not None and server in self.desk.sniffers

    def world(self) -> World:
        """What ProxyActions show."""
        clients = [
            ClientSeen(
                client.user.name if client.user else "",
                client.host,
                client.action_id,
                client.formats.input.name,
                client.formats.output.name,
            )
            for client in self.clients.values()
        ]
        statuses = self.router.status(trio.current_time())
        servers = [self.servers[status.name].seen(status) for status in statuses]
        sniffers = self.desk.sniffers.values() if self.desk is not None else ()
        return World(
            tuple(clients),
            tuple(servers),
            tuple(one.seen for one in sniffers),
            self.hub.positions(),
        )

    # -- servers -------------------------------------------------------------------------------------

    def add_server(self, side: ServerSide, config: LinksConfig) -> None:
        """One more server, which the hub knows already."""
        self.servers[side.name] = side
        self.carry_out(self.router.add_server(config, trio.current_time()))

    def drop_server(self, name: str) -> None:
        """Part with a server; if it was up, clients are told that it is down. The hub still knows it."""
        self.carry_out(self.router.drop_server(name))
        del self.servers[name]

    def pause_server(self, name: str) -> None:
        """See `Router.pause`."""
        self.carry_out(self.router.pause(name))

    def reconnect_server(self, name: str, reason: str) -> None:
        """See `Router.reconnect`."""
        self.carry_out(self.router.reconnect(name, reason, trio.current_time()))

    # -- links ---------------------------------------------------------------------------------------

    def link_connected(self, link: Link) -> None:
        """See `LinkOwner`."""
        if link.number not in self.links:  # closed in the very turn in which it was connected
            return
        side = self.servers[link.server]
        side.remember_address(link.local_address)
        if link.role is do.LinkRole.EVENTS:
            side.intake = Intake(side.wire_name, self._ids.prefix, side.stats)
            side.intake.own_addresses = side.own_addresses
        self.act(on.LinkConnected(link.server, link.number))

    def link_ready(self, link: Link, version: str) -> None:
        """See `LinkOwner`."""
        if link.number not in self.links:
            return  # its server was dropped while it signed in
        self._log.debug("link_ready", server=link.server, link=link.number, role=link.role.value)
        self.servers[link.server].stats.links_opened += 1
        self.act(on.LinkReady(link.server, link.number, version))

    def link_frames(self, link: Link, frames: Frames) -> None:
        """See `LinkOwner`."""
        if link.number not in self.links:
            return  # its server may be gone, or another one of that name
        if link.role is do.LinkRole.ACTIONS:
            self.act(on.LinkFrames(link.server, link.number, list(frames)))
        else:
            self._event_frames(self.servers[link.server], frames)

    def link_ended(self, link: Link, reason: str, *, refused: bool) -> None:
        """See `LinkOwner`."""
        self.links.pop(link.number, None)
        self._log.warning(
            "login_refused" if refused else "link_lost",
            server=link.server, link=link.number, role=link.role.value, reason=reason,
        )  # fmt: skip
        self.act((on.LinkRefused if refused else on.LinkLost)(link.server, link.number, reason))

    def is_heavy(self) -> bool:
        """See `LinkOwner`."""
        return bool(self.crowd.heavy)

    async def make_way(self) -> None:
        """See `LinkOwner`."""
        await self.crowd.make_way()

    def _event_frames(self, side: ServerSide, frames: Frames) -> None:
        if side.intake is None:
            return
        for run in side.intake.take(frames):
            match run:
                case Broadcasts(broadcasts, shown):
                    self.hub.broadcast(side.wire_name, broadcasts, None, shown)
                case AskerBroadcast(frame):
                    shown = {0: run.shown} if run.shown else ALL_BARE
                    self.hub.broadcast(side.wire_name, [frame], self._asker(run), shown)
                case OwnAnswer(frame):
                    self.act(on.OwnAnswers(side.name, [frame]))

    def _asker(self, run: AskerBroadcast) -> Asker | None:
        asker = asker_of(run, self._ids)
        client = self.clients.get(asker.client) if asker is not None else None
        if asker is None or not isinstance(client, InnerClient):
            return asker
        original = client.own_action_id(asker.original)
        return asker._replace(original=original) if original else None

    # -- commands ------------------------------------------------------------------------------------

    def _send_to_client(self, command: do.SendToClient) -> None:
        client = self.clients.get(command.client)
        if client is not None:
            client.send(command.data)

    def _send_to_link(self, command: do.SendToLink) -> None:
        link = self.links.get(command.link)
        if link is not None:
            link.send(command.data, command.silent_until)
            self._asked = None if command.silent_until else link

    def _hold_events(self, command: do.HoldEvents) -> None:
        client = self.clients.get(command.client)
        if client is not None:
            client.outlet.hold(command.server.encode())

    def _release_events(self, command: do.ReleaseEvents) -> None:
        client = self.clients.get(command.client)
        if client is not None:
            client.outlet.release(command.server.encode())

    def _pause_client(self, command: do.PauseClient) -> None:
        client = self.clients.get(command.client)
        if client is not None:
            client.pause()

    def _resume_client(self, command: do.ResumeClient) -> None:
        client = self.clients.get(command.client)
        if client is not None:
            client.resume()

    def _close_client(self, command: do.CloseClient) -> None:
        client = self.clients.get(command.client)
        if client is not None:
            client.close_soon("closed")

    def _count_denial(self, command: do.CountDenial) -> None:
        client = self.clients.get(command.client)
        if client is not None:
            client.stats.denials += 1

    def _open_link(self, command: do.OpenLink) -> None:
        link = Link(command, self.servers[command.server].settings, self)
        self.links[command.link] = link
        self._nursery.start_soon(self._run_link, link)

    def _close_link(self, command: do.CloseLink) -> None:
        link = self.links.pop(command.link, None)
        if link is not None:
            link.close()

    def _announce(self, command: do.Announce) -> None:
        side, reach = self.servers[command.server], self.servers[command.server].settings.reach
        side.turn(up=command.up, reason=command.reason)
        if command.up:
            self._log.info("server_up", server=command.server, version=command.version, host=reach.host)
            several = len(reach.hosts) > 1
            host = [("Host", reach.host)] if several else []
            frame = _news(side, "ServerUp", ("Version", command.version), *host)
            if side.was_up:
                self.hub.announce(side.wire_name, server_lost(side.epoch))
            side.was_up = True
        else:
            self._log.error("server_down", server=command.server, reason=command.reason)
            frame = _news(side, "ServerDown", ("Reason", command.reason))
        self.hub.announce(side.wire_name, frame)
        if not command.up:
            self._disconnect_pinned(command.server)

    def _tell_what_is_down(self, client: Client, but: Container[bytes] = ()) -> None:
        """Who comes while a server is down missed its ServerDown, and would wait for events in vain.

        Args:
            but: servers of which the client was told everything already.
        """
        for side in self.servers.values():
            if not side.up and side.wire_name not in but:
                self.hub.tell(
                    client.outlet, side.wire_name, _news(side, "ServerDown", ("Reason", side.reason))
                )

    def _disconnect_pinned(self, server: str) -> None:
        for client in list(self.clients.values()):
            if client.user is not None and client.user.leaves_with == server:
                client.close_soon(f"server {server} lost")

    def _warn(self, command: do.Warn) -> None:
        self._log.error("server_setup", server=command.server, problem=command.text)

    async def _run_link(self, link: Link) -> None:
        """A bug that one server's bytes touch off must not end the others: it is logged and ends the link."""
        try:
            await link.run()
        except Exception:
            self._log.exception("link_failed", server=link.server, link=link.number)
            self.link_ended(link, "internal error", refused=False)


def _news(side: ServerSide, name: str, *headers: tuple[str, str]) -> Frame:
    """An event of amp's own about a server."""
    return Frame.of(("Event", name), ("Privilege", "system,all"), *headers, ("Epoch", side.epoch))


def _joined(commands: list[do.Command]) -> list[do.Command]:
    """Consecutive answers to one client as one: a list takes one write per read, not one per item."""
    joined: list[do.Command] = []
    parts: list[bytes] = []
    client = 0
    for command in commands:
        if isinstance(command, do.SendToClient):
            if parts and command.client != client:
                joined.append(do.SendToClient(client, b"".join(parts)))
                parts.clear()
            client = command.client
            parts.append(command.data)
            continue
        if parts:
            joined.append(do.SendToClient(client, b"".join(parts)))
            parts.clear()
        joined.append(command)
    if parts:
        joined.append(do.SendToClient(client, b"".join(parts)))
    return joined

"""The router: who asked, which server, which link, in which order, until when. Events in, commands out.

It is a plain object: no clock, no socket, no await. The shell tells it what happened
(`amp.core.routing.events`) and does what it says (`amp.core.routing.commands`).

Every action of a client ends exactly once: with the server's answer, or with an error by amp that tells *not
sent* from *outcome unknown*, or with the client. One for several servers ends so at each of them, and then
with its closing frame. Nothing is ever sent twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from amp.core.ami.ids import ActionIds
from amp.core.routing.alarm import Alarm
from amp.core.routing.client import Client
from amp.core.routing.commands import Announce, Command, CountDenial, LinkRole
from amp.core.routing.directory import Choice, Directory
from amp.core.routing.endings import Endings
from amp.core.routing.error_frames import not_sent, paused, plain
from amp.core.routing.events import (
    ClientAction,
    ClientGone,
    LinkConnected,
    LinkFrames,
    LinkLost,
    LinkReady,
    LinkRefused,
    LocalAnswer,
    OwnAnswers,
    RouterEvent,
)
from amp.core.routing.fanouts import NO_RIGHT, Fanouts
from amp.core.routing.hearing import Hearing
from amp.core.routing.link import Link
from amp.core.routing.links import Links
from amp.core.routing.pending import make_pending
from amp.core.routing.server import Server
from amp.core.routing.settings import LinksConfig, RouterLimits
from amp.core.routing.status import ServerStatus, status_of
from amp.core.routing.traits import Traits, traits_of
from amp.core.stats import RoutingStats
from amp.errors import LocalProtocolError

__all__ = ["Router"]

DROPPED = "dropped"
SHUTTING_DOWN = "amp is shutting down"


class Router:
    """Routes actions and answers for all clients and servers.

    Args:
        ids: makes the ActionIDs that are used upstream.
        servers: by name, in the order of the configuration.
        default_server: ``"first"``, ``"none"`` or a name.
        limits: bounds of what may be unanswered.
        jitter: numbers from 0 to 1, to scatter reconnects.

    Call `start` once. Call `handle_timeout` at `next_deadline`, which may change with every call.
    """

    def __init__(
        self,
        ids: ActionIds,
        servers: Mapping[str, LinksConfig],
        default_server: str,
        limits: RouterLimits,
        jitter: Callable[[], float],
    ) -> None:
        self._ids = ids
        self._limits = limits
        self._alarm = Alarm()
        self._jitter = jitter
        self._link_numbers = itertools.count(1)
        self._servers = {name: self._server(config) for name, config in servers.items()}
        self._default_server = default_server
        self._directory = Directory(servers, default_server)
        self._endings = Endings(limits.actions_per_client)
        self._hearing = Hearing(ids, limits, self._endings, self._alarm)
        self._fanouts = Fanouts(ids, limits, self._servers, self._endings, self._alarm)
        self._handlers: dict[type, Callable[[Any, float], list[Command]]] = {
            ClientAction: self._on_client_action,
            LocalAnswer: self._on_local_answer,
            ClientGone: self._on_client_gone,
            LinkConnected: self._on_link_connected,
            LinkReady: self._on_link_ready,
            LinkRefused: self._on_link_refused,
            LinkLost: self._on_link_lost,
            LinkFrames: self._on_link_frames,
            OwnAnswers: self._on_own_answers,
        }

    def start(self, now: float) -> list[Command]:
        """Open the event link of every server."""
        out: list[Command] = []
        for server in self._servers.values():
            server.links.start(now, out)
        return out

    def handle(self, event: RouterEvent, now: float) -> list[Command]:
        """Something happened. ``now`` is monotonic seconds. Returns what is to be done, in order."""
        return self._handlers[type(event)](event, now)

    def next_deadline(self) -> float:
        """When to call `handle_timeout`, in monotonic seconds; infinity for not at all. May be early."""
        return self._alarm.at

    def handle_timeout(self, now: float) -> list[Command]:
        """Time passed. Harmless if called too early or too often."""
        out: list[Command] = []
        if now < self._alarm.at:
            return out
        self._fanouts.handle_timeout(now, out)
        for server in self._servers.values():
            self._let_time_pass(server, now, out)
        self._alarm.clear()
        self._fanouts.set_alarm()
        for server in self._servers.values():
            server.set_alarm(now)
        return out

    def shutdown(self) -> list[Command]:
        """End every action with an error, close every link. Who still asks is told that all is down."""
        out: list[Command] = []
        for server in self._servers.values():
            why = f"{SHUTTING_DOWN}, server {server.name} had not answered"
            self._shut_down(server, SHUTTING_DOWN, why, out)
        self._alarm.clear()
        return out

    def add_server(self, config: LinksConfig, now: float) -> list[Command]:
        """Take in one more server, behind the others. The shell must know it before it carries this out.

        Raises:
            LocalProtocolError: there is a server of that name.
        """
        if config.name in self._servers:
            raise LocalProtocolError(f"there is a server {config.name} already")
        server = self._servers[config.name] = self._server(config)
        self._know_servers()
        out: list[Command] = []
        server.links.start(now, out)
        return out

    def drop_server(self, name: str) -> list[Command]:
        """Part with a server: its links are closed, and its actions end with an error.

        If it was up, `Announce` comes last and tells that it is down, so that clients which are bound to it
        are closed. The shell must know the server till it has carried this out; what it tells of it
        afterwards is ignored.

        Raises:
            LocalProtocolError: there is none of that name.
        """
        server = self._known(name)
        del self._servers[name]
        self._know_servers()
        out: list[Command] = []
        was_up = server.links.up
        self._shut_down(server, f"server {name} was {DROPPED}", f"server {name} was {DROPPED}", out)
        if was_up:
            out.append(Announce(name, False, DROPPED, ""))
        return out

    def pause(self, name: str) -> list[Command]:
        """Send a server no action any more; what waits to be sent ends as not sent, new ones are refused.

        What was sent is answered, and events go on. It lasts till `resume`, however often the server is lost.

        Raises:
            LocalProtocolError: there is no such server.
        """
        out: list[Command] = []
        server = self._known(name)
        server.paused = True
        self._endings.fail_unsent(server, server.unsent(), paused(name), out)
        return out

    def resume(self, name: str) -> None:
        """End `pause`; raises as that does."""
        self._known(name).paused = False

    def reconnect(self, name: str, reason: str, now: float) -> list[Command]:
        """Close a server's links and open them again at once, without the rest of a backoff.

        Args:
            reason: for clients; what was sent ends as outcome unknown with it.

        Raises:
            LocalProtocolError: there is no such server.
        """
        out: list[Command] = []
        server = self._known(name)
        self._after_loss(server, server.links.reconnect(reason, now, out), reason, now, out)
        return out

    def is_unanswered(self, client: int, action_id: bytes) -> bool:
        """Whether anything is still to come for an action of that client with that ActionID."""
        known = self._endings.clients.get(client)
        return known is not None and any(each.original == action_id for each in known.unanswered.values())

    @property
    def limits(self) -> RouterLimits:
        """The bounds of what may be unanswered."""
        return self._limits

    def counters(self, server: str) -> RoutingStats:
        """The counters of a server; the same object for ever."""
        return self._servers[server].counters

    def status(self, now: float) -> list[ServerStatus]:
        """All servers as they are now, in the order of the configuration."""
        return [status_of(server, now) for server in self._servers.values()]

    # Servers.

    def _server(self, config: LinksConfig) -> Server:
        links = Links(config, self._link_numbers, self._jitter, self._alarm)
        return Server(links, self._ids, self._limits, self._alarm)

    def _known(self, name: str) -> Server:
        if (server := self._servers.get(name)) is None:
            raise LocalProtocolError(f"there is no server {name}")
        return server

    def _know_servers(self) -> None:
        configs = {name: server.links.config for name, server in self._servers.items()}
        self._directory = Directory(configs, self._default_server)

    def _shut_down(self, server: Server, unsent: str, unanswered: str, out: list[Command]) -> None:
        for link in server.links.shut_down(unsent, out):
            self._endings.end_link(server, link, unanswered, out)
        self._endings.fail_unsent(server, server.unsent(), unsent, out)

    # Clients.

    def _on_client_action(self, event: ClientAction, now: float) -> list[Command]:
        out: list[Command] = []
        client = self._endings.client(event.client)
        client.n += 1
        original = event.action_id or b""
        traits = traits_of(event.frame)
        choice = self._directory.choose(traits.server, event.pin, event.also)
        if not choice.server:
            self._send_to_several(client, event, traits, choice, now, out)
            return out
        server = self._servers[choice.server]
        if why_not := server.why_not() or self._endings.why_not(client):
            server.counters.not_sent += 1
            self._endings.refuse(client, original, not_sent(why_not), server.name, out)
            return out
        try:
            pending = make_pending(
                self._ids, self._limits, client.number, client.n, original, server.name, traits, event.frame
            )
        except LocalProtocolError as error:
            server.counters.not_sent += 1
            self._endings.refuse(client, original, error.reply_hint, server.name, out)
            return out
        self._endings.begin(client, pending, server, now, out)
        return out

    def _send_to_several(
        self,
        client: Client,
        event: ClientAction,
        traits: Traits,
        choice: Choice,
        now: float,
        out: list[Command],
    ) -> None:
        """The action is for several servers, or there is a reason why it is for none."""
        if refusal := choice.refusal or ("" if event.fanout else NO_RIGHT):
            if choice.denied or not choice.refusal:
                out.append(CountDenial(client.number))
            self._endings.refuse(client, event.action_id or b"", refusal, "", out)
            return
        selection = self._directory.select(traits.server, event.pin, event.also)
        self._fanouts.begin(client, event, traits, selection, now, out)

    def _on_local_answer(self, event: LocalAnswer, _now: float) -> list[Command]:
        out: list[Command] = []
        client = self._endings.client(event.client)
        self._endings.answer_locally(client, event.data, event.closes, out)
        return out

    def _on_client_gone(self, event: ClientGone, now: float) -> list[Command]:
        out: list[Command] = []
        for name in self._endings.forget(event.client):
            self._servers[name].forget_client(event.client)
            self._servers[name].drain(now, out)
        return out

    # Links.

    def _on_link_connected(self, event: LinkConnected, _now: float) -> list[Command]:
        if (server := self._servers.get(event.server)) is not None:
            server.links.connected(event.link)
        return []

    def _on_link_ready(self, event: LinkReady, now: float) -> list[Command]:
        out: list[Command] = []
        if (server := self._servers.get(event.server)) is None:
            return out
        server.links.ready(event.link, plain(event.version), now, out)
        server.links.tell(out)
        server.drain(now, out)
        return out

    def _on_link_refused(self, event: LinkRefused, now: float) -> list[Command]:
        out: list[Command] = []
        if (server := self._servers.get(event.server)) is not None:
            reason = plain(event.reason)
            self._after_loss(server, server.links.refused(event.link, reason, now, out), reason, now, out)
        return out

    def _on_link_lost(self, event: LinkLost, now: float) -> list[Command]:
        out: list[Command] = []
        if (server := self._servers.get(event.server)) is not None:
            reason = plain(event.reason)
            self._after_loss(server, server.links.lost(event.link, reason, now, out), reason, now, out)
        return out

    def _after_loss(
        self, server: Server, ended: list[Link], reason: str, now: float, out: list[Command]
    ) -> None:
        what = "the link to server" if server.links.up else "server"
        for link in ended:
            self._endings.end_link(
                server, link, f"{what} {server.name} was lost before it answered ({reason})", out
            )
        if not server.links.up:
            why = f"server {server.name} was lost ({reason})"
            self._endings.fail_unsent(server, server.unsent(), why, out)
        server.links.tell(out)
        server.drain(now, out)

    def _on_link_frames(self, event: LinkFrames, now: float) -> list[Command]:
        out: list[Command] = []
        if (server := self._servers.get(event.server)) is not None:
            self._hearing.take_all(server, server.links.find(event.link), event.frames, now, out)
        return out

    def _on_own_answers(self, event: OwnAnswers, now: float) -> list[Command]:
        out: list[Command] = []
        if (server := self._servers.get(event.server)) is not None:
            self._hearing.take_all(server, server.links.events, event.frames, now, out)
        return out

    # Time.

    def _let_time_pass(self, server: Server, now: float, out: list[Command]) -> None:
        server.flush_holds(now, out)
        why = f"no link to server {server.name} was free within {self._limits.action_timeout_s:g} s"
        self._endings.fail_unsent(server, server.overdue(now), why, out)
        for link in server.links.all():
            self._let_time_pass_on(server, link, now, out)
        server.links.handle_timeout(now, out)
        server.drain(now, out)

    def _let_time_pass_on(self, server: Server, link: Link, now: float, out: list[Command]) -> None:
        for pending in link.due(now):
            if pending.doubtful:
                self._endings.answered(server, pending, now, out)
            elif not pending.late:
                why = f"no answer from server {server.name} within {pending.timeout_s:g} s"
                until = now + self._limits.stuck_grace_s
                self._endings.be_late(server, pending, why, until, now, out)
            elif link.role is LinkRole.ACTIONS:
                server.links.close_stuck(link, now, out)
                self._endings.end_link(
                    server, link, f"server {server.name} no longer answers on this link", out
                )
                return
            else:
                # The event link must live, and its keepalive tells whether it does.
                server.done(pending, now)

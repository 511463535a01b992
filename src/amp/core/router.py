"""The router: who asked, which server, which link, in which order, until when. Events in, commands out.

It is a plain object: no clock, no socket, no await. The shell tells it what happened
(`amp.core.routing.events`) and does what it says (`amp.core.routing.commands`).

Every action of a client ends exactly once: with the server's answer, or with an error by amp that tells *not
sent* from *outcome unknown*, or with the client. Nothing is ever sent twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from amp.core.ami.ids import ActionIds
from amp.core.ami.rewrite import restore_action_id, to_wire, with_server
from amp.core.routing.alarm import Alarm
from amp.core.routing.answers import is_broken_off, is_end, line_at
from amp.core.routing.client import Client
from amp.core.routing.commands import Command, LinkRole, SendToClient
from amp.core.routing.counters import RoutingCounters
from amp.core.routing.directory import Directory
from amp.core.routing.endings import Endings
from amp.core.routing.error_frames import not_sent, plain
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
from amp.core.routing.link import Link
from amp.core.routing.links import Links
from amp.core.routing.pending import Pending
from amp.core.routing.server import Server
from amp.core.routing.settings import LinksConfig, RouterLimits
from amp.core.routing.status import ServerStatus, status_of
from amp.core.routing.traits import Traits, traits_of
from amp.errors import LocalProtocolError

__all__ = ["Router"]

DOUBT_S = 1.0
"""Seconds to wait for a proper answer after one without ActionID; what belongs together comes at once."""

ACTION_ID = b"\r\nActionID: "
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
        self._mark = ACTION_ID + ids.prefix
        self._limits = limits
        self._alarm = Alarm()
        self._directory = Directory(servers, default_server)
        self._endings = Endings(limits.actions_per_client)
        numbers = itertools.count(1)
        self._servers = {
            name: Server(Links(config, numbers, jitter, self._alarm), ids, limits, self._alarm)
            for name, config in servers.items()
        }
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
        for server in self._servers.values():
            self._let_time_pass(server, now, out)
        self._alarm.clear()
        for server in self._servers.values():
            server.set_alarm(now)
        return out

    def shutdown(self) -> list[Command]:
        """End every action with an error, close every link. Who still asks is told that all is down."""
        out: list[Command] = []
        for server in self._servers.values():
            for link in server.links.shut_down(SHUTTING_DOWN, out):
                self._endings.end_link(
                    server, link, f"{SHUTTING_DOWN}, server {server.name} had not answered", out
                )
            self._endings.fail_unsent(server, server.unsent(), SHUTTING_DOWN, out)
        self._alarm.clear()
        return out

    def counters(self, server: str) -> RoutingCounters:
        """The counters of a server; the same object for ever."""
        return self._servers[server].counters

    def status(self, now: float) -> list[ServerStatus]:
        """All servers as they are now, in the order of the configuration."""
        return [status_of(server, now) for server in self._servers.values()]

    # Clients.

    def _on_client_action(self, event: ClientAction, now: float) -> list[Command]:
        out: list[Command] = []
        client = self._endings.client(event.client)
        client.n += 1
        original = event.action_id or b""
        traits = traits_of(event.frame)
        choice = self._directory.choose(traits.server, event.pin, event.also)
        if choice.refusal:
            self._endings.refuse(client, original, choice.refusal, "", out)
            return out
        server = self._servers[choice.server]
        if why_not := self._why_not(client, server):
            server.counters.not_sent += 1
            self._endings.refuse(client, original, not_sent(why_not), server.name, out)
            return out
        try:
            pending = self._pending(client, server, traits, event, original)
        except LocalProtocolError as error:
            server.counters.not_sent += 1
            self._endings.refuse(client, original, error.reply_hint, server.name, out)
            return out
        self._endings.begin(client, pending, server, now, out)
        return out

    def _why_not(self, client: Client, server: Server) -> str:
        if not server.links.up:
            return f"server {server.name} is down ({server.links.reason})"
        if len(client.unanswered) >= self._limits.actions_per_client:
            return f"{len(client.unanswered)} actions of this client are unanswered already"
        if server.is_full():
            return f"{server.load} actions for server {server.name} are unanswered already"
        return ""

    def _pending(
        self, client: Client, server: Server, traits: Traits, event: ClientAction, original: bytes
    ) -> Pending:
        wire_id = self._ids.make(client.number, client.n, original)
        timeout_s = self._limits.action_timeout_s
        if traits.ring_s:
            timeout_s = traits.ring_s + self._limits.originate_extra_s
        return Pending(
            wire_id,
            client.number,
            client.n,
            original,
            server.name,
            to_wire(event.frame, wire_id),
            traits.exclusive,
            traits.fenced,
            traits.completion,
            timeout_s,
        )

    def _on_local_answer(self, event: LocalAnswer, _now: float) -> list[Command]:
        out: list[Command] = []
        client = self._endings.client(event.client)
        self._endings.answer_locally(client, event.data, event.closes, out)
        return out

    def _on_client_gone(self, event: ClientGone, now: float) -> list[Command]:
        out: list[Command] = []
        client = self._endings.clients.pop(event.client, None)
        if client is not None:
            for name in {pending.server for pending in client.unanswered.values()}:
                self._servers[name].forget_client(event.client)
                self._servers[name].drain(now, out)
        return out

    # Links.

    def _on_link_connected(self, event: LinkConnected, _now: float) -> list[Command]:
        self._servers[event.server].links.connected(event.link)
        return []

    def _on_link_ready(self, event: LinkReady, now: float) -> list[Command]:
        out: list[Command] = []
        server = self._servers[event.server]
        server.links.ready(event.link, plain(event.version), now, out)
        server.links.tell(out)
        server.drain(now, out)
        return out

    def _on_link_refused(self, event: LinkRefused, now: float) -> list[Command]:
        out: list[Command] = []
        server = self._servers[event.server]
        reason = plain(event.reason)
        self._after_loss(server, server.links.refused(event.link, reason, now, out), reason, now, out)
        return out

    def _on_link_lost(self, event: LinkLost, now: float) -> list[Command]:
        out: list[Command] = []
        server = self._servers[event.server]
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

    # Answers.

    def _on_link_frames(self, event: LinkFrames, now: float) -> list[Command]:
        server = self._servers[event.server]
        return self._take_all(server, server.links.find(event.link), event.frames, now)

    def _on_own_answers(self, event: OwnAnswers, now: float) -> list[Command]:
        server = self._servers[event.server]
        return self._take_all(server, server.links.events, event.frames, now)

    def _take_all(self, server: Server, link: Link | None, frames: list[bytes], now: float) -> list[Command]:
        out: list[Command] = []
        if link is None:
            server.counters.late += len(frames)
            return out
        for raw in frames:
            self._take(server, link, raw, now, out)
        if server.queue:
            # Only now: what stands behind an answer in the same read must not meet the next asker.
            server.drain(now, out)
        return out

    def _take(self, server: Server, link: Link, raw: bytes, now: float, out: list[Command]) -> None:
        found = raw.find(self._mark)
        if found < 0:
            self._take_stray(server, link, raw, now, out)
            return
        wire_id = line_at(raw, found + len(ACTION_ID))
        pending = link.flight.get(wire_id) or link.skipped.get(wire_id)
        if pending is None:
            server.counters.late += 1
            return
        server.reach(pending)
        if pending.awaited:
            data = with_server(restore_action_id(raw, self._ids.prefix, pending.original), server.name_bytes)
            out.append(SendToClient(pending.client, data))
        if not pending.is_fence:
            link.last = pending
            server.counters.late += not pending.awaited
        if is_end(pending, raw):
            self._endings.answered(server, pending, now, out)
        else:
            pending.doubtful = False
            pending.deadline = now + (self._limits.stuck_grace_s if pending.late else pending.timeout_s)
            self._alarm.by(pending.deadline)

    def _take_stray(self, server: Server, link: Link, raw: bytes, now: float, out: list[Command]) -> None:
        """A frame without ActionID on an action link: a broken value, or an answer by an odd module."""
        head = link.head
        broken_off = is_broken_off(raw)
        asker = head
        if (broken_off and link.last is not None) or (head is not None and head.is_fence):
            asker = link.last
        if asker is None or asker.late or asker.client not in self._endings.clients:
            server.counters.dropped_strays += 1
            return
        server.counters.strays += 1
        link.last = asker
        out.append(SendToClient(asker.client, with_server(raw, server.name_bytes)))
        if asker is head and raw.startswith(b"Response:") and not asker.list_open:
            asker.doubtful = True
            asker.deadline = min(asker.deadline, now + DOUBT_S)
            self._alarm.by(asker.deadline)

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
                self._let_be_late(server, link, pending, now, out)
            elif link.role is LinkRole.ACTIONS:
                server.links.close_stuck(link, now, out)
                self._endings.end_link(
                    server, link, f"server {server.name} no longer answers on this link", out
                )
                return
            else:
                # The event link must live, and its keepalive tells whether it does.
                server.done(pending, now)

    def _let_be_late(
        self, server: Server, link: Link, pending: Pending, now: float, out: list[Command]
    ) -> None:
        """Out of time. Asterisk may still be at it, so the link stays busy, unless it answered later ones."""
        if pending.awaited:
            why = f"no answer from server {server.name} within {pending.timeout_s:g} s"
            self._endings.fail_sent(server, pending, why, out)
        if pending.wire_id in link.skipped:
            server.done(pending, now)
        else:
            pending.late = True
            pending.deadline = now + self._limits.stuck_grace_s

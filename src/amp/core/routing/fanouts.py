"""Actions for several servers: who may, which servers, and until when."""

from __future__ import annotations

import math
from collections.abc import Mapping

from amp.core.ami.ids import ActionIds
from amp.core.routing.alarm import Alarm
from amp.core.routing.client import Client
from amp.core.routing.commands import Command
from amp.core.routing.directory import Selection
from amp.core.routing.endings import Endings
from amp.core.routing.error_frames import not_sent
from amp.core.routing.events import ClientAction
from amp.core.routing.fanout_action import FanoutAction
from amp.core.routing.pending import Pending, make_pending
from amp.core.routing.server import Server
from amp.core.routing.settings import RouterLimits
from amp.core.routing.traits import Traits
from amp.errors import LocalProtocolError

__all__ = ["NO_RIGHT", "Fanouts"]

NO_RIGHT = "Permission denied: several servers at once (right fanout)"


class Fanouts:
    """Begins actions for several servers, and ends them in time.

    To a server its part is an action like any other: it counts for its limit, waits for a link, is answered
    or lost. To the client the whole is one action.
    """

    def __init__(
        self,
        ids: ActionIds,
        limits: RouterLimits,
        servers: Mapping[str, Server],
        endings: Endings,
        alarm: Alarm,
    ) -> None:
        self._ids = ids
        self._limits = limits
        self._servers = servers
        self._endings = endings
        self._alarm = alarm

    def begin(
        self,
        client: Client,
        event: ClientAction,
        traits: Traits,
        selection: Selection,
        now: float,
        out: list[Command],
    ) -> None:
        """Ask every server that can be asked; the others are missing at once."""
        original = event.action_id or b""
        if why_not := self._why_not(client, original, selection):
            self._endings.refuse(client, original, not_sent(why_not), "", out)
            return
        timeout_s = self._limits.fanout_timeout_s
        if traits.ring_s:
            timeout_s = max(timeout_s, traits.ring_s + self._limits.originate_extra_s)
        fanout = FanoutAction(
            client, client.n, original, timeout_s, now + timeout_s, self._limits.fanout_bytes
        )
        down = {name: why for name in selection.found if (why := self._servers[name].why_not())}
        try:
            asked = self._ask(fanout, event, traits, [name for name in selection.found if name not in down])
        except LocalProtocolError as error:
            self._endings.refuse(client, original, error.reply_hint, "", out)
            return
        for name in down:
            self._servers[name].counters.not_sent += 1
        for name, why in (selection.missing | down).items():
            fanout.miss(name, why)
        self._alarm.by(fanout.deadline)
        for pending in asked:
            self._servers[pending.server].submit(pending, now, out)
        self._endings.begin_fanout(fanout, out)

    def handle_timeout(self, now: float, out: list[Command]) -> None:
        """Give up what has had its time. Whatever those servers still say goes to nobody."""
        for fanout in list(self._endings.fanouts):
            if fanout.deadline <= now:
                fanout.deadline = math.inf
                for part in list(fanout.parts.values()):
                    self._give_up(fanout, part.pending, now, out)

    def set_alarm(self) -> None:
        """Set the alarm by every deadline here."""
        for fanout in self._endings.fanouts:
            self._alarm.by(fanout.deadline)

    def _why_not(self, client: Client, original: bytes, selection: Selection) -> str:
        if selection.refusal:
            return selection.refusal
        count, most = len(selection.found) + len(selection.missing), self._limits.fanout_servers
        if not count:
            return "Server: names no server"
        if count > most:
            return f"Server: names {count} servers, at most {most} at once"
        if why_not := self._endings.why_not(client):
            return why_not
        if client.serial is not None and not original:
            return "an action for several servers, without ActionID, is unanswered already"
        return ""

    def _ask(
        self, fanout: FanoutAction, event: ClientAction, traits: Traits, names: list[str]
    ) -> list[Pending]:
        """Make the parts, each with an ActionID of its own; nothing is sent yet.

        Raises:
            LocalProtocolError: no Asterisk would take this action.
        """
        client = fanout.client
        asked: list[Pending] = []
        for n, name in enumerate(names, fanout.n):
            pending = make_pending(
                self._ids, self._limits, client.number, n, fanout.original, name, traits, event.frame
            )
            fanout.ask(pending)
            asked.append(pending)
            client.n = n
        return asked

    def _give_up(self, fanout: FanoutAction, pending: Pending, now: float, out: list[Command]) -> None:
        server, within = self._servers[pending.server], f"within {fanout.timeout_s:g} s"
        if pending.link is None:
            self._endings.fail_unsent(
                server, [pending], f"no link to server {server.name} was free {within}", out
            )
            return
        # Its link keeps the time that it has for any such action.
        link_until = pending.deadline + self._limits.stuck_grace_s
        why = f"no answer from server {server.name} {within}"
        self._endings.be_late(server, pending, why, link_until, now, out)

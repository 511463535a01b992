"""How actions end: once each, with the server's answer or an error by amp, in the client's order.

A part of an action for several servers ends into that one, which ends with the last of its parts.
"""

from __future__ import annotations

from amp.core.routing.client import Client
from amp.core.routing.commands import Command, SendToClient
from amp.core.routing.error_frames import error_response, list_error, not_sent, outcome_unknown
from amp.core.routing.fanout_action import FanoutAction
from amp.core.routing.link import Link
from amp.core.routing.pending import Pending
from amp.core.routing.server import Server

__all__ = ["Endings"]


class Endings:
    """Knows the clients, and tells them what became of their actions.

    Args:
        most: unanswered actions and waiting local answers of one client.
    """

    def __init__(self, most: int) -> None:
        self.clients: dict[int, Client] = {}
        self.fanouts: dict[FanoutAction, None] = {}
        self._most = most

    def client(self, number: int) -> Client:
        """The client of this number; new if it was not heard of before."""
        client = self.clients.get(number)
        if client is None:
            client = self.clients[number] = Client(number)
        return client

    def forget(self, number: int) -> list[str]:
        """A client is gone. Returns the servers where it had something unanswered."""
        client = self.clients.pop(number, None)
        servers: dict[str, None] = {}
        for action in client.unanswered.values() if client else ():
            if isinstance(action, FanoutAction):
                del self.fanouts[action]
                servers.update(dict.fromkeys(action.parts))
            else:
                servers[action.server] = None
        return list(servers)

    # Before anything was pending.

    def refuse(self, client: Client, original: bytes, text: str, server: str, out: list[Command]) -> None:
        """The client's latest action gets an error and nothing else."""
        self._reply(client, client.n, original, error_response(original, text, server), out)
        client.pace(self._most, out)

    def answer_locally(self, client: Client, data: bytes, closes: bool, out: list[Command]) -> None:
        """An answer by the session, behind what is unanswered."""
        client.answer_in_order(client.n, data, closes, out)
        client.pace(self._most, out)

    def why_not(self, client: Client) -> str:
        """Why a client may have no further action; empty if it may."""
        if len(client.unanswered) >= self._most:
            return f"{len(client.unanswered)} actions of this client are unanswered already"
        return ""

    def begin(self, client: Client, pending: Pending, server: Server, now: float, out: list[Command]) -> None:
        """The client's latest action goes its way."""
        client.unanswered[pending.n] = pending
        server.submit(pending, now, out)
        client.pace(self._most, out)

    # The end of what was.

    def answered(self, server: Server, pending: Pending, now: float, out: list[Command]) -> None:
        """Asterisk is done with an action and said so; the client was sent what it said."""
        server.done(pending, now)
        if pending.awaited:
            server.counters.answers += 1
            server.counters.seconds.observe(now - pending.sent_at)
            if pending.part is None:
                self._leave(server, pending, out)
            else:
                self._end_part(server, pending, b"", out)

    def fail_sent(self, server: Server, pending: Pending, why: str, out: list[Command]) -> None:
        """What was sent has no answer, and nobody knows whether it was done."""
        server.counters.unknown += 1
        self._fail(server, pending, outcome_unknown(why), out)

    def fail_unsent(self, server: Server, unsent: list[Pending], why: str, out: list[Command]) -> None:
        """What was not sent will not be."""
        for pending in unsent:
            server.counters.not_sent += 1
            self._fail(server, pending, not_sent(why), out)

    def be_late(
        self, server: Server, pending: Pending, why: str, until: float, now: float, out: list[Command]
    ) -> None:
        """Out of time. Asterisk may still be at it, so the link stays busy, unless it answered later ones.

        Args:
            until: how long the link has.
        """
        if pending.awaited:
            self.fail_sent(server, pending, why, out)
        if pending.link is not None and pending.wire_id in pending.link.skipped:
            server.done(pending, now)
        else:
            pending.late = True
            pending.deadline = until

    def end_link(self, server: Server, link: Link, why: str, out: list[Command]) -> None:
        """A link is over, and with it what was on it."""
        for pending in server.end_link(link):
            self.fail_sent(server, pending, why, out)

    def _fail(self, server: Server, pending: Pending, text: str, out: list[Command]) -> None:
        if pending.list_open:
            data = list_error(pending.original, text, server.name, pending.items)
        else:
            data = error_response(pending.original, text, server.name)
        if pending.part is not None:
            self._end_part(server, pending, data, out)
            return
        self._reply(self.clients[pending.client], pending.n, pending.original, data, out)
        self._leave(server, pending, out)

    def _leave(self, server: Server, pending: Pending, out: list[Command]) -> None:
        server.leave(pending, out)
        self._go_on(self.clients[pending.client], pending.n, out)

    def _go_on(self, client: Client, n: int, out: list[Command]) -> None:
        """An action of a client is over: what waited for that comes next."""
        del client.unanswered[n]
        if client.behind:
            client.flush(out)
        if client.paused:
            if client.serial is not None:
                self.speak(client.serial, out)
            client.pace(self._most, out)

    # Several servers at once.

    def begin_fanout(self, fanout: FanoutAction, out: list[Command]) -> None:
        """The client's latest action has gone its ways; its end may be near already."""
        client = fanout.client
        self.fanouts[fanout] = None
        client.unanswered[fanout.n] = fanout
        if not fanout.original:
            client.serial = fanout
        self.speak(fanout, out)
        if client.serial is not None:
            client.pause(out)
        client.pace(self._most, out)

    def speak(self, fanout: FanoutAction, out: list[Command]) -> None:
        """Say what there is to say of a merged answer, and end it if that was all."""
        fanout.speak(out)
        if fanout.closed:
            client = fanout.client
            del self.fanouts[fanout]
            if client.serial is fanout:
                client.serial = None
            self._go_on(client, fanout.n, out)

    def _end_part(self, server: Server, pending: Pending, error: bytes, out: list[Command]) -> None:
        part = pending.part
        assert part is not None  # only parts come here
        part.fanout.end(part, error)
        self.speak(part.fanout, out)
        server.leave(pending, out)  # the events that were held come behind what was said

    @staticmethod
    def _reply(client: Client, n: int, original: bytes, data: bytes, out: list[Command]) -> None:
        """An answer by amp itself: a client that gave no ActionID pairs answers by their order."""
        if original:
            out.append(SendToClient(client.number, data))
        else:
            client.answer_in_order(n - 1, data, False, out)  # in the place of action n

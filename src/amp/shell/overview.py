"""What amp shows of itself: servers, sessions and counters, as plain objects for JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import attrs
import trio

from amp import __version__
from amp.core.ami.auth import User
from amp.core.iso8601 import utc_text
from amp.core.routing.status import ServerStatus
from amp.core.stats import ClientTotals
from amp.shell.client import Client
from amp.shell.client_totals import totals_of
from amp.shell.entrance import Entrance
from amp.shell.http.site import Site
from amp.shell.server_side import ServerSide
from amp.shell.sniffer import Sniffer
from amp.shell.switchboard import Switchboard

__all__ = ["Overview"]

Shown = dict[str, object]

SEE_PLACES: Final = frozenset(("system", "all", "admin"))
"""Rights to act of which one is needed to see where servers are: those of ListServers."""

AT_ONCE: Final = 100
"""Clients that are counted in one go: about a millisecond."""


@attrs.define(kw_only=True, eq=False)
class Overview:
    """Looks at everything; changes nothing.

    Attributes:
        name: of this amp.
        board: where servers and clients meet; ``None`` before there is one.
        entrance: counts connections.
        site: counts HTTP connections.
    """

    name: Callable[[], str]
    board: Callable[[], Switchboard | None]
    entrance: Entrance
    site: Site
    _began: float = attrs.field(factory=time.time, init=False)

    @property
    def uptime_s(self) -> float:
        """Since amp was started."""
        return time.time() - self._began

    # -- servers -------------------------------------------------------------------------------------

    def servers(self, user: User | None = None) -> list[Shown]:
        """All of them that this user may name, Asterisks first.

        Where they are reached, and why not, is for who may ask that by AMI (ListServers).
        """
        board = self.board()
        if board is None:
            return []
        bound_to = user.bound_to if user is not None else None
        statuses = board.router.status(trio.current_time())
        shown = [self._asterisk(board, board.servers[status.name], status) for status in statuses]
        if board.desk is not None:
            shown += [self._sniffer(board, sniffer) for sniffer in board.desk.sniffers.values()]
        if user is not None and SEE_PLACES.isdisjoint(user.write):
            shown = [{**one, "host": "", "port": 0, "reason": ""} for one in shown]
        return [one for one in shown if bound_to is None or one["name"] in bound_to]

    def _asterisk(self, board: Switchboard, side: ServerSide, status: ServerStatus) -> Shown:
        reach = side.settings.reach
        journal, epoch = board.hub.journal(side.wire_name), side.epoch.decode()
        return {
            "name": side.name,
            "kind": "asterisk",
            "state": "up" if side.up else "down",
            "paused": status.paused,
            "reason": "" if side.up else side.reason,
            "since": utc_text(side.since),
            "host": reach.host,
            "port": reach.port,
            "version": status.version,
            "epoch": epoch,
            "seq": journal.head,
            "events": side.stats.events,
            "frames_in": side.stats.frames_in,
            "bytes_in": side.stats.bytes_in,
            "bytes_out": side.stats.bytes_out,
            "actions": board.router.counters(side.name).actions,
            "pending": status.waiting + sum(link.in_flight for link in status.links),
            "oldest_pending_s": round(max((link.oldest_s for link in status.links), default=0.0), 3),
            "links": sum(link.state.value == "ready" for link in status.links),
        }

    def _sniffer(self, board: Switchboard, sniffer: Sniffer) -> Shown:
        seen, stats = sniffer.seen, sniffer.pool.stats
        position = board.hub.positions(frozenset((sniffer.name.encode(),)))
        epoch, seq = position.get(sniffer.name.encode(), (b"", 0))
        problem = sniffer.problem
        since = sniffer.since if bool(problem) == bool(sniffer.trouble) else None
        return {
            "name": sniffer.name,
            "kind": "voipmonitor",
            "state": "down" if problem else "up",
            "paused": sniffer.paused,
            "reason": problem,
            "since": utc_text(since) if since is not None else None,
            "host": seen.address,
            "port": seen.port,
            "version": sniffer.version,
            "epoch": epoch.decode(),
            "seq": seq,
            "events": seq,
            "asked": stats.asked,
            "exchanges": stats.exchanges,
            "shared": stats.shared + stats.fresh,
            "failed": stats.failed,
            "pending": sniffer.pool.load,
        }

    # -- sessions ------------------------------------------------------------------------------------

    def sessions(self, user: User | None = None) -> list[Shown]:
        """The clients that are connected: all for who administrates, else those of the same user."""
        board = self.board()
        if board is None:
            return []
        sees_all = user is None or "admin" in user.write
        clients = list(board.clients.values())
        return [
            self._session(board, client)
            for client in clients
            if sees_all or (client.user is not None and user is not None and client.user.name == user.name)
        ]

    def clients(self) -> Iterator[Shown]:
        """The same for all, each looked at when it is its turn; those that are gone by then are left out."""
        board = self.board()
        for client in list(board.clients.values()) if board is not None else ():
            if board is not None and client.number in board.clients:
                yield self._session(board, client)

    def links(self) -> Iterator[Shown]:
        """amp's own sessions at the Asterisks, the event link of each first."""
        board = self.board()
        for status in board.router.status(trio.current_time()) if board is not None else ():
            for link in status.links:
                yield {
                    "server": status.name,
                    "link": link.number,
                    "role": "both" if status.single else link.role.value,
                    "state": link.state.value,
                    "pending": link.in_flight,
                    "oldest_pending_s": round(link.oldest_s, 3),
                }

    def _session(self, board: Switchboard, client: Client) -> Shown:
        board.hub.count(client.outlet)
        totals, seconds = totals_of(client), trio.current_time() - client.connected_at
        return {
            "number": client.number,
            "address": client.address,
            "user": client.user.name if client.user else None,
            "protocol": client.protocol,
            "since": utc_text(time.time() - seconds),
            "format": client.written.name,
            "sees_events": client.view is not None,
            "bytes_in": totals.bytes_in,
            "bytes_out": totals.bytes_out,
            "actions": totals.actions,
            "events": totals.events,
            "filtered": totals.filtered,
            "denials": totals.denials,
            "gaps": totals.gaps,
            "waiting_bytes": client.outlet.pending_bytes,
            "peak_bytes": totals.peak_bytes,
        }

    # -- counters ------------------------------------------------------------------------------------

    def totals(self) -> dict[str, ClientTotals]:
        """Of all clients there were and are, by protocol."""
        totals, clients = self._gone(), self._connected()
        for client in clients:
            totals.setdefault(client.protocol, ClientTotals()).add(totals_of(client))
        return totals

    async def totals_in_turns(self) -> dict[str, ClientTotals]:
        """The same, a few clients at a time: events go on meanwhile, however many there are."""
        totals, clients = self._gone(), self._connected()
        for index, client in enumerate(clients, 1):
            totals.setdefault(client.protocol, ClientTotals()).add(totals_of(client))
            if index % AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
        return totals

    def _connected(self) -> list[Client]:
        board = self.board()
        return [] if board is None else list(board.clients.values())

    def _gone(self) -> dict[str, ClientTotals]:
        """What those have counted that were there before."""
        board, totals = self.board(), {"ami": ClientTotals(), "http": ClientTotals()}
        for protocol, gone in board.gone.items() if board is not None else ():
            totals.setdefault(protocol, ClientTotals()).add(gone)
        totals["http"].add(self.site.gone)
        return totals

    def stats(self, user: User | None = None, totals: dict[str, ClientTotals] | None = None) -> Shown:
        """Everything that is counted; of the servers those that this user may name.

        Args:
            totals: those of the clients, if they are counted already.
        """
        totals = self.totals() if totals is None else totals
        board = self.board()
        bound_to = user.bound_to if user is not None else None
        every = board.servers if board is not None else ()
        names = [name for name in every if bound_to is None or name in bound_to]
        return {
            "name": self.name(),
            "version": __version__,
            "uptime_s": round(self.uptime_s, 3),
            "connections": self.entrance.admission.connections,
            "clients": {protocol: attrs.asdict(total) for protocol, total in totals.items()},
            "admission": attrs.asdict(self.entrance.admission.stats),
            "resume": attrs.asdict(board.hub.resumes) if board is not None else {},
            "servers": {
                name: {
                    **attrs.asdict(board.servers[name].stats),
                    **attrs.asdict(board.router.counters(name), filter=_is_number),
                }
                for name in names
                if board is not None
            },
        }


def _is_number(attribute: object, value: object) -> bool:
    del attribute
    return isinstance(value, int)

"""What is measured of a running amp, family by family, looked up when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

import attrs
import trio

from amp import __version__
from amp.core.metrics import Family, Labels, histogram_family
from amp.core.routing.status import ServerStatus
from amp.core.stats import ClientTotals, RoutingStats, ServerStats
from amp.shell.overview import Overview
from amp.shell.sniffer import Sniffer
from amp.shell.switchboard import Switchboard

__all__ = ["MOST_SERVERS", "Collector"]

MOST_SERVERS: Final = 1000
"""Beyond these servers have no samples of their own: a metrics system pays for each series for ever."""

SERVER_COUNTERS: Final = (
    ("events", "Events published to clients"),
    ("events_swallowed", "Events about amp's own logins, which nobody is shown"),
    ("links_opened", "Times a link became ready, reconnects included"),
    ("losses", "Times the server went down"),
)
ACTION_COUNTERS: Final = (
    ("actions", "Actions sent for clients"),
    ("answers", "Actions that the server answered"),
    ("not_sent", "Actions that ended before they were sent"),
    ("unknown", "Actions that were sent and got no answer"),
    ("late", "Frames that came for actions that nobody waits for any more"),
    ("holds_exceeded", "Times events were not held back until an answer came, since it took too long"),
    ("links_lost", "Links that ended without being asked to"),
    ("logins_refused", "Logins that the server refused"),
)
CLIENT_COUNTERS: Final = (
    ("actions", "Actions of clients"),
    ("events", "Events shown to clients"),
    ("filtered", "Events hidden from clients by rights, masks and filters"),
    ("denials", "Actions that the rights of their user did not cover"),
    ("gaps", "Events dropped for slow clients and told as gaps"),
    ("slow_cuts", "Connections cut because their client was too slow"),
)


@attrs.frozen(kw_only=True)
class Collector:
    """Gives the families. No label holds what a client or a call can choose, so their number is bounded.

    Attributes:
        overview: looks at everything.
    """

    overview: Overview

    def families(self) -> Iterator[Family]:
        """All of them; each looks at amp when it is asked for its samples."""
        overview = self.overview
        yield _single("amp_build_info", "gauge", "The version that runs", 1, (("version", __version__),))
        yield _single("amp_uptime_seconds", "gauge", "Since the start", round(overview.uptime_s, 3))
        yield from self._entrance()
        yield from self._clients()
        board = overview.board()
        if board is not None:
            yield from self._servers(board)
            yield from self._actions(board)
            yield from self._sniffers(board)

    def _entrance(self) -> Iterator[Family]:
        admission = self.overview.entrance.admission
        yield _single("amp_connections", "gauge", "Connections that are open", admission.connections)
        for field in attrs.fields(type(admission.stats)):
            about = f"At the entrance: {field.name.replace('_', ' ')}"
            yield _single(
                f"amp_entrance_{field.name}_total", "counter", about, getattr(admission.stats, field.name)
            )

    def _clients(self) -> Iterator[Family]:
        totals, board = self.overview.totals(), self.overview.board()
        for name, about in CLIENT_COUNTERS:
            yield Family(f"amp_client_{name}_total", "counter", about, _by_protocol(totals, name))
        yield Family(
            "amp_client_bytes_total", "counter", "Bytes of clients' connections", _client_bytes(totals)
        )
        about = "The most bytes that ever waited for one client"
        yield Family("amp_outlet_peak_bytes", "gauge", about, _by_protocol(totals, "peak_bytes"))
        if board is None:
            return
        waiting: dict[str, list[int]] = {protocol: [] for protocol in totals}
        for client in board.clients.values():
            waiting.setdefault(client.protocol, []).append(client.outlet.pending_bytes)
        for name, about, count in (
            ("amp_clients", "Clients that are connected", len),
            ("amp_outlet_waiting_bytes", "Bytes that wait for clients", sum),
            ("amp_outlet_most_waiting_bytes", "Bytes that wait for the slowest of them", _greatest),
        ):
            yield Family(name, "gauge", about, _gauges(waiting, count))
        resumes = board.hub.resumes
        for name, about, value in (
            ("started", "Times a client asked for what it had missed", resumes.started),
            ("resumed", "Times one got to where the others are", resumes.resumed),
            ("events", "Events told again", resumes.events),
            ("gaps", "Gaps told to who resumed", resumes.gaps),
        ):
            yield _single(f"amp_resume_{name}_total", "counter", about, value)
        about = "Channels that views of own calls lost sight of for want of room"
        yield _single("amp_calls_forgotten_total", "counter", about, board.hub.calls_forgotten)

    def _servers(self, board: Switchboard) -> Iterator[Family]:
        sides = list(islice(board.servers.values(), MOST_SERVERS))
        stats = [(_server(side.name), side.stats) for side in sides]
        left_out = len(board.servers) - len(sides)
        yield _single("amp_servers_left_out", "gauge", "Servers beyond those that are shown", left_out)
        up = [("", _server(side.name), int(side.up)) for side in sides]
        yield Family("amp_server_up", "gauge", "Whether the server takes actions and gives events", up)
        for name, about in SERVER_COUNTERS:
            samples = (("", labels, getattr(one, name)) for labels, one in stats)
            yield Family(f"amp_server_{name}_total", "counter", about, samples)
        yield Family("amp_server_bytes_total", "counter", "Bytes of the server's links", _server_bytes(stats))
        lags = _lags(board)
        lag = [("", _server(side.name), lags.get(side.wire_name, 0)) for side in sides]
        about = "Events of the server that the slowest client was not yet sent"
        yield Family("amp_server_event_lag", "gauge", about, lag)
        counters = [(labels, board.router.counters(dict(labels)["server"])) for labels, _ in stats]
        about = "Frames of the server's links; out are clients' actions"
        yield Family("amp_server_frames_total", "counter", about, _server_frames(stats, counters))

    def _actions(self, board: Switchboard) -> Iterator[Family]:
        statuses = board.router.status(trio.current_time())[:MOST_SERVERS]
        counters = [(_server(one.name), board.router.counters(one.name)) for one in statuses]
        for name, about in ACTION_COUNTERS:
            samples = (("", labels, getattr(one, name)) for labels, one in counters)
            yield Family(f"amp_server_{name}_total", "counter", about, samples)
        for name, about, look in (
            ("pending", "Actions that wait or are under way", _pending),
            ("oldest_pending_seconds", "Since when the server works on its oldest action", _oldest),
            ("links", "Links that are ready", _ready),
            ("paused", "Whether actions are refused, since somebody said so", _paused),
        ):
            looked = (("", _server(one.name), look(one)) for one in statuses)
            yield Family(f"amp_server_{name}", "gauge", about, looked)
        series = [(labels, one.seconds) for labels, one in counters]
        yield histogram_family(
            "amp_action_seconds", "From sending an action to the end of its answer", series
        )

    def _sniffers(self, board: Switchboard) -> Iterator[Family]:
        every: list[Sniffer] = list(board.desk.sniffers.values()) if board.desk is not None else []
        sniffers = [(_server(one.name), one.pool) for one in every[:MOST_SERVERS]]
        for name in ("asked", "exchanges", "shared", "fresh", "refused", "failed"):
            samples = [("", labels, getattr(pool.stats, name)) for labels, pool in sniffers]
            about = f"Sniffer commands: {name}"
            yield Family(f"amp_sniffer_{name}_total", "counter", about, samples)
        pending = [("", labels, pool.load) for labels, pool in sniffers]
        yield Family("amp_sniffer_pending", "gauge", "Commands that wait or are under way", pending)
        paused = [("", _server(one.name), one.paused) for one in every[:MOST_SERVERS]]
        yield Family(
            "amp_sniffer_paused", "gauge", "Whether commands are refused, since somebody said so", paused
        )
        series = [(labels, pool.stats.seconds) for labels, pool in sniffers]
        yield histogram_family(
            "amp_sniffer_exchange_seconds", "From a command to the end of its reply", series
        )


Sample = tuple[str, Labels, float]


def _single(name: str, kind: str, about: str, value: float, labels: Labels = ()) -> Family:
    return Family(name, "counter" if kind == "counter" else "gauge", about, [("", labels, value)])


def _server(name: str) -> Labels:
    return (("server", name),)


def _by_protocol(totals: dict[str, ClientTotals], name: str) -> Iterator[Sample]:
    for protocol, total in totals.items():
        yield "", (("protocol", protocol),), getattr(total, name)


def _client_bytes(totals: dict[str, ClientTotals]) -> Iterator[Sample]:
    for protocol, total in totals.items():
        yield "", (("protocol", protocol), ("direction", "in")), total.bytes_in
        yield "", (("protocol", protocol), ("direction", "out")), total.bytes_out


def _lags(board: Switchboard) -> dict[bytes, int]:
    """By server, how many of its events the slowest client has still to get."""
    lags: dict[bytes, int] = {}
    positions = board.hub.positions()
    for client in board.clients.values():
        span = client.outlet.oldest_events
        if span is not None and span.server in positions:
            behind = positions[span.server].seq - span.first + 1
            lags[span.server] = max(lags.get(span.server, 0), behind)
    return lags


def _gauges(waiting: dict[str, list[int]], count: Callable[[list[int]], int]) -> Iterator[Sample]:
    for protocol, sizes in waiting.items():
        yield "", (("protocol", protocol),), count(sizes)


def _greatest(sizes: list[int]) -> int:
    return max(sizes, default=0)


def _server_bytes(stats: list[tuple[Labels, ServerStats]]) -> Iterator[Sample]:
    for labels, one in stats:
        yield "", (*labels, ("direction", "in")), one.bytes_in
        yield "", (*labels, ("direction", "out")), one.bytes_out


def _server_frames(
    stats: list[tuple[Labels, ServerStats]], counters: list[tuple[Labels, RoutingStats]]
) -> Iterator[Sample]:
    for (labels, one), (_, routing) in zip(stats, counters, strict=True):
        yield "", (*labels, ("direction", "in")), one.frames_in
        yield "", (*labels, ("direction", "out")), routing.actions


def _pending(one: ServerStatus) -> float:
    return one.waiting + sum(link.in_flight for link in one.links)


def _oldest(one: ServerStatus) -> float:
    return max((link.oldest_s for link in one.links), default=0.0)


def _paused(one: ServerStatus) -> float:
    return one.paused


def _ready(one: ServerStatus) -> float:
    return sum(link.state.value == "ready" for link in one.links)

"""Every counter of amp, as plain numbers that the code which knows simply adds to.

Log, metrics and console read them; nothing in here decides anything. A counter only ever grows (a peak is a
greatest value so far), so readers may take differences.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import attrs

__all__ = [
    "BOUNDS_S",
    "AdmissionStats",
    "ClientStats",
    "ClientTotals",
    "Histogram",
    "PoolStats",
    "ResumeStats",
    "RoutingStats",
    "ServerStats",
]

BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of a histogram's buckets; from a quick Ping to the longest wait."""


@attrs.define
class Histogram:
    """How long things took."""

    sum_s: float = 0.0
    """Of all of them together."""
    counts: list[int] = attrs.field(factory=lambda: [0] * (len(BOUNDS_S) + 1))
    """How many for each of `BOUNDS_S` took no longer, and longer than the bound before; the last: longer."""

    def observe(self, seconds: float) -> None:
        """One more."""
        self.sum_s += seconds
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1


@attrs.define
class ServerStats:
    """What one server and amp have said to each other, over all links and reconnects."""

    bytes_in: int = 0
    """Bytes read from any link of the server."""
    bytes_out: int = 0
    """Bytes given to any link of the server."""
    frames_in: int = 0
    """Frames read from any link: events, answers and broken pieces."""
    events: int = 0
    """Events published to the clients, amp's own ServerDown and ServerUp included."""
    events_swallowed: int = 0
    """Events about amp's own logins, and Shutdown, which amp tells as ServerDown."""
    answers_unasked: int = 0
    """Answers on the event link that belong to no pending action; they go to nobody."""
    headers_renamed: int = 0
    """Frames in which a ``Server`` header of the server's own became ``UserServer``."""
    action_ids_hidden: int = 0
    """Events that lost somebody else's ActionID on their way."""
    links_opened: int = 0
    """Times a link became ready: the first ones, those for more work, and reconnects."""
    losses: int = 0
    """Times the server went down."""


@attrs.define(slots=True)
class RoutingStats:
    """What became of the actions for one server, and of its links."""

    actions: int = 0
    """Sent to the server for clients."""
    answers: int = 0
    """Finished with the server's own answer; a list counts once."""
    not_sent: int = 0
    """Ended by an error before they were sent."""
    unknown: int = 0
    """Ended by an error after they were sent."""
    late: int = 0
    """Frames with an ActionID of ours for which nobody waits (any more)."""
    strays: int = 0
    """Frames without ActionID on an action link that were given to an asker."""
    dropped_strays: int = 0
    """Frames without ActionID on an action link for which there was nobody."""
    holds_exceeded: int = 0
    """Times a client's events were let go because an answer took longer than the hold."""
    links_lost: int = 0
    """Links of any role that ended without being asked to."""
    logins_refused: int = 0
    """Links of any role whose login was refused."""
    stuck_links: int = 0
    """Action links closed because an answer stayed out."""
    seconds: Histogram = attrs.field(factory=Histogram)
    """From sending an action to the end of its answer."""


@attrs.define
class PoolStats:
    """What came of what a sniffer was asked."""

    asked: int = 0
    """Times somebody wanted a reply."""
    exchanges: int = 0
    """Connections made for that."""
    shared: int = 0
    """Askers that joined another's exchange."""
    fresh: int = 0
    """Askers that got a reply that was still fresh."""
    refused: int = 0
    """Askers turned away at once: too many wait, or the sniffer hangs."""
    failed: int = 0
    """Exchanges that failed, or never had their turn."""
    seconds: Histogram = attrs.field(factory=Histogram)
    """From the turn of an exchange to the end of its reply."""


@attrs.define
class ClientStats:
    """What one client and amp have said to each other."""

    bytes_in: int = 0
    """Bytes read from the client."""
    actions_in: int = 0
    """Actions of the client, those that amp answers itself included."""
    events_out: int = 0
    """Events that the client's view showed it."""
    events_filtered: int = 0
    """Events that the client's view hid from it."""
    gaps: int = 0
    """Events that were dropped because the client was too slow, and told as ProxyGap."""
    denials: int = 0
    """Actions that its rights did not cover, of those that its session let through: servers, sniffers."""


@attrs.define
class ClientTotals:
    """What clients of one protocol that are gone have left in the counters, all of them together."""

    clients: int = 0
    """Of them."""
    bytes_in: int = 0
    bytes_out: int = 0
    actions: int = 0
    events: int = 0
    filtered: int = 0
    denials: int = 0
    gaps: int = 0
    holds_exceeded: int = 0
    peak_bytes: int = 0
    """The most that ever waited for one of them."""
    slow_cuts: int = 0
    """Connections that were cut because their client took too little for too long."""

    def add(self, other: ClientTotals) -> None:
        """And these."""
        for field in attrs.fields(ClientTotals):
            ours, theirs = getattr(self, field.name), getattr(other, field.name)
            setattr(self, field.name, max(ours, theirs) if field.name == "peak_bytes" else ours + theirs)


@attrs.define
class ResumeStats:
    """What came of clients that asked for what they had missed, of all of them together."""

    started: int = 0
    """Times a client asked."""
    resumed: int = 0
    """Times one got to where the others are."""
    events: int = 0
    """Events told again."""
    gaps: int = 0
    """Times one was told that something is missing: it came too late, or with numbers of another run."""
    dropped: int = 0
    """Events that clients lost because they were too slow, whether they had resumed or not."""


@attrs.define
class AdmissionStats:
    """What happened at the entrance, of all listeners together."""

    connections: int = 0
    """Connections taken."""
    refused_full: int = 0
    """Connections refused because of ``connections``."""
    refused_address: int = 0
    """Connections refused because of ``connections_per_address``."""
    refused_banned: int = 0
    """Connections refused because their address was banned."""
    refused_user: int = 0
    """Logins refused because of ``connections_per_user``."""
    refused_descriptors: int = 0
    """Connections refused because the process or the system was out of descriptors."""
    strangers_displaced: int = 0
    """Connections closed because of ``strangers``."""
    strangers_cut: int = 0
    """Connections closed because they sent too much without having signed in."""
    login_failures: int = 0
    """Logins with a wrong name or secret, or from a banned address."""
    bans: int = 0
    """Times an address was banned."""
    pauses: int = 0
    """Times a client was read later because it was too fast."""

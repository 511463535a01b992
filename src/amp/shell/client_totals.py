"""What a client adds to the counters of all."""

from __future__ import annotations

from typing import Final

from amp.core.stats import ClientTotals
from amp.shell.client import Client

__all__ = ["SLOW", "totals_of"]

SLOW: Final = ("too slow", "stalled")
"""How the reasons begin for which a connection is cut that takes too little."""


def totals_of(client: Client) -> ClientTotals:
    """Its counters as they are now, but for events still to be counted (see `Hub.count`).

    The bytes of a client that acts for an HTTP connection are that connection's to count.
    """
    total = ClientTotals(
        clients=1,
        actions=client.stats.actions_in,
        events=client.stats.events_out,
        filtered=client.stats.events_filtered,
        denials=client.denials,
        gaps=client.stats.gaps,
        holds_exceeded=client.outlet.hold_overruns,
        peak_bytes=client.outlet.peak_bytes,
        slow_cuts=client.reason.startswith(SLOW),
    )
    if client.protocol != "http":
        total.bytes_in, total.bytes_out = client.stats.bytes_in, client.outlet.bytes_out
    return total

"""What routing counts, per server. Plain ints: log, metrics and console read them."""

from __future__ import annotations

import attrs

__all__ = ["RoutingCounters"]


@attrs.define(slots=True)
class RoutingCounters:
    """Everything since start; nothing is ever set back."""

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

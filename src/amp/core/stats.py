"""Every counter of amp, as plain numbers that the code which knows simply adds to.

Log, metrics and console read them; nothing in here decides anything. A counter only ever grows (a peak is a
greatest value so far), so readers may take differences.
"""

from __future__ import annotations

import attrs

__all__ = ["AdmissionStats", "ClientStats", "ResumeStats", "ServerStats"]


@attrs.define
class ServerStats:
    """What one server and amp have said to each other, over all links and reconnects."""

    bytes_in: int = 0
    """Bytes read from any link of the server."""
    bytes_out: int = 0
    """Bytes written to any link of the server."""
    frames_in: int = 0
    """Frames read from any link: events, answers and broken pieces."""
    actions_out: int = 0
    """Clients' actions forwarded."""
    events: int = 0
    """Events published to the clients, amp's own ServerDown and ServerUp included."""
    events_swallowed: int = 0
    """Events about amp's own logins, and Shutdown, which amp tells as ServerDown."""
    answers_unasked: int = 0
    """Answers that belong to no pending action; they go to nobody."""
    headers_renamed: int = 0
    """Frames in which a ``Server`` header of the server's own became ``UserServer``."""
    action_ids_hidden: int = 0
    """Events that lost somebody else's ActionID on their way."""
    logins: int = 0
    """Times a link became ready."""
    login_failures: int = 0
    """Logins that the server refused."""
    losses: int = 0
    """Times the server went down."""


@attrs.define
class ClientStats:
    """What one client and amp have said to each other."""

    bytes_in: int = 0
    """Bytes read from the client."""
    bytes_out: int = 0
    """Bytes that the client's socket took."""
    actions_in: int = 0
    """Actions of the client, those that amp answers itself included."""
    answers_out: int = 0
    """Frames sent to this client alone: answers and list items."""
    events_out: int = 0
    """Events that the client's view showed it."""
    events_filtered: int = 0
    """Events that the client's view hid from it."""
    gaps: int = 0
    """Events that were dropped because the client was too slow, and told as ProxyGap."""
    holds_exceeded: int = 0
    """Times the events held back behind an answer were let go before the answer came."""
    outlet_peak_bytes: int = 0
    """The most bytes that ever waited for the client's socket."""


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

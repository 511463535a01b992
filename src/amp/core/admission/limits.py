"""What admission needs to know of the configuration. `shell/app.py` makes it from ``[limits]``."""

from __future__ import annotations

from typing import Final

import attrs

from amp.core.admission.origin import LOOPBACK, Network

__all__ = ["STRANGER_ACTIONS_PER_S", "STRANGER_BURST", "STRANGER_BYTES", "AdmissionLimits"]

STRANGER_BYTES: Final = 262_144
"""What a client may send until it has signed in. The largest Login there is (128 lines of 1022 bytes) takes
half of it, and the rest is for actions that came in the same read."""

STRANGER_ACTIONS_PER_S: Final = 10.0
STRANGER_BURST: Final = 20.0
"""Signing in takes one action or two; everything else is denied, and denying costs as well."""


@attrs.frozen(kw_only=True)
class AdmissionLimits:
    """The bounds; each has its key in ``[limits]``. A *stranger* is connected and not signed in."""

    connections: int = 10_000
    connections_per_address: int = 1000
    connections_per_user: int = 1000
    strangers: int = 1000
    login_failures: int = 20
    """So many from one address, and it is banned."""
    login_failures_within_s: float = 600.0
    """After so long without a failed login, an address has a clean sheet."""
    login_delay_s: float = 15.0
    """The first failed login of an address is answered after a second, each further one after twice the time
    of the one before it, up to this."""
    ban_s: float = 600.0
    """How long; 0 bans nobody."""
    actions_per_second: float = 1000.0
    """Of one client. Beyond it amp reads more slowly; nothing is lost."""
    user_actions_per_second: float = 10_000.0
    """Of all clients of one user together."""
    exempt: tuple[Network, ...] = LOOPBACK
    """Nobody from here is counted by address, delayed beyond a second or banned: many users may share it."""

"""What routing needs to know of the configuration. `shell/app.py` makes these from it."""

from __future__ import annotations

from typing import Literal

import attrs

__all__ = ["LinksConfig", "RouterLimits"]


@attrs.frozen(kw_only=True)
class LinksConfig:
    """One Asterisk and the sessions that amp keeps with it."""

    name: str
    """As configured; what ``Server:`` says on everything from it."""
    hosts: tuple[str, ...] = ()
    """Its addresses as configured; a client's ``Server:`` may give one of these instead of the name."""
    sessions: Literal["split", "single"] = "split"
    """Events and actions on links of their own, or all on one."""
    max_sessions: int = 8
    """Action links at most (the event link is not counted)."""
    idle_s: float = 30.0
    """Seconds after which an action link without work is closed; one is always kept."""
    busy_s: float = 0.05
    """A link whose oldest action is older than this gets no further client's actions."""
    backoff_first_s: float = 1.0
    """The first delay before connecting again; it doubles with each failure."""
    backoff_cap_s: float = 60.0
    """The longest delay, and the one after a refused login."""
    split_retry_first_s: float = 60.0
    """After the fallback to one session: seconds till a second one is tried; doubles with each refusal."""
    split_retry_cap_s: float = 900.0
    """The longest of those delays; long, since log watchers ban addresses for repeated refused logins."""


@attrs.frozen(kw_only=True)
class RouterLimits:
    """Bounds of what may be unanswered, and for how long."""

    actions_per_client: int = 64
    """Unanswered actions and waiting local answers of one client; `PauseClient` is told at this number."""
    actions_per_server: int = 1000
    """Actions sent to or waiting for one server, those of vanished clients included; beyond, an error."""
    action_timeout_s: float = 60.0
    """Seconds an action may wait to be sent, and again for its answer (of a list: for each item)."""
    originate_extra_s: float = 30.0
    """Seconds a synchronous Originate gets beyond its own Timeout."""
    stuck_grace_s: float = 30.0
    """Seconds a link is given to answer an action that ran out of time, before the link is closed."""
    order_hold_s: float = 0.25
    """The longest that a server's events to a client are held for the sake of order; 0 turns holding off."""
    fanout_timeout_s: float = 10.0
    """Seconds an action for several servers may take altogether; a ringing Originate has its own time."""
    fanout_servers: int = 500
    """The most servers that one action may be for."""
    fanout_bytes: int = 8 << 20
    """Bytes of a client's merged answers that are kept, so that each server's part comes in one piece."""

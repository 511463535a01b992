"""What the router wants done: carried out by the shell in order, in one synchronous step, without an await.

Commands about a client that is gone, or a link that ended meanwhile, are to be ignored: no error, no log.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import attrs

__all__ = [
    "Announce",
    "CloseClient",
    "CloseLink",
    "Command",
    "CountDenial",
    "HoldEvents",
    "LinkRole",
    "OpenLink",
    "PauseClient",
    "ReleaseEvents",
    "ResumeClient",
    "SendToClient",
    "SendToLink",
    "Warn",
]


class LinkRole(enum.Enum):
    """What a link is for."""

    EVENTS = "events"
    """Signs in with the server's configured ``events``. Its frames go through `Intake`; answers among them
    (only where it carries actions too) come back as `OwnAnswers`."""
    ACTIONS = "actions"
    """Signs in with ``Events: off``. Its frames come back as `LinkFrames`, untouched."""


class OpenLink(NamedTuple):
    """Wait ``delay_s`` seconds (0: at once), connect, sign in; tell `LinkReady`, `LinkRefused` or `LinkLost`.

    ``link`` is a number never used before in this process. The router asks again, with a new number and a
    delay, when a link is refused or lost: the shell itself never retries. `CloseLink` may come at any time,
    also during the delay.
    """

    server: str
    link: int
    role: LinkRole
    delay_s: float


class CloseLink(NamedTuple):
    """Close a link at once, whatever its state; what is unsent is dropped. No `LinkLost` is needed."""

    server: str
    link: int


@attrs.define
class SendToLink:
    """Offer whole actions to the outlet of a READY link. A failed or overflowing write is a `LinkLost`.

    Attributes:
        server: its name.
        link: its number.
        data: one or two actions, each with its closing blank line.
        silent_until: if not 0, the link may rightly say nothing till then, since the server answers no Ping
            while it works on this: tell `UpstreamConnection.expect_silence`. The router minds the time.
    """

    server: str
    link: int
    data: bytes
    silent_until: float = 0.0


@attrs.define
class SendToClient:
    """Offer one or more whole frames to a client's outlet, as an answer: never dropped for a gap.

    Goes out ahead of the events that are being held for that client, and behind all that was offered before.
    """

    client: int
    data: bytes


class CloseClient(NamedTuple):
    """Close a client once everything offered to its outlet is written (`LocalAnswer` with ``closes``)."""

    client: int


class CountDenial(NamedTuple):
    """A client's rights did not cover its action, which was refused for that."""

    client: int


class PauseClient(NamedTuple):
    """A client has as many unanswered actions as it may: take no more of its session until `ResumeClient`.

    Stop reading its socket (TCP then slows it down, as Asterisk itself does) and leave what is parsed already
    in the session. What comes nevertheless is answered with an error. `ClientGone` ends a pause as well.
    """

    client: int


class ResumeClient(NamedTuple):
    """Ends a `PauseClient`."""

    client: int


@attrs.define
class HoldEvents:
    """From now on keep this server's events to this client in its outlet, in order, behind its answers.

    Never sent twice without `ReleaseEvents` in between. The outlet's own bound (``order_hold_bytes``) lets
    everything out and ends the hold early; that is counted there, and the later `ReleaseEvents` then does
    nothing.
    """

    client: int
    server: str


@attrs.define
class ReleaseEvents:
    """Send out what was held of this server for this client, and hold no more. The router minds the time."""

    client: int
    server: str


class Announce(NamedTuple):
    """A server came up or went down: give its journal and all who see it a ServerUp or ServerDown event.

    Down: clients pinned to it with ``on_server_loss = "disconnect"`` are closed, after what they were sent.
        The answers
    to what was pending precede this in the same list.

    Attributes:
        server: its name.
        up: True for ServerUp. They alternate, beginning with True.
        reason: for ServerDown, ASCII without line ends; ``""`` when up.
        version: for ServerUp, as `LinkReady` of its event link told it; ``""`` when down.
    """

    server: str
    up: bool
    reason: str
    version: str


class Warn(NamedTuple):
    """Log this loudly: something is set up wrongly at this server, and amp goes on as well as it can."""

    server: str
    text: str


Command = (
    OpenLink
    | CloseLink
    | SendToLink
    | SendToClient
    | CloseClient
    | CountDenial
    | PauseClient
    | ResumeClient
    | HoldEvents
    | ReleaseEvents
    | Announce
    | Warn
)

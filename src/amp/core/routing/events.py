"""What the router is told: every event goes to `Router.handle(event, now)`, in the order of happening.

Servers are named as in the configuration. Clients are numbers from 1 that the shell never gives out twice;
links are numbers that the router gives out in `OpenLink`. NamedTuples, since these are made for every action
and every read.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs

from amp.core.ami.frame import Frame

__all__ = [
    "ClientAction",
    "ClientGone",
    "LinkConnected",
    "LinkFrames",
    "LinkLost",
    "LinkReady",
    "LinkRefused",
    "LocalAnswer",
    "OwnAnswers",
    "RouterEvent",
]


@attrs.define
class ClientAction:
    """A signed-in client sent an action that amp does not answer itself (the session's `ActionReceived`).

    Send it in the order in which the client's actions came, `LocalAnswer` included. Every one gets exactly
    one answer (a list counts as one), even if that is an error by amp, unless the client goes first. One for
    several servers gets one from each of them and a closing frame.

    Attributes:
        client: its number.
        frame: the action as parsed; ``frame.raw`` is what goes upstream, rewritten.
        action_id: the client's own ActionID; ``None`` or empty if it sent none.
        pin: the server that the user or the listener is bound to, or ``None``.
        also: the user's ``servers``: what it may name beside ``pin``. Means nothing without a pin.
        fanout: the user may have one action done by several servers (the right ``fanout``).
    """

    client: int
    frame: Frame
    action_id: bytes | None
    pin: str | None = None
    also: tuple[str, ...] = ()
    fanout: bool = False


@attrs.define
class LocalAnswer:
    """amp's session made an answer that must stand behind those to the client's earlier actions.

    Send it for a `Reply` with ``ordered=True``. An unordered reply goes straight to the client's outlet. The
    data comes back as `SendToClient` when no earlier action of this client is unanswered, which may be at
    once.

    Attributes:
        client: its number.
        data: the frame with its closing blank line; ``b""`` sends nothing (for ``closes`` alone).
        closes: `CloseClient` follows the data. Set it for the answer to Logoff, and with ``data=b""`` when
            the client shut down its sending side: Asterisk answers what is pending first (recording
            half-close), and so do we.
    """

    client: int
    data: bytes
    closes: bool = False


class ClientGone(NamedTuple):
    """The client's connection ended, whoever ended it. Send it once; its number must not appear again.

    Answers that are still on their way go to nobody; actions that were not sent yet are forgotten.
    """

    client: int


class LinkConnected(NamedTuple):
    """A link is connected and its login begins. For the shown state only; may be left out."""

    server: str
    link: int


class LinkReady(NamedTuple):
    """A link is signed in (`LoginAccepted`). Send it before any `LinkFrames` or `OwnAnswers` of this link.

    Attributes:
        server: its name.
        link: the number from `OpenLink`.
        version: as the greeting told it, for ServerUp; ``""`` if it hides it.
    """

    server: str
    link: int
    version: str


class LinkRefused(NamedTuple):
    """The server refused a link's login (`LoginRefused`). The link is over: send no `LinkLost` for it.

    ``reason`` is the server's Message, for people.
    """

    server: str
    link: int
    reason: str


class LinkLost(NamedTuple):
    """A link ended: not connected, closed by the server, keepalive unanswered, protocol broken, write failed.

    Send it once per link, also when it was never READY, with everything that was read before handed over
    first. Not needed after `CloseLink`, and ignored then. ``reason`` is for people and for ServerDown.
    """

    server: str
    link: int
    reason: str


@attrs.define
class LinkFrames:
    """What one read from an ACTIONS link gave: raw frames in order, without the closing blank line."""

    server: str
    link: int
    frames: list[bytes]


class OwnAnswers(NamedTuple):
    """Frames on the server's EVENTS link that `Intake` found to be answers with our ActionID, raw, in order.

    They occur where events and actions share a link (``sessions = "single"`` and the fallback to it). Send
    them in their place between the runs of broadcasts, so that the order on the wire stays the order towards
    the client.
    """

    server: str
    frames: list[bytes]


RouterEvent = (
    ClientAction
    | LocalAnswer
    | ClientGone
    | LinkConnected
    | LinkReady
    | LinkRefused
    | LinkLost
    | LinkFrames
    | OwnAnswers
)

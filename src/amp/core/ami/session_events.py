"""What a `ClientSession` tells its owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import attrs

from amp.core.ami.auth import User
from amp.core.ami.door import AUTHENTICATION_FAILED
from amp.core.ami.frame import Frame
from amp.core.ami.mask import EventMask
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.catchup import Position
from amp.core.formats.format import Format
from amp.core.policy.event_filter import EventFilter
from amp.core.proxy_actions.changes import ServerChange

__all__ = [
    "ActionReceived",
    "AutofilterChanged",
    "Closing",
    "FilterChanged",
    "Greeting",
    "LoggedIn",
    "LoginFailed",
    "MaskChanged",
    "OutputChanged",
    "Reply",
    "ResumeAsked",
    "SecretUnchecked",
    "SequenceChanged",
    "ServersAsked",
    "SessionEvent",
    "SnifferAsked",
    "WaitStarted",
]


class Greeting(NamedTuple):
    """The line that an AMI client waits for before it says anything; it is written as it is."""

    data: bytes


@attrs.define
class Reply:
    """An answer to the client.

    Attributes:
        data: whole frames of the manager protocol, whatever format the client has.
        ordered: the client pairs this answer by order (its action had no ActionID), or nothing may come
            behind it: it goes out behind the client's unanswered earlier actions.
    """

    data: bytes
    ordered: bool


@attrs.define
class ActionReceived:
    """An action for the router.

    Attributes:
        frame: its first header is Action.
        action_id: the client's own, ``None`` if it sent none or an empty one.
    """

    frame: Frame
    action_id: bytes | None


class SnifferAsked(NamedTuple):
    """A SnifferCommand: for a sniffer, and never for an Asterisk. Exactly one answer is owed.

    Attributes:
        frame: the action.
        action_id: as in `ActionReceived`. Without one nothing more is to be taken from the client till the
            answer: it pairs answers by their order.
    """

    frame: Frame
    action_id: bytes | None


class ServersAsked(NamedTuple):
    """A user who may do so wants a server to come or go. Exactly one answer is owed.

    Attributes:
        change: what it wants.
        action_id: as in `SnifferAsked`.
    """

    change: ServerChange
    action_id: bytes | None


class LoggedIn(NamedTuple):
    """Somebody signed in; also told when a second login replaces the first.

    Attributes:
        user: who.
        events: what the client asked to see, cut down to what the user may read.
    """

    user: User
    events: EventMask


class MaskChanged(NamedTuple):
    """The client asked for other events; ``events`` is cut down to what the user may read.

    Told before the reply, so that nothing unwanted comes behind it.
    """

    events: EventMask


class FilterChanged(NamedTuple):
    """The client has added a filter; ``event_filter`` is all there are. Told before the reply."""

    event_filter: EventFilter


class AutofilterChanged(NamedTuple):
    """The client shall see ActionIDs otherwise, or with mode ``on`` events of another one.

    Attributes:
        autofilter: the mode.
        action_id: what the client set last, ``b""`` if it has set none.
    """

    autofilter: Autofilter
    action_id: bytes


class SequenceChanged(NamedTuple):
    """Events shall have numbers from now on, or have none any more. Told before the reply."""

    sequence: bool


class ResumeAsked(NamedTuple):
    """The client shall get what it missed, and then see events, with numbers. Owed is the answer.

    Attributes:
        positions: where it stands.
        action_id: as in `ActionReceived`.
    """

    positions: Mapping[bytes, Position]
    action_id: bytes | None


class OutputChanged(NamedTuple):
    """Whatever the client gets from now on is in this format, the answer to what changed it included."""

    format: Format


class LoginFailed(NamedTuple):
    """A login was refused. The answer and the end follow a second or more later; nothing more is read.

    Attributes:
        username: as the client gave it; empty also for a proxy key.
        reason: what the client will be told.
    """

    username: bytes
    reason: str = AUTHENTICATION_FAILED


class SecretUnchecked(NamedTuple):
    """A login hangs on a hash, which takes too long to be looked at here.

    Owed is one `ClientSession.secret_checked`, with `amp.core.ami.secret_hash.matches` of these two. Till
    then nothing more is to be taken from the client. Neither value is for logs.

    Attributes:
        secret: what the client gave.
        hashed: what it has to match; also where the name is nobody's, so that it takes as long.
    """

    secret: bytes
    hashed: str

    def __repr__(self) -> str:
        return "SecretUnchecked()"


class WaitStarted(NamedTuple):
    """A WaitEvent has begun: `ClientSession.notify_event` with the next event for this client ends it."""


class Closing(NamedTuple):
    """The session is over: close the connection once everything before this has been written.

    Attributes:
        reason: for the log.
        drain: answers that are still to come go out first (recording half-close); otherwise they are lost.
    """

    reason: str
    drain: bool


SessionEvent = (
    Greeting
    | Reply
    | ActionReceived
    | SnifferAsked
    | ServersAsked
    | LoggedIn
    | MaskChanged
    | FilterChanged
    | AutofilterChanged
    | SequenceChanged
    | ResumeAsked
    | OutputChanged
    | LoginFailed
    | SecretUnchecked
    | WaitStarted
    | Closing
)

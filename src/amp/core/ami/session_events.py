"""What a `ClientSession` tells its owner."""

from __future__ import annotations

from typing import NamedTuple

from amp.core.ami.auth import User
from amp.core.ami.door import AUTHENTICATION_FAILED
from amp.core.ami.frame import Frame
from amp.core.ami.mask import EventMask

__all__ = [
    "ActionReceived",
    "Closing",
    "LoggedIn",
    "LoginFailed",
    "MaskChanged",
    "Reply",
    "SessionEvent",
    "WaitStarted",
]


class Reply(NamedTuple):
    """Bytes for the client.

    Attributes:
        data: whole frames, or the greeting.
        ordered: the client pairs this answer by order (its action had no ActionID), or nothing may come
            behind it: it goes out behind the client's unanswered earlier actions.
    """

    data: bytes
    ordered: bool


class ActionReceived(NamedTuple):
    """An action for the router.

    Attributes:
        frame: its first header is Action.
        action_id: the client's own, ``None`` if it sent none or an empty one.
    """

    frame: Frame
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


class LoginFailed(NamedTuple):
    """A login was refused. The answer and the end follow a second or more later; nothing more is read.

    Attributes:
        username: as the client gave it.
        reason: what the client will be told.
    """

    username: bytes
    reason: str = AUTHENTICATION_FAILED


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


SessionEvent = Reply | ActionReceived | LoggedIn | MaskChanged | LoginFailed | WaitStarted | Closing

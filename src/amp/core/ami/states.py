"""The states of both ends of an AMI session, as tables.

Two rules, after h11. One: everything that decides which state follows lives here; the machines only say what
happened (by the type of the event they tell) and look the next state up. Two: a missing key *is* the error:
an event that its state does not list cannot happen, and a machine that tries it has a bug.

Towards clients (amp is the server):

- AWAIT_LOGIN: greeted, not signed in. Everything but Login, Challenge and Logoff is denied, unless it comes
  with the proxy key, which signs in.
- READY: signed in. A second Login stays here with another user, or falls to REFUSED.
- WAITING: a WaitEvent is open; later actions wait for its answer.
- CHECKING: a Login hangs on a hash that somebody else looks at. Nothing more is read till that is known;
  whoever had signed in before still gets its events.
- REFUSED: a login failed. Nothing is read any more; a second later come the answer and the end.
- CLOSED: nothing is read or told any more.

Towards Asterisk (amp is the client):

- AWAIT_GREETING: connected; the one line that names the server has not come.
- AWAIT_CHALLENGE, AWAIT_LOGIN: our Challenge, our Login is on its way.
- READY: signed in. Whatever comes is handed on as frames.
- CLOSED: the server has refused us or has closed.
- ERROR: the server broke the protocol or fell silent; every `next_event` raises the same error.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from amp.core.ami.session_events import (
    ActionReceived,
    AutofilterChanged,
    Closing,
    FilterChanged,
    Greeting,
    LoggedIn,
    LoginFailed,
    MaskChanged,
    OutputChanged,
    Reply,
    ResumeAsked,
    SecretUnchecked,
    SequenceChanged,
    ServersAsked,
    SessionEvent,
    SnifferAsked,
    WaitStarted,
)
from amp.core.ami.upstream_events import (
    ChallengeAnswered,
    Closed,
    FramesReceived,
    Greeted,
    LoginAccepted,
    LoginRefused,
    SendData,
    UpstreamEvent,
)

__all__ = ["CLIENT_TRANSITIONS", "UPSTREAM_TRANSITIONS", "ClientState", "UpstreamState"]


class ClientState(enum.Enum):
    """Where a client's session stands."""

    AWAIT_LOGIN = "await login"
    READY = "ready"
    WAITING = "waiting"
    CHECKING = "checking"
    REFUSED = "refused"
    CLOSED = "closed"

    # Looked up several times an action; an enum's own hash is a call of Python code each time.
    __hash__ = object.__hash__


class UpstreamState(enum.Enum):
    """Where our session with an Asterisk stands."""

    AWAIT_GREETING = "await greeting"
    AWAIT_CHALLENGE = "await challenge"
    AWAIT_LOGIN = "await login"
    READY = "ready"
    CLOSED = "closed"
    ERROR = "error"

    __hash__ = object.__hash__  # as above


CLIENT_TRANSITIONS: Final[Mapping[ClientState, Mapping[type[SessionEvent], ClientState]]] = {
    ClientState.AWAIT_LOGIN: {
        Greeting: ClientState.AWAIT_LOGIN,
        Reply: ClientState.AWAIT_LOGIN,
        OutputChanged: ClientState.AWAIT_LOGIN,
        LoggedIn: ClientState.READY,
        SecretUnchecked: ClientState.CHECKING,
        LoginFailed: ClientState.REFUSED,
        Closing: ClientState.CLOSED,
    },
    ClientState.READY: {
        Reply: ClientState.READY,
        ActionReceived: ClientState.READY,
        SnifferAsked: ClientState.READY,
        ServersAsked: ClientState.READY,
        MaskChanged: ClientState.READY,
        FilterChanged: ClientState.READY,
        AutofilterChanged: ClientState.READY,
        SequenceChanged: ClientState.READY,
        ResumeAsked: ClientState.READY,
        OutputChanged: ClientState.READY,
        LoggedIn: ClientState.READY,
        LoginFailed: ClientState.REFUSED,
        SecretUnchecked: ClientState.CHECKING,
        WaitStarted: ClientState.WAITING,
        Closing: ClientState.CLOSED,
    },
    ClientState.CHECKING: {
        Reply: ClientState.CHECKING,
        OutputChanged: ClientState.CHECKING,
        LoggedIn: ClientState.READY,
        LoginFailed: ClientState.REFUSED,
        Closing: ClientState.CLOSED,
    },
    ClientState.WAITING: {
        Reply: ClientState.READY,
        Closing: ClientState.CLOSED,
    },
    ClientState.REFUSED: {
        Reply: ClientState.REFUSED,
        Closing: ClientState.CLOSED,
    },
    ClientState.CLOSED: {},
}

UPSTREAM_TRANSITIONS: Final[
    Mapping[UpstreamState, Mapping[type[UpstreamEvent | ChallengeAnswered], UpstreamState]]
] = {
    UpstreamState.AWAIT_GREETING: {
        Greeted: UpstreamState.AWAIT_CHALLENGE,
        Closed: UpstreamState.CLOSED,
    },
    UpstreamState.AWAIT_CHALLENGE: {
        SendData: UpstreamState.AWAIT_CHALLENGE,
        ChallengeAnswered: UpstreamState.AWAIT_LOGIN,
        Closed: UpstreamState.CLOSED,
    },
    UpstreamState.AWAIT_LOGIN: {
        SendData: UpstreamState.AWAIT_LOGIN,
        LoginAccepted: UpstreamState.READY,
        LoginRefused: UpstreamState.CLOSED,
        Closed: UpstreamState.CLOSED,
    },
    UpstreamState.READY: {
        SendData: UpstreamState.READY,
        FramesReceived: UpstreamState.READY,
        Closed: UpstreamState.CLOSED,
    },
    UpstreamState.CLOSED: {},
    UpstreamState.ERROR: {},
}

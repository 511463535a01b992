"""What an `UpstreamConnection` tells its owner."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from amp.core.fanout.events import Frames

__all__ = [
    "ChallengeAnswered",
    "Closed",
    "FramesReceived",
    "Greeted",
    "LoginAccepted",
    "LoginRefused",
    "SendData",
    "UpstreamEvent",
]


class Greeted(NamedTuple):
    """The server named itself; ``version`` is its interface's (``"11.0.0"``), ``""`` if it hides it."""

    version: str


class SendData(NamedTuple):
    """Bytes for the server: amp's own challenge, login or keepalive."""

    data: bytes


class ChallengeAnswered(NamedTuple):
    """Moves the state when the server has answered our Challenge, with or without one. Never told."""


class LoginAccepted(NamedTuple):
    """We are signed in: actions may be sent, frames follow."""


class LoginRefused(NamedTuple):
    """The server will not have us; it closes the connection. ``message`` is the server's text."""

    message: str


@attrs.define
class FramesReceived:
    """Whole frames from one read, raw, each without its closing blank line; never an empty list."""

    frames: Frames


class Closed(NamedTuple):
    """The server closed the connection; ``lost_bytes`` of an unfinished frame were dropped."""

    lost_bytes: int


UpstreamEvent = Greeted | SendData | LoginAccepted | LoginRefused | FramesReceived | Closed

"""What an `Exchange` tells its owner."""

from __future__ import annotations

import enum
from typing import NamedTuple

__all__ = ["ExchangeEvent", "ExchangeFailed", "Failure", "ReplyChunk", "ReplyEnded"]


class Failure(enum.Enum):
    """Why an exchange came to nothing."""

    NOT_CONNECTED = "not connected"
    """No connection: the command was not sent."""
    NO_ANSWER = "no answer"
    """Nothing came in time. A sniffer whose database is down hangs so, and every further command too."""
    STALLED = "stalled"
    """The reply began and then stopped."""
    TOO_LONG = "too long"
    """The reply would not end."""
    TOO_BIG = "too big"
    CUT = "cut"
    """The connection, or the reply, broke off."""
    WRONG_KEY = "wrong key"
    UNREADABLE = "unreadable"
    """The reply cannot be decrypted: cut short, or another key."""
    BUSY = "busy"
    """No exchange was begun: too many others, or the sniffer hangs."""
    UNSENDABLE = "unsendable"
    """There is no key for the command, or no encrypted form of it."""
    NEED_KEY = "need key"
    """A plain command was refused, as the sniffer has a key."""

    @property
    def doubts_key(self) -> bool:
        """Whether the key should be read again; a read-only command is then repeated, if it changed."""
        return self in (Failure.WRONG_KEY, Failure.UNREADABLE, Failure.NEED_KEY)

    @property
    def is_hang(self) -> bool:
        """Whether the sniffer may be hanging, so that more connections would only pile up."""
        return self in (Failure.NO_ANSWER, Failure.STALLED)


class ReplyChunk(NamedTuple):
    """The next bytes of the reply, decrypted."""

    data: bytes


class ReplyEnded(NamedTuple):
    """The reply is complete, as far as that can be known.

    ``total_bytes`` is what chunks gave in all; 0 is a normal reply of some commands, and also what a sniffer
    gives that is just starting or stopping.
    """

    total_bytes: int
    encrypted: bool


class ExchangeFailed(NamedTuple):
    """The exchange is over. ``sent`` tells *outcome unknown* from *not sent*; ``told_bytes`` of the reply
    had been given before."""

    failure: Failure
    message: str
    sent: bool
    told_bytes: int


ExchangeEvent = ReplyChunk | ReplyEnded | ExchangeFailed

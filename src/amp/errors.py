"""Every exception amp raises on purpose. Nothing else in the tree defines one.

Who handles what: a `RemoteProtocolError` closes one connection, whose peer broke the protocol;
a `LocalProtocolError` means our own code (or a caller of it) is wrong and is never caught to
"keep going"; a `ConfigError` ends `amp check` and `amp run` with exit code 2.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AmpError",
    "BodyBrokenError",
    "ConfigError",
    "ConsoleError",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
]


class AmpError(Exception):
    """The root of amp's own exceptions."""


class ProtocolError(AmpError):
    """Somebody broke a protocol. Abstract: raise one of the two subclasses.

    Args:
        message: what was expected, what came and in which state; at most 40 bytes of ``repr`` of
            foreign data, never a secret.
        reply_hint: the text that is safe to show the peer; ``message`` if not given.
    """

    def __init__(self, message: str, reply_hint: str = "") -> None:
        if type(self) is ProtocolError:
            raise TypeError("raise LocalProtocolError or RemoteProtocolError")
        super().__init__(message)
        self.reply_hint = reply_hint or message


class LocalProtocolError(ProtocolError):
    """We tried something that the protocol forbids in this state, or tried to encode what cannot be sent."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the protocol forbids; its connection cannot go on."""


class ConfigError(AmpError):
    """A configuration that cannot be used.

    Args:
        source: the file's path as the user gave it.
        problems: one sentence each, beginning with the path of the key (``server[2].port: ...``).
    """

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))
        self.source = source
        self.problems = tuple(problems)


class ConsoleError(AmpError):
    """A running amp could not be asked, or did not do what it was asked.

    Args:
        message: one sentence.
        problems: more to know, one sentence each.
    """

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class BodyBrokenError(AmpError):
    """Raised by an HTTP body: no more can be given, and what was given must not look complete."""

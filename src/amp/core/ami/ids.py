"""The ActionIDs that amp uses towards Asterisk, and what they carry home.

A client's action goes upstream with the ActionID ``amp<token>.<client>.<n>-<original>``: who asked,
the how-manieth action of that client, and the client's own ActionID byte for byte (empty if it had
none). The token is drawn when amp starts, so two amps can share one Asterisk.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs

from amp.errors import LocalProtocolError

__all__ = ["ActionIds", "WireId"]

MAX_NUMBERS_BYTES = 40
"""More than our two counts ever take; ``int`` of a very long foreign number would raise."""


class WireId(NamedTuple):
    """What one of our ActionIDs says.

    Attributes:
        client: the number of the client that asked.
        n: counts that client's actions.
        original: the client's own ActionID, ``b""`` if it had none.
    """

    client: int
    n: int
    original: bytes


def _clean_token(_instance: object, _attribute: object, token: bytes) -> None:
    if not token.isalnum():
        raise LocalProtocolError("expected an ActionID token of letters and digits")


@attrs.frozen
class ActionIds:
    """Makes and reads the ActionIDs of one amp process.

    Attributes:
        token: drawn at start; ASCII letters and digits.
        prefix: what every ActionID made here begins with, ``b"amp<token>."``.
    """

    token: bytes = attrs.field(validator=_clean_token)
    prefix: bytes = attrs.field(init=False)

    @prefix.default
    def _make_prefix(self) -> bytes:
        return b"amp%s." % self.token

    def make(self, client: int, n: int, original: bytes) -> bytes:
        """The ActionID for the wire; ``original`` is taken as it is (the reader let no line end in)."""
        return b"%s%d.%d-%s" % (self.prefix, client, n, original)

    def parse(self, value: bytes) -> WireId | None:
        """Read an ActionID that came back; ``None`` unless this process made one of this form."""
        if not value.startswith(self.prefix):
            return None
        numbers, dash, original = value[len(self.prefix) :].partition(b"-")
        client, dot, n = numbers.partition(b".")
        if not (dash and dot and client.isdigit() and n.isdigit() and len(numbers) <= MAX_NUMBERS_BYTES):
            return None
        return WireId(int(client), int(n), original)

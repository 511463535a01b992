"""A reply on its way to who asked, and how much of several may be held."""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs
import trio

from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure

__all__ = ["Answer", "Budget"]

MOST_WAITING_BYTES: Final = 262_144
"""Of a reply, for its asker; the sniffer is read no further then."""


@attrs.define
class Budget:
    """How many bytes of replies may be held at the same time.

    Attributes:
        most: in all.
        what: that is, for people.
        held: of it.
    """

    most: int
    what: str = "a reply"
    held: int = 0

    def take(self, size: int) -> bool:
        """Hold so many more; ``False`` if that is too much."""
        self.held += size
        return self.held <= self.most

    def give_back(self, size: int) -> None:
        """They are not held any more."""
        self.held -= size


class Answer:
    """A reply on its way to one asker: pieces till ``b""``, then `failure` tells whether that was all.

    Attributes:
        failure: why there is no more; ``None`` if the reply is complete.
    """

    def __init__(self) -> None:
        self.failure: ExchangeFailed | None = None
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._over = False
        self._news = trio.Event()
        self._room = trio.Event()

    async def piece(self) -> bytes:
        """The next piece; ``b""`` at the end."""
        while not self._pieces:
            if self._over:
                return b""
            self._news = trio.Event()
            await self._news.wait()
        piece = self._pieces.popleft()
        self._bytes -= len(piece)
        if not self.full:
            self._room.set()
        return piece

    async def whole(self, budget: Budget | None = None) -> bytes:
        """All of it, or what came before it failed; a failure as well if the budget does not suffice."""
        pieces: list[bytes] = []
        while piece := await self.piece():
            pieces.append(piece)
            if budget is not None and not budget.take(len(piece)):
                size = sum(map(len, pieces))
                self.failure = ExchangeFailed(
                    Failure.TOO_BIG, f"{budget.what} of over {budget.most} bytes", True, size
                )
                break
        return b"".join(pieces)

    def give(self, data: bytes) -> None:
        """The next piece has come."""
        if data:
            self._pieces.append(data)
            self._bytes += len(data)
            self._news.set()

    def end(self, failure: ExchangeFailed | None = None) -> None:
        """Nothing more comes."""
        self.failure, self._over = failure, True
        self._news.set()
        self._room.set()

    @property
    def full(self) -> bool:
        """Whether so much waits for the asker that nothing more should be read for it."""
        return self._bytes >= MOST_WAITING_BYTES

    async def room(self) -> None:
        """Wait until it is no longer `full`; the sniffer is read no faster than the asker reads."""
        while self.full and not self._over:
            self._room = trio.Event()
            await self._room.wait()

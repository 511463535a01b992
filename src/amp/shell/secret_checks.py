"""Secrets that are kept as hashes: looked at in threads, a few at a time, each address in its turn.

A check costs up to a quarter of a second of a core on purpose, and whoever reaches the port may ask for one.
So a flood of logins gets no more than some of the cores, an address has one check under way or waiting for a
thread, whatever it sends, and who is not served in time is told so.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from typing import Final

import attrs
import trio

from amp.core.ami.secret_hash import matches
from amp.core.ami.session_events import SecretUnchecked

__all__ = ["SecretChecks"]

MOST_THREADS: Final = 4
"""The other half of the cores is left to everybody else."""

MOST_REMEMBERED: Final = 1000


def thread_count() -> int:
    """How many checks may run at once here."""
    return max(1, min(MOST_THREADS, (os.cpu_count() or 1) // 2))


@attrs.define(eq=False)
class _Turn:
    """An address: its checks go one behind the other."""

    lock: trio.Lock = attrs.field(factory=trio.Lock)
    wanted: int = 0


@attrs.define(eq=False)
class SecretChecks:
    """All checks of a process.

    What was right is remembered, by a digest whose key lives as long as the process: over HTTP a client
    signs in with each request, and cannot spend a quarter of a second on each.

    Attributes:
        timeout_s: gives how long a login may wait for its turn and its check.
        threads: how many run at once.
        check: looks at one, see `amp.core.ami.secret_hash.matches`.
    """

    timeout_s: Callable[[], float]
    threads: int = attrs.field(factory=thread_count)
    check: Callable[[bytes, str], bool] = matches
    _limiter: trio.CapacityLimiter = attrs.field(init=False)
    _turns: dict[str, _Turn] = attrs.field(factory=dict, init=False)
    _right: dict[bytes, None] = attrs.field(factory=dict, init=False, repr=False)
    _key: bytes = attrs.field(factory=lambda: secrets.token_bytes(32), init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._limiter = trio.CapacityLimiter(self.threads)

    @property
    def addresses_waiting(self) -> int:
        """From how many addresses somebody waits or is checked."""
        return len(self._turns)

    async def judge(self, address: str, unchecked: SecretUnchecked) -> bool | None:
        """Whether the secret is right; ``None`` if its turn did not come in time.

        Args:
            address: who has to wait behind whom: the key of the visit's origin.
            unchecked: what the session asks.
        """
        digest = self._digest(unchecked)
        if digest in self._right:
            return True
        turn = self._turns.setdefault(address, _Turn())
        turn.wanted += 1
        try:
            right = None
            with trio.move_on_after(self.timeout_s()):
                async with turn.lock:
                    right = await self._look(unchecked)
        finally:
            turn.wanted -= 1
            if not turn.wanted:
                del self._turns[address]
        if right:
            self._remember(digest)
        return right

    async def _look(self, unchecked: SecretUnchecked) -> bool:
        """In a thread, which is left behind if nobody wants to know any more; its place stays taken."""
        secret, hashed = unchecked
        return await trio.to_thread.run_sync(
            self.check, secret, hashed, abandon_on_cancel=True, limiter=self._limiter
        )

    def _digest(self, unchecked: SecretUnchecked) -> bytes:
        text = unchecked.hashed.encode() + b"\0" + unchecked.secret
        return hmac.digest(self._key, text, hashlib.sha256)

    def _remember(self, digest: bytes) -> None:
        while len(self._right) >= MOST_REMEMBERED:
            del self._right[next(iter(self._right))]
        self._right[digest] = None

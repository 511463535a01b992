"""The GUI's database from within amp: its blocking calls in threads, and never for longer than allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import attrs
import trio

from amp.errors import ConfigError
from amp.shell.gui_database import GuiDatabase

__all__ = ["DatabaseThread"]

T = TypeVar("T")

THREADS: Final = 2
"""So many connections at a time: a database that hangs keeps no more threads than these."""


def _limiter() -> trio.CapacityLimiter:
    return trio.CapacityLimiter(THREADS)


@attrs.define(eq=False)
class DatabaseThread:
    """One GUI's database for everybody in this amp."""

    database: GuiDatabase
    _limiter: trio.CapacityLimiter = attrs.field(factory=_limiter, init=False)

    async def call(self, method: Callable[[], T]) -> T:
        """Call one of the database's methods in a thread, which is left behind if it takes too long.

        Raises:
            ConfigError: what the method raises; or there was no answer in time.
        """
        settings = self.database.settings
        limit_s = settings.connect_timeout_s + settings.answer_timeout_s
        with trio.move_on_after(limit_s):
            return await trio.to_thread.run_sync(method, abandon_on_cancel=True, limiter=self._limiter)
        raise ConfigError(self.database.place, [f"no answer within {limit_s:g} s"])

"""A sniffer's key: where it stands, read when it is needed, and again when it is doubted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

import trio

from amp.config.schema import VoipmonitorServer
from amp.core.voipmonitor.cipher import SnifferKey
from amp.errors import ConfigError
from amp.shell.database_thread import DatabaseThread
from amp.shell.key_sources import key_readers

__all__ = ["KeyRing", "KeySource", "key_sources"]

KeySource = Callable[[], Awaitable[SnifferKey | None]]
"""Reads the key anew; ``None`` if there is none in that place.

Raises ``OSError`` or `ConfigError` if it cannot tell; the text goes into the log and holds no key."""


class KeyRing:
    """The sources of one sniffer's key, in the order in which they are tried.

    Args:
        sources: the first that has a key decides.
    """

    def __init__(self, sources: Sequence[KeySource]) -> None:
        self._sources = tuple(sources)
        self._key: SnifferKey | None = None
        self._lock = trio.Lock()

    async def key(self) -> SnifferKey:
        """The key; read the first time.

        Raises:
            ConfigError: there is none, or it cannot be read; says why, for each source.
        """
        if self._key is None:
            await self.changed_since(None)
        assert self._key is not None  # the line above found one, or raised
        return self._key

    async def changed_since(self, doubted: SnifferKey | None) -> bool:
        """Read the key again, and say whether it is another one than the one that did not work.

        Of several who doubt the same key at the same time, only the first reads.

        Raises:
            ConfigError: there is none any more, or it cannot be read.
        """
        async with self._lock:
            if self._key is None or self._key == doubted:
                self._key = await self._read()
            return self._key != doubted

    async def _read(self) -> SnifferKey:
        problems: list[str] = []
        for source in self._sources:
            try:
                key = await source()
            except ConfigError as error:
                problems += [f"{error.source}: {problem}" for problem in error.problems]
            except OSError as error:
                problems.append(f"{error.filename or 'key'}: {error.strerror or error}")
            else:
                if key is not None:
                    return key
        raise ConfigError("key", problems or ["there is none in any of its places"])


def key_sources(server: VoipmonitorServer, database: DatabaseThread | None) -> Iterator[KeySource]:
    """Where a server's key can stand, as `amp.shell.key_sources` has it, each read in a thread."""
    blocking = database.database if database is not None else None
    for _, read in key_readers(server, blocking):
        if database is not None and read == database.database.key:
            yield partial(database.call, read)
        else:
            yield partial(trio.to_thread.run_sync, read)

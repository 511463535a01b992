"""A sniffer's key: where it stands, read when it is needed, and again when it is doubted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import trio

from amp.config.secret import Secret
from amp.core.voipmonitor.cipher import SnifferKey
from amp.core.voipmonitor.key_forms import from_base64
from amp.errors import ConfigError
from amp.shell.database_thread import DatabaseThread
from amp.shell.key_files import conf_key, php_key

__all__ = ["KeyRing", "KeySource", "key_in_conf", "key_in_config", "key_in_database", "key_in_php"]

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


def key_in_config(key: Secret, iv: Secret, source: str) -> KeySource:
    """The key that stands in the configuration, in a variable, or in two files, which are read anew."""

    def read() -> SnifferKey:
        try:
            return from_base64(key.fresh().reveal(), iv.fresh().reveal(), source=source)
        except ValueError as error:
            raise ConfigError(source, [str(error)]) from None

    return partial(trio.to_thread.run_sync, read)


def key_in_conf(path: Path) -> KeySource:
    """``manager_aes_key`` and ``manager_aes_iv`` of a ``voipmonitor.conf``."""
    return partial(trio.to_thread.run_sync, conf_key, path)


def key_in_php(path: Path) -> KeySource:
    """``VPMANAGER_AES_KEY`` and ``VPMANAGER_AES_IV`` of the GUI's ``configuration.php``."""
    return partial(trio.to_thread.run_sync, php_key, path)


def key_in_database(database: DatabaseThread) -> KeySource:
    """The row ``manager_key`` of the GUI's table ``system``."""
    return partial(database.call, database.database.key)

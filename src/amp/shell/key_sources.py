"""Where a sniffer's key can stand, in the order in which amp looks (DESIGN §6): blocking, without trio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from amp.core.voipmonitor.cipher import SnifferKey
from amp.core.voipmonitor.key_forms import from_base64
from amp.errors import ConfigError
from amp.shell.key_files import conf_key, php_key

if TYPE_CHECKING:  # `amp send` need not wait for them
    from amp.config.schema import VoipmonitorServer
    from amp.config.secret import Secret
    from amp.shell.gui_database import GuiDatabase

__all__ = ["KeyReader", "key_readers", "pair_key"]

KeyReader = Callable[[], SnifferKey | None]
"""Reads the key anew; ``None`` if there is none in that place. Raises ``OSError`` or `ConfigError` if it
cannot tell; the text holds no key."""


def key_readers(server: VoipmonitorServer, database: GuiDatabase | None) -> Iterator[tuple[str, KeyReader]]:
    """The places of one server's key, each with its name for people.

    Args:
        database: the GUI's, if there is one.
    """
    if server.key is not None and server.iv is not None:
        where = f"server {server.name}"
        yield where, partial(pair_key, server.key, server.iv, where)
    if server.key_conf is not None:
        yield str(server.key_conf), partial(conf_key, server.key_conf)
    if server.key_php is not None:
        yield str(server.key_php), partial(php_key, server.key_php)
    if database is not None:
        yield database.place, database.key


def pair_key(key: Secret, iv: Secret, source: str) -> SnifferKey:
    """The key that stands in the configuration, in variables, or in files, which are read anew."""
    try:
        return from_base64(key.fresh().reveal(), iv.fresh().reveal(), source=source)
    except ValueError as error:
        raise ConfigError(source, [str(error)]) from None

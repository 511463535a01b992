"""``amp key``: the sniffers' AES key: show it, make one, give a second GUI the same.

A key goes to standard output, and nowhere else; everything else goes to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from amp.cli.progress import Progress
from amp.cli.reading import config_path, load_or_tell

if TYPE_CHECKING:
    from amp.config.schema import Config, VoipmonitorServer
    from amp.core.voipmonitor.cipher import SnifferKey
    from amp.shell.gui_database import GuiDatabase
    from amp.shell.key_sources import KeyReader

__all__ = ["copy", "generate", "show"]

Form = Literal["gui", "base64", "conf", "php"]
Bytes = Literal[16, 24, 32]
Force = Annotated[bool, Parameter(negative="")]

FAILED: Final = 1
UNUSABLE: Final = 2


def show(
    config: Path | None = None,
    /,
    *,
    server: str | None = None,
    form: Form = "gui",
) -> int:
    """Print a key.

    amp key show amp.toml prints the one in the database of [database]; without that section the one of the
    only sniffer. Standard error says where it was found.

    Parameters
    ----------
    config
        amp's configuration; one with nothing but [database] will do. Else AMP_CONFIG names it, else it is
        /etc/amp/amp.toml.
    server
        The sniffer of that name: its key, wherever amp itself finds it.
    form
        gui: the JSON that stands in the GUI's database; base64: two lines for amp's configuration; conf: two
        lines for voipmonitor.conf; php: two lines for the GUI's configuration.php.
    """
    loaded = load_or_tell(config_path(config))
    if loaded is None:
        return UNUSABLE
    places = _places(loaded, server)
    if not places:
        return UNUSABLE
    key = _first_key(places)
    if key is None:
        return FAILED
    _print(key, form)
    return 0


def generate(
    *,
    bytes_: Annotated[Bytes, Parameter(name="--bytes")] = 32,
    form: Form = "gui",
    into: Path | None = None,
    force: Force = False,
) -> int:
    """Make a new key and print it. Nothing else is changed, unless --into is given.

    Parameters
    ----------
    bytes_
        How long; 32 bytes serve every cipher, since a sniffer takes as many as it needs.
    form
        As with amp key show.
    into
        A configuration: the key is put into the database of its [database], where the sniffers take it from.
    force
        Also in the place of another key, which stops working.
    """
    database = None
    if into is not None:
        loaded = load_or_tell(into)
        database = _database(loaded, into) if loaded is not None else None
        if database is None:
            return UNUSABLE
    key = _new_key(bytes_)
    if database is not None and not _store(key, database, force=force):
        return FAILED
    _print(key, form)
    return 0


def copy(source: Path, target: Path, /, *, server: str | None = None, force: Force = False) -> int:
    """Give the GUI of one configuration the key of another (HA: two GUIs, the same sniffers).

    amp key copy gui-a.toml gui-b.toml: each file needs nothing but its [database]. Prints no key.

    Parameters
    ----------
    source
        The configuration whose key is taken, as with amp key show.
    target
        The configuration whose database gets it.
    server
        The sniffer of the first configuration whose key is taken, instead of the database's.
    force
        Also in the place of another key, which stops working.
    """
    loaded, wanted = load_or_tell(source), load_or_tell(target)
    database = _database(wanted, target) if wanted is not None else None
    places = _places(loaded, server) if loaded is not None else []
    if not places or database is None:
        return UNUSABLE
    key = _first_key(places)
    return 0 if key is not None and _store(key, database, force=force) else FAILED


def _places(config: Config, name: str | None) -> list[tuple[str, KeyReader]]:
    """Where the key that was asked for can stand; if it cannot stand anywhere, says why."""
    from amp.shell.gui_database import GuiDatabase
    from amp.shell.key_sources import key_readers

    database = GuiDatabase(config.database) if config.database is not None else None
    if name is None and database is not None:
        return [(database.place, database.key)]
    server = _server(config, name)
    places = list(key_readers(server, database)) if server is not None else []
    if server is not None and not places:
        _say(f"server {server.name} has no key, and no place where one could be found")
    return places


def _first_key(places: list[tuple[str, KeyReader]]) -> SnifferKey | None:
    """The first key that is found, and a line that says where; else why there is none."""
    from amp.errors import ConfigError

    for place, read in places:
        try:
            with Progress(f"amp key: {place}"):
                key = read()
        except ConfigError as error:
            _say(str(error))
        except OSError as error:
            _say(f"{place}: {error.strerror or error}")
        else:
            _say(f"from {place}" if key is not None else f"{place}: there is none")
            if key is not None:
                return key
    return None


def _server(config: Config, name: str | None) -> VoipmonitorServer | None:
    sniffers = [one for one in config.sniffers if name in (None, one.name)]
    if len(sniffers) == 1:
        return sniffers[0]
    known = ", ".join(one.name for one in config.sniffers) or "none"
    what = (
        "there is no [database], so --server has to say whose key" if name is None else f"no sniffer {name!r}"
    )
    _say(f"{what} (sniffers: {known})")
    return None


def _database(config: Config, path: Path) -> GuiDatabase | None:
    from amp.shell.gui_database import GuiDatabase

    if config.database is None:
        _say(f"{path}: database: missing; the key is put into the database that it names")
        return None
    return GuiDatabase(config.database)


def _store(key: SnifferKey, database: GuiDatabase, *, force: bool) -> bool:
    from amp.errors import ConfigError

    try:
        with Progress(f"amp key: {database.place}"):
            changed = database.store_key(key, force=force)
    except ConfigError as error:
        _say(str(error))
        return False
    _say(f"{database.place}: {'has the key now' if changed else 'has this key already'}")
    return True


def _new_key(size: int) -> SnifferKey:
    import secrets

    from amp.core.voipmonitor.cipher import BLOCK, SnifferKey

    return SnifferKey(secrets.token_bytes(size), secrets.token_bytes(BLOCK))


def _print(key: SnifferKey, form: Form) -> None:
    sys.stdout.writelines(f"{line}\n" for line in _lines(key, form))


def _lines(key: SnifferKey, form: Form) -> Iterator[str]:
    from amp.core.voipmonitor.key_forms import to_base64, to_gui_json

    text, iv = to_base64(key)
    if form == "gui":
        yield to_gui_json(key).decode()
    elif form == "base64":
        yield from (f'key = "{text}"', f'iv = "{iv}"')
    elif form == "conf":
        yield from (f"manager_aes_key = {text}", f"manager_aes_iv = {iv}")
    else:
        yield from (f"define('VPMANAGER_AES_KEY', '{text}');", f"define('VPMANAGER_AES_IV', '{iv}');")


def _say(text: str) -> None:
    sys.stderr.write(f"amp key: {text}\n")

"""Whom ``amp send`` asks: from its options and a configuration to places, ciphers and keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import attrs

from amp.cli.send_exchange import KeySource, Place, Target
from amp.cli.send_wishes import AMP, Whom
from amp.core.voipmonitor.cipher import SnifferKey
from amp.core.voipmonitor.exchange import ExchangeLimits
from amp.core.voipmonitor.key_forms import from_base64
from amp.errors import ConfigError
from amp.shell.key_sources import key_readers

if TYPE_CHECKING:  # who gives a host and no configuration does not wait for it
    from amp.config.schema import Config, Listen, VoipmonitorServer
    from amp.config.secret import Secret
    from amp.shell.gui_database import GuiDatabase

__all__ = ["choose_targets"]

SNIFFER_PORT: Final = 5029
CIPHER: Final = "aes-128-cbc"
SOURCE: Final = "options"


def choose_targets(whom: Whom, config: Config | None) -> list[Target]:
    """Who is asked.

    Args:
        config: ``None`` if there is none, and ``whom`` names nobody in one.

    Raises:
        ConfigError: there is no such sniffer or listener, or the key that was given is none.
    """
    given = tuple(_given_key(whom))
    if whom.host is not None:
        targets = [_at_host(whom, config, given)]
    elif whom.place is not None:
        targets = [_at_listener(whom, config, given)]
    else:
        assert config is not None  # who is named is named in one
        servers = _named(whom, config)
        if whom.via == AMP:
            targets = [_at_listener_of(server, config) for server in servers]
        else:
            targets = [_server_target(server, config, given, aes=whom.aes) for server in servers]
    for target in targets:
        if target.cipher is not None and not target.keys:
            raise ConfigError(SOURCE, [f"{target.name}: no key: give --key and --iv, or a configuration"])
    return [attrs.evolve(target, limits=_patience(target.limits, whom.timeout)) for target in targets]


def _patience(limits: ExchangeLimits, timeout_s: float | None) -> ExchangeLimits:
    if timeout_s is None:
        return limits
    return attrs.evolve(
        limits, connect_s=min(limits.connect_s, timeout_s), first_byte_s=timeout_s, progress_s=timeout_s
    )


# -- one that is given by its place ---------------------------------------------------------------------


def _at_host(whom: Whom, config: Config | None, given: tuple[KeySource, ...]) -> Target:
    assert whom.host is not None
    unix = whom.host.startswith("/")
    place = Place(whom.host, 0 if unix else whom.port or SNIFFER_PORT)
    server = _configured_at(place, config) if config is not None else None
    cipher, keys = None, given
    if whom.aes:
        known = (
            _server_target(server, config, (), aes=True)
            if server is not None and config is not None
            else None
        )
        cipher = known.cipher if known is not None else CIPHER
        keys = (*(known.keys if known is not None else _database_key(config)), *given)
    return Target(name=str(place), place=place, cipher=cipher, keys=keys)


def _configured_at(place: Place, config: Config) -> VoipmonitorServer | None:
    """The configured sniffer at this place; at the same host, if none is at the same port."""
    there = [
        server
        for server in config.sniffers
        if server.ssh is None
        and place.host.lower() == str(server.socket if server.socket is not None else server.host).lower()
    ]
    exactly = [server for server in there if not place.port or server.port == place.port]
    return next(iter((*exactly, *there)), None)


def _at_listener(whom: Whom, config: Config | None, given: tuple[KeySource, ...]) -> Target:
    assert whom.place is not None
    place = _place(whom.place)
    listens = () if config is None else config.listen
    known = next((one for one in listens if one.speaks_voipmonitor and Place(*one.near) == place), None)
    keys = (*(_pair(known.key, known.iv, known.place) if known is not None and whom.aes else ()), *given)
    return Target(name=str(place), place=place, cipher=CIPHER if whom.aes else None, keys=keys)


def _place(text: str) -> Place:
    """``HOST:PORT``, ``[IPV6]:PORT`` or a path.

    Raises:
        ConfigError: none of them.
    """
    if text.startswith("/"):
        return Place(text)
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ConfigError(SOURCE, [f"--via {text}: expected HOST:PORT, the path of a unix socket, or amp"])
    return Place(host.removeprefix("[").removesuffix("]"), int(port))


# -- one that is named in the configuration -------------------------------------------------------------


def _named(whom: Whom, config: Config) -> list[VoipmonitorServer]:
    if whom.server is not None:
        what = f"no sniffer is called {whom.server!r}"
    elif whom.sensor is not None:
        what = f"no sniffer has sensor_id = {whom.sensor}"
    else:
        what = "there is no sniffer"
    servers = [server for server in config.sniffers if _is_meant(server, whom)]
    everybody = list(config.sniffers)
    if not servers or whom.everyone:  # the database need not be asked for one that stands in the file
        everybody += _of_database(config)
        servers = [server for server in everybody if _is_meant(server, whom)]
    if not servers:
        known = ", ".join(f"{one.name} ({one.sensor_id or 'no sensor_id'})" for one in everybody)
        raise ConfigError(SOURCE, [f"{what} in the configuration, which has {known or _none(config)}"])
    return servers if whom.everyone else servers[:1]


def _none(config: Config) -> str:
    if config.simulate is None or not config.simulate.sniffers:
        return "none"
    return "only simulated ones: those are inside the running amp, which is asked by HTTP or SnifferCommand"


def _is_meant(server: VoipmonitorServer, whom: Whom) -> bool:
    if whom.server is not None:
        return server.name == whom.server
    return whom.sensor is None or server.sensor_id == whom.sensor


def _of_database(config: Config) -> Iterable[VoipmonitorServer]:
    """The sensors that the GUI's database names, if amp takes them from there.

    Raises:
        ConfigError: it cannot be read.
    """
    database = _database(config)
    if config.fleet is None or database is None:
        return ()
    from amp.config.sensors import read_sensors

    return read_sensors(database.sensors(), config.fleet, config.server, config.listen).servers.values()


def _server_target(
    server: VoipmonitorServer, config: Config, given: tuple[KeySource, ...], *, aes: bool
) -> Target:
    if server.ssh is not None:
        why = f"{server.name} is reached over SSH, which a running amp does: give --via"
        raise ConfigError(SOURCE, [why])
    cipher = None if server.encryption == "none" else server.encryption
    return Target(
        name=server.name,
        sensor_id=server.sensor_id,
        place=Place(str(server.host), server.port) if server.socket is None else Place(str(server.socket)),
        cipher=cipher or (CIPHER if aes else None),
        keys=(*(read for _, read in key_readers(server, _database(config))), *given),
        limits=ExchangeLimits(
            connect_s=server.connect_timeout_s,
            first_byte_s=server.answer_timeout_s,
            progress_s=server.progress_timeout_s,
            whole_s=server.whole_timeout_s,
            reply_bytes=server.reply_bytes,
        ),
    )


def _listener_of(server: VoipmonitorServer, config: Config) -> Listen:
    """amp's own listener in this sniffer's place.

    Raises:
        ConfigError: there is none, or its port is drawn when amp starts.
    """
    found = [one for one in config.listen if one.speaks_voipmonitor and one.server == server.name]
    usable = [one for one in found if one.is_known]
    if not usable:
        what = "its address is not in the configuration" if found else "there is none"
        raise ConfigError(
            SOURCE, [f'--via amp: no [[listen]] with protocols = ["voipmonitor"] for {server.name}: {what}']
        )
    return min(usable, key=lambda one: one.unix is None)


def _at_listener_of(server: VoipmonitorServer, config: Config) -> Target:
    listen = _listener_of(server, config)
    keys = tuple(_pair(listen.key, listen.iv, f"listener {listen.place}"))
    cipher = CIPHER if keys and listen.unix is None else None
    return Target(
        name=server.name, sensor_id=server.sensor_id, place=Place(*listen.near), cipher=cipher, keys=keys
    )


# -- keys -----------------------------------------------------------------------------------------------


def _given_key(whom: Whom) -> Iterable[KeySource]:
    """The key of the command line or the environment, the last that is tried.

    Raises:
        ConfigError: it is none.
    """
    texts = whom.key_texts()
    return () if texts is None else (_fixed(from_base64(*texts, source="--key and --iv")),)


def _database(config: Config | None) -> GuiDatabase | None:
    if config is None or config.database is None:
        return None
    from amp.shell.gui_database import GuiDatabase

    return GuiDatabase(config.database)


def _database_key(config: Config | None) -> tuple[KeySource, ...]:
    database = _database(config)
    return () if database is None else (database.key,)


def _pair(key: Secret | None, iv: Secret | None, source: str) -> Iterator[KeySource]:
    if key is not None and iv is not None:
        yield _fixed(from_base64(key.reveal(), iv.reveal(), source=source))


def _fixed(key: SnifferKey) -> KeySource:
    return lambda: key

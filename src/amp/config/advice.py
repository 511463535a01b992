"""What is allowed and probably not meant: shown by ``amp check`` and logged at the start, never an error."""

from __future__ import annotations

import datetime
import ipaddress
import stat
from collections.abc import Iterator

from amp.config.certificates import valid_until
from amp.config.formats import installed
from amp.config.schema import Config

__all__ = ["advice", "is_loopback"]

EXPIRES_SOON = datetime.timedelta(days=14)


def advice(config: Config) -> tuple[str, ...]:
    """One sentence for each doubtful setting, beginning with its path; no secret in any.

    A server is called by its name: it may stand in a drop-in, where it has another number.

    Also one for each plug-in that is installed and cannot be used.
    """
    return (
        *_formats(),
        *_open_listeners(config),
        *_nobody(config),
        *_unused(config),
        *_same_server(config),
        *_unknown_sensors(config),
        *_certificates(config),
        *_insecure_servers(config),
        *_database(config),
    )


def _formats() -> Iterator[str]:
    for problem in installed()[1]:
        yield f"{problem}; it is left out"


def _open_listeners(config: Config) -> Iterator[str]:
    for index, listen in enumerate(config.listen):
        if listen.unix is not None or listen.activation is not None or is_loopback(listen.address):
            continue
        if config.proxy.authentication == "none":
            sees = (
                f"is user {config.proxy.anonymous_user}"
                if config.proxy.anonymous_user
                else "sees every event"
            )
            yield f"listen[{index}]: whoever reaches {listen.address} {sees}: authentication is off"
        elif listen.tls == "off":
            yield f"listen[{index}]: secrets sent to {listen.address} cross the network in clear text"
        elif listen.tls == "optional":
            yield f"listen[{index}]: clients of {listen.address} may still send secrets in clear text"


def _certificates(config: Config) -> Iterator[str]:
    for index, listen in enumerate(config.listen):
        if listen.certificate is None:
            continue
        if listen.tls == "off":
            yield f"listen[{index}].certificate: it has no effect, since tls is off"
            continue
        left = valid_until(listen.certificate) - datetime.datetime.now(datetime.UTC)
        if left < datetime.timedelta(0):
            yield f"listen[{index}].certificate: it has expired, so clients will refuse it"
        elif left < EXPIRES_SOON:
            yield f"listen[{index}].certificate: it expires within {EXPIRES_SOON.days} days"
        if (listen.private_key or listen.certificate).stat().st_mode & stat.S_IROTH:
            yield f"listen[{index}].private_key: every user of this machine may read it"


def _insecure_servers(config: Config) -> Iterator[str]:
    for server in config.asterisks:
        if server.tls == "insecure":
            yield (
                f"server {server.name}: with tls = 'insecure', who stands between amp and it"
                " can read and change everything"
            )


def _database(config: Config) -> Iterator[str]:
    database = config.database
    if database is None:
        return
    if database.tls == "insecure" and database.socket is None:
        yield "database.tls: who stands between amp and it can read and change everything"
    elif database.tls == "off" and database.socket is None and not is_loopback(database.host):
        yield f"database: the sniffers' key crosses the network to {database.host} in clear text"


def _nobody(config: Config) -> Iterator[str]:
    if not config.user and config.proxy.proxy_key is None and config.proxy.authentication == "required":
        yield "user: there is none, so nobody can log in"
    if not config.server and config.simulate is None:
        yield "server: there is none, so there is nothing to see"


def _unused(config: Config) -> Iterator[str]:
    proxy = config.proxy
    if proxy.anonymous_user is not None and proxy.authentication == "required":
        yield "proxy.anonymous_user: nobody is anonymous while authentication is required"
    if proxy.proxy_key_user is not None and proxy.proxy_key is None:
        yield "proxy.proxy_key_user: there is no proxy_key"


def _same_server(config: Config) -> Iterator[str]:
    seen: dict[tuple[str, int], str] = {}
    for server in config.asterisks:
        for address in {(host.lower(), server.port): None for host in server.addresses}:
            other = seen.setdefault(address, server.name)
            if other != server.name:
                yield f"server {server.name}: the same host and port as server {other}: all events come twice"


def _unknown_sensors(config: Config) -> Iterator[str]:
    """Names that only the database can know; what is mistyped looks the same."""
    if config.fleet is None:
        return
    known = {server.name for server in config.server if server is not config.fleet}
    if config.simulate is not None:
        known.update((*config.simulate.names, *config.simulate.sniffer_names))
    named = [
        (f"user[{index}].servers[{place}]", name)
        for index, user in enumerate(config.user)
        for place, name in enumerate(user.servers)
    ]
    named += [(f"listen[{index}].server", one.server or "") for index, one in enumerate(config.listen)]
    for path, name in named:
        if name and name not in known:
            yield f"{path}: no server of the file is called {name}; it is taken for a sensor of the database"


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a listener's address. Of names only ``localhost`` counts."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"

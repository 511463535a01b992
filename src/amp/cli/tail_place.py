"""Where ``amp tail`` connects to, and as whom: from an address or a configuration."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

from amp.cli.reading import DEFAULT_CONFIG, config_path
from amp.cli.send_exchange import Place
from amp.config.certificates import client_context, own_certificate_context
from amp.config.load import load
from amp.config.secret import Secret, SecretReader
from amp.errors import ConfigError

if TYPE_CHECKING:
    import ssl

    from amp.config.schema import Config, Listen

__all__ = ["Account", "TailPlace", "choose"]

SOURCE: Final = "options"
WEBSOCKET: Final = "/ws"
PORTS: Final = {"ws": 80, "wss": 443}
USER: Final = "AMP_TAIL_USER"
SECRET: Final = "AMP_TAIL_SECRET"  # noqa: S105  # a variable's name


@attrs.frozen(kw_only=True)
class TailPlace:
    """Where an amp takes WebSockets.

    Attributes:
        place: what to connect to.
        context: for TLS; ``None`` without it.
        resource: the path of the request.
    """

    place: Place
    context: ssl.SSLContext | None = None
    resource: str = WEBSOCKET

    @property
    def host_header(self) -> str:
        """What the request calls this place."""
        return str(self.place) if self.place.port else "localhost"

    def __str__(self) -> str:
        """For people."""
        if not self.place.port:
            return str(self.place)
        return f"{'ws' if self.context is None else 'wss'}://{self.place}{self.resource}"


@attrs.frozen
class Account:
    """Who signs in."""

    username: str
    secret: Secret


def choose(
    where_to: str | None, user: str | None, secret_file: Path | None, ca: Path | None, *,
    insecure: bool, environ: Mapping[str, str],
) -> tuple[TailPlace, Account | None]:  # fmt: skip
    """Where to connect, and as whom; ``None`` if nobody needs to sign in, as far as can be told from here.

    Args:
        where_to: an address or a configuration file; ``None`` for the usual one.
        user: who signs in; else the environment says it, else the configuration.
        secret_file: where the secret is; else in the environment, the configuration, or a head.
        ca: whom to trust instead of the system's authorities.
        insecure: trust everybody.
        environ: the variables.

    Raises:
        ConfigError: there is no such place or user, or no secret.
    """
    user = user or environ.get(USER) or None
    if where_to is not None and "://" in where_to:
        place, config = _at_address(where_to, ca, insecure=insecure), None
    else:
        config = _configuration(where_to)
        place = _at_listener(config, ca, insecure=insecure)
        user = user or _only_user(config)
    if user is None:
        return place, None
    return place, Account(user, _secret(user, secret_file, config, environ))


# -- where ----------------------------------------------------------------------------------------------


def _at_address(text: str, ca: Path | None, *, insecure: bool) -> TailPlace:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        url, port = urlsplit(""), None
    if url.scheme not in PORTS or not url.hostname or url.query or url.fragment or port == 0:
        raise ConfigError(SOURCE, ["expected ws://HOST:PORT or wss://HOST:PORT"])
    if "@" in url.netloc:
        raise ConfigError(SOURCE, ["expected no name or secret in the address: others see it; give --user"])
    context = _context(ca, insecure=insecure) if url.scheme == "wss" else None
    if context is None and (ca is not None or insecure):
        raise ConfigError(SOURCE, ["--ca and --insecure are for wss://"])
    resource = url.path if url.path not in ("", "/") else WEBSOCKET
    return TailPlace(place=Place(url.hostname, port or PORTS[url.scheme]), context=context, resource=resource)


def _context(ca: Path | None, *, insecure: bool) -> ssl.SSLContext:
    try:
        return client_context(ca, verify=not insecure)
    except ValueError as error:
        raise ConfigError(SOURCE, [f"--{error}"]) from None


def _configuration(where_to: str | None) -> Config:
    path = config_path(None if where_to is None else Path(where_to))
    if path is None:
        places = f"an address, a configuration, the variable AMP_CONFIG, or {DEFAULT_CONFIG}"
        raise ConfigError(SOURCE, [f"expected {places}"])
    if ":" in str(path) and not path.exists():
        raise ConfigError(SOURCE, [f"there is no file {path}; an address begins with ws:// or wss://"])
    return load(path)


def _at_listener(config: Config, ca: Path | None, *, insecure: bool) -> TailPlace:
    """A listener of this machine's amp; one for all servers if there is one."""
    found = [listen for listen in config.listen if "websocket" in listen.protocols]
    usable = [listen for listen in found if listen.is_known]
    if not usable:
        what = "its address is not in the configuration: give it" if found else "there is none"
        raise ConfigError(SOURCE, [f'no [[listen]] with protocols = ["websocket"]: {what}'])
    listen = min(usable, key=lambda one: one.server is not None)
    return TailPlace(place=Place(*listen.near), context=_listener_context(listen, ca, insecure=insecure))


def _listener_context(listen: Listen, ca: Path | None, *, insecure: bool) -> ssl.SSLContext | None:
    if listen.tls == "off" or listen.certificate is None:
        return None
    if ca is not None or insecure:
        return _context(ca, insecure=insecure)
    return own_certificate_context(listen.certificate)


# -- who ------------------------------------------------------------------------------------------------


def _only_user(config: Config) -> str | None:
    """The one that the configuration has, or nobody where nobody has to sign in."""
    if config.proxy.authentication == "none":
        return None
    if len(config.user) != 1:
        raise ConfigError(SOURCE, [f"expected --user: {_users(config)}"])
    return config.user[0].name


def _secret(
    user: str, secret_file: Path | None, config: Config | None, environ: Mapping[str, str]
) -> Secret:  # fmt: skip
    reader = SecretReader(folder=Path(), environ=environ)
    try:
        if secret_file is not None:
            return reader.read({"file": str(secret_file)})
        if environ.get(SECRET):
            return reader.read({"env": SECRET})
        known = [one.secret for one in config.user if one.name == user] if config is not None else []
        if known and known[0] is not None:
            return known[0]
        if sys.stdin is not None and sys.stdin.isatty():
            return reader.read(getpass.getpass(f"Secret of {user}: ", sys.stderr))
    except ValueError as error:
        raise ConfigError(SOURCE, [str(error)]) from None
    except EOFError:
        pass
    if config is not None and user not in (one.name for one in config.user):
        raise ConfigError(SOURCE, [f"there is no user {user}: {_users(config)}"])
    raise ConfigError(SOURCE, [f"no secret of {user}: give --secret-file or {SECRET}"])


def _users(config: Config) -> str:
    return f"the configuration has {', '.join(user.name for user in config.user) or 'nobody'}"

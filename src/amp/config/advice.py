"""What is allowed and probably not meant: shown by ``amp check`` and logged at the start, never an error."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from amp.config.schema import Config

__all__ = ["advice"]


def advice(config: Config) -> tuple[str, ...]:
    """One sentence for each doubtful setting, beginning with its path; no secret in any."""
    return (*_open_listeners(config), *_nobody(config), *_unused(config), *_same_server(config))


def _open_listeners(config: Config) -> Iterator[str]:
    for index, listen in enumerate(config.listen):
        if is_loopback(listen.address):
            continue
        if config.proxy.authentication == "none":
            yield f"listen[{index}]: whoever reaches {listen.address} sees every event: authentication is off"
        else:
            yield f"listen[{index}]: secrets sent to {listen.address} cross the network in clear text"


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
    seen: dict[tuple[str, int], int] = {}
    for index, server in enumerate(config.server):
        address = (server.host.lower(), server.port)
        if address in seen:
            yield f"server[{index}]: the same host and port as server[{seen[address]}]: all events come twice"
        seen.setdefault(address, index)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a listener's address. Of names only ``localhost`` counts."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"

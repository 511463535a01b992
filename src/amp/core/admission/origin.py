"""Where a connection comes from, as far as limits are concerned."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import attrs

__all__ = ["LOOPBACK", "Network", "Origin", "origin_of"]

Network = IPv4Network | IPv6Network

LOOPBACK: Final[tuple[Network, ...]] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

ONE_HOUSE: Final = 64
"""Bits of an IPv6 address that tell one customer from another: who has one address has its whole /64."""


@attrs.frozen
class Origin:
    """The unit that connections and failed logins are counted by.

    Attributes:
        key: an IPv4 address, the /64 of an IPv6 address, or ``"local"`` for a unix socket.
        exempt: not to be limited as an address.
    """

    key: str
    exempt: bool


def origin_of(host: str | None, exempt: Iterable[Network]) -> Origin:
    """The origin of a connection.

    Args:
        host: the peer's IP address as a socket tells it, without its port; ``None`` for a unix socket, whose
            peers are this machine's own (its file's permissions say which) and always exempt.
        exempt: networks whose addresses are exempt.

    An IPv4 address that comes through an IPv6 socket (``::ffff:192.0.2.1``) is the IPv4 address.
    """
    if host is None:
        return Origin("local", exempt=True)
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return Origin(_key(address), any(address in network for network in exempt))


def _key(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), ONE_HOUSE), strict=False))
    return str(address)

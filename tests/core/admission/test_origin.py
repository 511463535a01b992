"""What connections and failed logins are counted by."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from amp.core.admission.origin import LOOPBACK, Origin, origin_of


@pytest.mark.parametrize(
    ("host", "key", "exempt"),
    [
        ("192.0.2.7", "192.0.2.7", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.9.9.9", "127.9.9.9", True),
        ("::1", "::/64", True),
        ("::ffff:192.0.2.7", "192.0.2.7", False),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", False),
        ("fe80::1%eth0", "fe80::/64", False),
        (None, "local", True),
    ],
)
def test_an_origin_is_a_house(host: str | None, key: str, exempt: bool) -> None:
    """An IPv4 address, a /64, or this machine."""
    assert origin_of(host, LOOPBACK) == Origin(key, exempt)


def test_networks_can_be_exempt() -> None:
    """A TLS terminator in front of amp, say; loopback then only if it is named as well."""
    networks = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]
    assert origin_of("192.0.2.7", networks).exempt
    assert origin_of("2001:db8::1", networks).exempt
    assert not origin_of("127.0.0.1", networks).exempt

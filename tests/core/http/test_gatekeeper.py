"""What foreign web pages cannot do."""

from __future__ import annotations

import attrs
import pytest

from amp.core.http.gatekeeper import Gatekeeper, read_origin
from amp.core.http.message import Request

KEEPER = Gatekeeper(("pbx.example.com", "Other.Example."))


def refusal(tls: bool = False, authority: bytes | None = None, **headers: str) -> str:
    pairs = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return KEEPER.refusal(Request(method="GET", path="/", headers=pairs), tls=tls, authority=authority)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:5038", "192.0.2.7:80", "[::1]:5038", "[2001:db8::1]", "localhost", "LOCALHOST:1",
     "amp.localhost", "pbx.example.com:5038", "PBX.example.com.", "other.example"],
)  # fmt: skip
def test_our_own_names(host: str) -> None:
    assert refusal(host=host) == ""


@pytest.mark.parametrize(
    "host",
    ["evil.example", "pbx.example.com.evil.example", "localhost.evil.example", "", "pbx.example.com@evil",
     "127.0.0.1.evil.example", "[::1", "[zz]", "127.0.0.1:999999", "1.2.3", "pbx example"],
)  # fmt: skip
def test_foreign_names(host: str) -> None:
    assert "Host" in refusal(host=host)
    assert "Host" in refusal(host="127.0.0.1", authority=host.encode())


def test_a_program_that_sends_no_host_is_no_browser() -> None:
    assert refusal() == ""


@pytest.mark.parametrize(
    ("site", "ours"), [("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True)]
)
def test_sites(site: str, ours: bool) -> None:
    assert (refusal(host="127.0.0.1", sec_fetch_site=site) == "") is ours


@pytest.mark.parametrize(
    ("host", "origin", "tls"),
    [
        ("127.0.0.1:5038", "http://127.0.0.1:5038", False),
        ("pbx.example.com", "http://pbx.example.com", False),
        ("pbx.example.com:80", "http://PBX.example.com", False),
        ("pbx.example.com", "https://pbx.example.com:443", True),
    ],
)
def test_our_own_origin(host: str, origin: str, tls: bool) -> None:
    assert refusal(tls, host=host, origin=origin) == ""


@pytest.mark.parametrize(
    ("origin", "tls"),
    [
        ("http://evil.example", False),
        ("http://127.0.0.1:3000", False),
        ("http://127.0.0.1", False),
        ("https://127.0.0.1:5038", False),
        ("http://127.0.0.1:5038", True),
        ("null", False),
        ("", False),
        ("http://", False),
        ("http://127.0.0.1:5038/x", False),
    ],
)
def test_foreign_origins(origin: str, tls: bool) -> None:
    assert "Origin" in refusal(tls, host="127.0.0.1:5038", origin=origin)


GUESTS = ("https://app.example.com", "http://app.example.com:8080")


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        ("https://app.example.com", True),
        ("https://APP.example.com:443", True),
        ("http://app.example.com:8080", True),
        ("http://app.example.com", False),
        ("https://app.example.com.evil.example", False),
        ("https://evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_pages_of_others_that_may_open_websockets(origin: str, welcome: bool) -> None:
    """Nothing else, not under another name of ours, and not with two origins."""
    keeper = Gatekeeper((), frozenset(one for text in GUESTS if (one := read_origin(text)) is not None))
    headers = (b"host", b"127.0.0.1"), (b"sec-fetch-site", b"cross-site"), (b"origin", origin.encode())
    request = Request(method="GET", path="/ws", headers=headers)
    assert (keeper.refusal(request, tls=True, websocket=True) == "") is welcome
    assert keeper.refusal(request, tls=True) != ""
    assert keeper.refusal(attrs.evolve(request, headers=(*headers, headers[2])), tls=True, websocket=True)
    stranger = attrs.evolve(request, headers=((b"host", b"evil.example"), *headers[1:]))
    assert "Host" in keeper.refusal(stranger, tls=True, websocket=True)


def test_an_origin_without_a_host_cannot_be_the_same() -> None:
    assert "Origin" in refusal(origin="http://127.0.0.1")


@pytest.mark.parametrize(
    ("name", "ours", "foreign"),
    [
        (b"origin", b"http://127.0.0.1", b"http://evil.example"),
        (b"sec-fetch-site", b"same-origin", b"cross-site"),
    ],
)
def test_no_repeat_hides_where_it_is_from(name: bytes, ours: bytes, foreign: bytes) -> None:
    headers = ((b"host", b"127.0.0.1"), (name, ours), (name, foreign))
    assert KEEPER.refusal(Request(method="GET", path="/", headers=headers), tls=False)
    assert not KEEPER.refusal(Request(method="GET", path="/", headers=headers[:2]), tls=False)

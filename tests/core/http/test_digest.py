"""Digests, as recorded and as tampered with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.http.digest import Nonces, expected_response, read_digest

CAPTURE = Path(__file__).parents[2] / "captures" / "asterisk-22" / "http-digest.c2s.bin"
RECORDED = re.findall(rb"Authorization: ([^\r]*)\r\n", CAPTURE.read_bytes())
GOOD = RECORDED[0]
NONCES = Nonces(b"key", good_s=60)


def test_the_recorded_digests_are_those_of_the_secret() -> None:
    """Asterisk took the first three and refused the last."""
    digests = [read_digest(header) for header in RECORDED]
    right = [one is not None and expected_response(one, "GET", b"secret") == one.response for one in digests]
    assert right == [True, True, True, False]
    assert digests[0] is not None
    assert digests[0].username == b"amp"
    assert digests[0].count == b"00000001"
    assert expected_response(digests[0], "POST", b"secret") != digests[0].response
    assert digests[0].response.decode() not in repr(digests[0])


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Basic YTpi",
        b"Digest",
        GOOD.replace(b'realm="asterisk"', b'realm="other"'),
        GOOD.replace(b"qop=auth,", b"qop=auth-int,"),
        GOOD.replace(b"algorithm=MD5", b"algorithm=SHA-256"),
        GOOD.replace(b"nc=00000001", b"nc=1"),
        GOOD.replace(b'cnonce="0a4f113b", ', b""),
        GOOD + b", nc=00000001",
        GOOD + b" junk",
        GOOD.replace(b"username=", b"username "),
    ],
)
def test_what_is_no_digest_of_ours(header: bytes) -> None:
    assert read_digest(header) is None


def test_fields_may_come_in_any_case_and_without_an_algorithm() -> None:
    header = GOOD.replace(b"algorithm=MD5, ", b"").replace(b"realm=", b"Realm=")
    assert read_digest(b"  " + header) == read_digest(GOOD)


def test_a_nonce_is_good_for_its_time_and_only_ours_is() -> None:
    nonce = NONCES.make(1000.9, b"12345678")
    assert NONCES.is_good(nonce, 1060)
    assert not NONCES.is_good(nonce, 1061)
    assert not Nonces(b"other").is_good(nonce, 1000)
    assert not NONCES.is_good(b"41a2b1c1", 1000)
    forged = b"00000fff" + nonce[8:]
    assert not NONCES.is_good(forged, 0xFFF)


def test_a_nonce_begins_something_once() -> None:
    nonces = Nonces(b"key", good_s=60)
    first, second = nonces.make(1000, b"12345678"), nonces.make(1030, b"87654321")
    assert nonces.spend(first, 1010)
    assert not nonces.spend(first, 1011)
    assert nonces.spend(second, 1090)
    assert not nonces.spend(first, 1090)  # too old by now, so it need not be remembered any more
    assert not nonces.spend(second, 1090)
    assert not nonces.spend(b"41a2b1c1", 1090)
    assert nonces == Nonces(b"key", good_s=60)


@given(st.binary())
def test_garbage_is_refused_or_read(data: bytes) -> None:
    read_digest(b"Digest " + data)
    assert not NONCES.is_good(data, 0)

"""bcrypt hashes as astmanproxy's fork keeps them; the examples are those of Openwall's crypt_blowfish."""

from __future__ import annotations

import pytest

from amp.core.ami.secret_hash import hash_problem, matches

GOOD = "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"


@pytest.mark.parametrize(
    ("hashed", "secret"),
    [
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", b"U*U"),
        ("$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", b"U*U*U"),
        (GOOD, b"\xa3"),
        (GOOD.replace("$2y", "$2b"), b"\xa3"),
    ],
)
def test_the_right_secret(hashed: str, secret: bytes) -> None:
    assert hash_problem(hashed) == ""
    assert matches(secret, hashed)
    assert not matches(secret[:-1], hashed)
    assert not matches(secret + b"\0", hashed)


def test_what_comes_behind_72_bytes_does_not_count() -> None:
    hashed = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
    secret = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    assert matches(secret, hashed)
    assert matches(secret + b"chars after 72 are ignored", hashed)
    assert not matches(secret[:-1], hashed)


def test_an_empty_secret_never_matches() -> None:
    hashed = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"
    assert hash_problem(hashed) == ""
    assert not matches(b"", hashed)


@pytest.mark.parametrize(
    "text",
    ["", "secret", GOOD[:-1], GOOD + "x", GOOD.replace("$2y", "$2c"), GOOD.replace("$05", "$5"), "$6$a$b",
     GOOD.replace("$05", "$03"), GOOD.replace("$05", "$13"), GOOD + "\n"],
)  # fmt: skip
def test_no_hash_of_ours(text: str) -> None:
    problem = hash_problem(text)
    assert problem.startswith("expected a bcrypt hash")
    assert not text or text not in problem

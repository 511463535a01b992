"""Users, MD5 keys, accounts."""

from __future__ import annotations

from amp.core.ami.auth import Accounts, Authenticator, User, md5_key, same_secret

AMP = User(name="amp", secret="secret")
LOCKED = User(name="locked")
ACCOUNTS: Authenticator = Accounts([AMP, LOCKED])


def test_md5_key_is_asterisks() -> None:
    """The key that a real Asterisk took (recording login-challenge-md5)."""
    assert md5_key(b"204891251", b"secret") == b"bfa998ec012cae478ad225bba5249219"


def test_same_secret() -> None:
    assert same_secret(b"x", b"x")
    assert not same_secret(b"x", b"xy")


def test_a_secret_is_never_shown() -> None:
    """Neither the user nor the accounts give it away."""
    assert "secret" not in repr(AMP).replace("secret=", "")
    assert "b'secret'" not in repr(ACCOUNTS)
    assert AMP.secret == b"secret"


def test_by_secret() -> None:
    assert ACCOUNTS.verify_secret(b"amp", b"secret") is AMP
    assert ACCOUNTS.verify_secret(b"amp", b"wrong") is None
    assert ACCOUNTS.verify_secret(b"amp", b"") is None
    assert ACCOUNTS.verify_secret(b"\xff", b"secret") is None


def test_by_md5_key() -> None:
    key = md5_key(b"123", b"secret")
    assert ACCOUNTS.verify_md5(b"amp", b"123", key) is AMP
    assert ACCOUNTS.verify_md5(b"amp", b"123", key.upper()) is AMP
    assert ACCOUNTS.verify_md5(b"amp", b"124", key) is None


def test_an_empty_secret_or_an_unknown_name_lets_nobody_in() -> None:
    """Not even with the very key or secret that an empty password would have."""
    assert ACCOUNTS.verify_secret(b"locked", b"") is None
    assert ACCOUNTS.verify_secret(b"nobody", b"") is None
    assert ACCOUNTS.verify_md5(b"locked", b"123", md5_key(b"123", b"")) is None
    assert ACCOUNTS.verify_md5(b"nobody", b"123", md5_key(b"123", b"")) is None

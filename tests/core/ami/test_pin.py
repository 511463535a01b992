"""A listener's pin narrows what a user is bound to, and never widens it."""

from __future__ import annotations

import pytest

from amp.core.ami.auth import Accounts, User, md5_key
from amp.core.ami.pin import Pin, PinnedAccounts

FREE = User(name="free", secret=b"f")
BOUND = User(name="bound", secret=b"b", server="a", servers=("b", "c"))
KEY = User(name="key", secret=b"k", server="z")


@pytest.mark.parametrize("user", [FREE, BOUND])
def test_who_may_use_the_server_is_bound_to_it_alone(user: User) -> None:
    """Also a user with several: the listener is for one."""
    here = Pin(server="b", on_server_loss="event").narrow(user)
    assert here is not None
    assert (here.name, here.bound_to, here.leaves_with) == (user.name, frozenset("b"), None)
    assert here.member is user
    assert user.member is user


def test_a_user_of_other_servers_is_nobody_here() -> None:
    assert Pin(server="d").narrow(BOUND) is None


def test_losing_the_server_ends_the_connection_by_default() -> None:
    here = Pin(server="d").narrow(FREE)
    assert here is not None
    assert here.leaves_with == "d"
    assert (FREE.leaves_with, BOUND.leaves_with) == (None, "a")


def test_every_way_in_goes_through_the_pin() -> None:
    """A right secret for the wrong server is told to amp's own log only."""
    strangers: list[User] = []
    accounts = PinnedAccounts(Accounts((FREE, BOUND), KEY), Pin(server="d"), strangers.append)
    for user in (
        accounts.verify_secret(b"free", b"f"),
        accounts.verify_md5(b"free", b"1", md5_key(b"1", b"f")),
    ):
        assert user is not None
        assert user.server == "d"
    assert accounts.verify_secret(b"free", b"wrong") is None
    assert strangers == []
    assert accounts.verify_secret(b"bound", b"b") is None
    assert accounts.verify_proxy_key(b"k") is None
    assert strangers == [BOUND, KEY]

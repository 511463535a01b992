"""Who a client is after the users have changed."""

from __future__ import annotations

import attrs
import pytest

from amp.core.ami.auth import User
from amp.core.ami.renewal import Membership

ANNA = User(name="anna", secret="a")
BERT = User(name="bert", secret="b")
KEY = User(name="proxy key", secret="k")
ANYBODY = User(name="anonymous")
OLD = Membership(users=[ANNA, BERT], key_user=KEY, anonymous=ANYBODY)


def test_everybody_stays_who_it_is_if_nothing_changed() -> None:
    for user in (ANNA, BERT, KEY, ANYBODY):
        assert OLD.successor(user, OLD) == user


@pytest.mark.parametrize("user", [ANNA, KEY, ANYBODY])
def test_rights_follow_the_new_users(user: User) -> None:
    """Whoever it is, and whichever way it came in."""
    less = attrs.evolve(user, read=["call"])
    new = Membership(
        users=[less if user == ANNA else ANNA],
        key_user=less if user == KEY else KEY,
        anonymous=less if user == ANYBODY else ANYBODY,
    )
    assert OLD.successor(user, new) == less


def test_who_is_removed_has_to_go() -> None:
    """With the reason that fits."""
    new = Membership()
    assert OLD.successor(ANNA, new) == "user removed"
    assert OLD.successor(KEY, new) == "proxy key removed"
    assert OLD.successor(ANYBODY, new) == "a login is required now"


def test_who_knows_an_old_secret_has_to_go() -> None:
    """A secret is changed because somebody knew it."""
    new = Membership(
        users=[attrs.evolve(ANNA, secret="x"), BERT],
        key_user=attrs.evolve(KEY, secret="x"),
        anonymous=ANYBODY,
    )
    assert OLD.successor(ANNA, new) == "secret changed"
    assert OLD.successor(KEY, new) == "proxy key changed"
    assert OLD.successor(BERT, new) == BERT


def test_one_user_can_be_all_three() -> None:
    """``anonymous_user`` and ``proxy_key_user`` name a user; each way in is judged by itself."""
    by_key = attrs.evolve(ANNA, secret="k")
    old = Membership(users=[ANNA], key_user=by_key)
    new = Membership(users=[ANNA])
    assert old.successor(by_key, new) == "proxy key removed"
    assert old.successor(ANNA, new) == ANNA

"""Logins that hang on a hash: what the owner is asked, and what happens while it looks."""

from __future__ import annotations

import math

import attrs
import pytest

from amp.core.ami.auth import Accounts, User, md5_key
from amp.core.ami.door import NO_KEYS_FOR_HASHES, TOO_MANY_LOGINS
from amp.core.ami.frame import Frame
from amp.core.ami.mask import ALL
from amp.core.ami.pin import Pin, PinnedAccounts
from amp.core.ami.renewal import Membership
from amp.core.ami.session import ClientSession
from amp.core.ami.session_events import Closing, LoggedIn, LoginFailed, Reply, SecretUnchecked
from amp.core.ami.states import ClientState
from core.ami.player import AMP, CHALLENGE, drain, say, session

HASH = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
SECRET = b"U*U"
HANNA = User(name="hanna", secret_hash=HASH)
DECOY = "$2b$05$" + "." * 53


def accounts() -> Accounts:
    return Accounts([AMP, HANNA])


def asked(username: bytes = b"hanna", *lines: bytes, secret: bytes = SECRET) -> ClientSession:
    """A session at time 1 whose Login waits for the owner."""
    conn = session(accounts=accounts())
    drain(conn)
    events = say(conn, b"Action: Login", b"Username: " + username, b"Secret: " + secret, *lines, now=1.0)
    assert len(events) == 1
    assert isinstance(events[0], SecretUnchecked)
    assert (conn.state, conn.next_deadline()) == (ClientState.CHECKING, math.inf)
    return conn


def test_a_hash_is_for_the_owner_to_look_at() -> None:
    """Neither of its parts is shown by accident."""
    conn = session(accounts=accounts())
    drain(conn)
    (event,) = say(conn, b"Action: Login", b"Username: hanna", b"Secret: " + SECRET)
    assert event == SecretUnchecked(SECRET, HASH)
    assert "U*U" not in repr(event) + repr(conn) + repr(HANNA)
    assert HASH not in repr(event) + repr(conn) + repr(HANNA)


def test_a_secret_that_matches_signs_in() -> None:
    conn = asked(b"hanna", b"ActionID: 7")
    conn.secret_checked(True, 1.5)
    reply, logged_in = drain(conn)
    assert isinstance(reply, Reply)
    assert not reply.ordered
    assert Frame.parse(reply.data.partition(b"\r\n\r\n")[0]).get(b"ActionID") == b"7"
    assert logged_in == LoggedIn(HANNA, ALL)
    assert (conn.state, conn.user) == (ClientState.READY, HANNA)
    assert conn.next_deadline() == math.inf


def test_a_secret_that_does_not_match_fails_a_second_after_the_login() -> None:
    """Not after the check: how long that took tells nobody anything."""
    conn = asked(b"hanna", secret=b"wrong")
    conn.secret_checked(False, 1.25)
    assert drain(conn) == [LoginFailed(b"hanna")]
    assert conn.next_deadline() == 2.0
    conn.handle_timeout(2.0)
    reply, closing = drain(conn)
    assert reply == Reply(b"Response: Error\r\nMessage: Authentication failed\r\n\r\n", ordered=True)
    assert isinstance(closing, Closing)


def test_what_could_not_be_looked_at_is_no_failed_login() -> None:
    conn = asked()
    conn.secret_checked(None, 31.0)
    assert drain(conn) == [LoginFailed(b"hanna", TOO_MANY_LOGINS)]
    assert conn.next_deadline() == 32.0


@pytest.mark.parametrize("username", [b"nobody", b"amp", b"\xff"])
def test_a_wrong_secret_costs_the_same_for_every_name(username: bytes) -> None:
    """Unknown, or kept in plain: the owner looks at a hash of the same cost, that lets nobody in."""
    conn = asked(username, secret=b"wrong")
    conn.secret_checked(True, 1.0)
    assert drain(conn) == [LoginFailed(username)]


def test_a_right_plain_secret_costs_nothing() -> None:
    conn = session(accounts=accounts())
    drain(conn)
    events = say(conn, b"Action: Login", b"Username: amp", b"Secret: secret")
    assert events[-1] == LoggedIn(AMP, ALL)


def test_without_any_hash_nothing_is_asked() -> None:
    conn = session()
    drain(conn)
    assert say(conn, b"Action: Login", b"Username: amp", b"Secret: wrong") == [LoginFailed(b"amp")]
    assert Accounts([AMP]).hash_to_check(b"amp") is None


def test_the_decoy_is_as_dear_as_the_dearest() -> None:
    dear = attrs.evolve(HANNA, name="dear", secret_hash=HASH.replace("$05", "$11"))
    assert Accounts([HANNA, dear]).hash_to_check(b"nobody") == DECOY.replace("$05", "$11")


@pytest.mark.parametrize("username", [b"hanna", b"nobody", b"amp"])
def test_keys_are_refused_with_a_reason_that_tells_no_names(username: bytes) -> None:
    """A hash cannot answer a Challenge; every wrong key is told so, whoever it is for."""
    conn = session(accounts=accounts())
    drain(conn)
    say(conn, b"Action: Challenge", b"AuthType: MD5")
    key = md5_key(CHALLENGE, HASH.encode())
    (event,) = say(conn, b"Action: Login", b"AuthType: MD5", b"Username: " + username, b"Key: " + key)
    assert event == LoginFailed(username, "Authentication failed" + NO_KEYS_FOR_HASHES)


def test_an_empty_key_is_no_key_to_a_hash() -> None:
    assert accounts().verify_md5(b"hanna", CHALLENGE, md5_key(CHALLENGE, b"")) is None
    assert accounts().verify_secret(b"hanna", b"") is None
    assert accounts().verify_secret(b"hanna", HASH.encode()) is None


def test_what_comes_meanwhile_waits_a_second_login_included() -> None:
    """The end of the stream, too: who has sent all it has to say still gets its answers."""
    conn = asked()
    assert say(conn, b"Action: Ping", b"ActionID: 1") == []
    assert say(conn, b"Action: Login", b"Username: amp", b"Secret: secret", b"ActionID: 2") == []
    conn.receive_data(b"", 1.1, 0.0)
    assert drain(conn) == []
    conn.secret_checked(True, 1.2)
    events = drain(conn)
    assert [type(event) for event in events] == [Reply, LoggedIn, Reply, Reply, LoggedIn, Closing]
    assert [event.user for event in events if isinstance(event, LoggedIn)] == [HANNA, AMP]


def test_a_second_login_by_hash_leaves_the_first_in_place_till_it_is_known() -> None:
    conn = session(accounts=accounts())
    drain(conn)
    say(conn, b"Action: Login", b"Username: amp", b"Secret: secret")
    say(conn, b"Action: Login", b"Username: hanna", b"Secret: " + SECRET)
    assert (conn.state, conn.user, conn.events) == (ClientState.CHECKING, AMP, ALL)
    conn.change_user(attrs.evolve(AMP, read=["call"]))
    (renewed,) = drain(conn)
    assert isinstance(renewed, LoggedIn)
    assert conn.state is ClientState.CHECKING
    conn.secret_checked(True, 1.0)
    assert conn.user == HANNA


def test_a_stranger_being_checked_is_nobody_to_change() -> None:
    conn = asked()
    conn.change_user(AMP)
    assert drain(conn) == []


@pytest.mark.parametrize(
    "users", [[AMP], [attrs.evolve(HANNA, secret_hash=DECOY)], [User(name="hanna", secret="plain")]]
)
def test_the_users_of_now_count_and_not_those_of_the_login(users: list[User]) -> None:
    """Removed, or another hash, or none any more, while it was being looked at."""
    them = accounts()
    conn = session(accounts=them)
    drain(conn)
    say(conn, b"Action: Login", b"Username: hanna", b"Secret: " + SECRET)
    them.replace(users)
    conn.secret_checked(True, 0.5)
    assert drain(conn) == [LoginFailed(b"hanna")]


def test_rights_that_changed_meanwhile_are_the_new_ones() -> None:
    them = accounts()
    conn = session(accounts=them)
    drain(conn)
    say(conn, b"Action: Login", b"Username: hanna", b"Secret: " + SECRET)
    less = attrs.evolve(HANNA, read=["call"])
    them.replace([less])
    conn.secret_checked(True, 0.5)
    assert conn.user == less


def test_what_was_found_out_too_late_changes_nothing() -> None:
    """The session has ended meanwhile, or nobody asked."""
    conn = asked()
    conn.end("gone")
    drain(conn)
    conn.secret_checked(True, 2.0)
    assert drain(conn) == []
    assert conn.user is None
    fresh = session(accounts=accounts())
    drain(fresh)
    fresh.secret_checked(True, 0.0)
    assert (drain(fresh), fresh.user) == ([], None)


def test_behind_a_pin_the_same_hashes_are_checked() -> None:
    strangers: list[User] = []
    bound = attrs.evolve(HANNA, name="bound", server="b")
    pinned = PinnedAccounts(Accounts([HANNA, bound]), Pin(server="a"), strangers.append)
    assert pinned.hash_to_check(b"hanna") == HASH
    user = pinned.verify_hashed(b"hanna", HASH)
    assert user is not None
    assert (user.member, user.server) == (HANNA, "a")
    assert pinned.verify_hashed(b"bound", HASH) is None
    assert strangers == [bound]


def test_a_changed_hash_is_a_changed_secret() -> None:
    """The same as with plain ones: it was changed because somebody knew the old one."""
    old = Membership(users=[HANNA])
    assert old.successor(HANNA, old) == HANNA
    for new in (attrs.evolve(HANNA, secret_hash=DECOY), User(name="hanna", secret="U*U")):
        assert old.successor(HANNA, Membership(users=[new])) == "secret changed"

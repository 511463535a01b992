"""A session asks its door before it lets anybody in, and lives on when its user changes."""

from __future__ import annotations

import math

import attrs

from amp.core.ami.auth import Accounts, User
from amp.core.ami.door import OPEN_DOOR, Verdict
from amp.core.ami.framing import NEED_DATA
from amp.core.ami.mask import ALL, EventMask
from amp.core.ami.session import ClientSession
from amp.core.ami.session_events import Closing, LoggedIn, LoginFailed, MaskChanged, Reply, WaitStarted
from amp.core.ami.states import ClientState
from core.ami.player import ACCOUNTS, AMP, GREETING, READONLY, drain, say, session, signed_in

CALL = EventMask(frozenset((b"call",)))


@attrs.define
class Script:
    """A door that says what it was told to and remembers the questions."""

    verdict: Verdict
    asked: list[tuple[str | None, float]] = attrs.field(factory=list)

    def judge(self, user: str | None, now: float) -> Verdict:
        self.asked.append((user, now))
        return self.verdict


def guarded(door: Script, anonymous: User | None = None) -> ClientSession:
    return ClientSession(
        greeting=GREETING,
        authenticator=ACCOUNTS,
        challenge=b"1",
        login_timeout_s=30.0,
        now=0.0,
        anonymous=anonymous,
        door=door,
    )


def test_the_open_door_knows_nothing_but_secrets() -> None:
    """Asterisk's second, Asterisk's words."""
    assert OPEN_DOOR.judge(None, 0.0) == Verdict("Authentication failed", 1.0)
    assert OPEN_DOOR.judge("amp", 0.0) == Verdict("")


def test_the_door_is_asked_about_right_and_wrong_secrets() -> None:
    """A wrong name and a wrong secret are the same question."""
    for headers in (
        (b"Username: amp", b"Secret: no"),
        (b"Username: stranger", b"Secret: secret"),
        (b"Secret: secret",),
    ):
        door = Script(Verdict("Authentication failed", 8.0))
        conn = guarded(door)
        say(conn, b"Action: Login", *headers, now=2.0)
        assert (door.asked, conn.next_deadline()) == ([(None, 2.0)], 10.0)


def test_who_the_door_refuses_does_not_get_in_with_the_right_secret() -> None:
    """The refusal comes when the door says, then the end."""
    door = Script(Verdict("Too many sessions of this user", 3.0))
    conn = guarded(door)
    told = say(conn, b"Action: Login", b"Username: amp", b"Secret: secret", b"ActionID: 7", now=2.0)
    assert told[1:] == [LoginFailed(b"amp", "Too many sessions of this user")]
    assert (door.asked, conn.state, conn.user) == ([("amp", 2.0)], ClientState.REFUSED, None)
    conn.handle_timeout(5.0)
    assert drain(conn) == [
        Reply(
            b"Response: Error\r\nActionID: 7\r\nMessage: Too many sessions of this user\r\n\r\n", ordered=True
        ),
        Closing("authentication failed", drain=False),
    ]


def test_an_anonymous_session_is_somebody_without_a_name() -> None:
    """So the door knows that it is no stranger."""
    door = Script(Verdict(""))
    guarded(door, READONLY)
    assert door.asked == [("", 0.0)]


def test_a_changed_user_sees_at_once_what_it_may_of_what_it_asked_for() -> None:
    """Both at Login and at Events; rights may come back."""
    conn = signed_in()
    conn.change_user(attrs.evolve(AMP, read=["call"]))
    assert drain(conn) == [LoggedIn(attrs.evolve(AMP, read=["call"]), CALL)]
    assert MaskChanged(CALL) in say(conn, b"Action: Events", b"EventMask: call,agent")
    conn.change_user(AMP)
    assert drain(conn) == [LoggedIn(AMP, EventMask(frozenset((b"call", b"agent"))))]
    say(conn, b"Action: Events", b"EventMask: on")
    conn.change_user(AMP)
    assert drain(conn) == [LoggedIn(AMP, ALL)]


def test_a_wait_survives_a_change() -> None:
    """Its end comes with the event, as before."""
    conn = signed_in()
    assert say(conn, b"Action: WaitEvent") == [WaitStarted()]
    conn.change_user(READONLY)
    assert drain(conn)[0].user == READONLY  # type: ignore[union-attr]  # LoggedIn, as asserted above
    assert (conn.state, conn.next_deadline()) == (ClientState.WAITING, math.inf)


def test_only_who_is_signed_in_can_change() -> None:
    """A stranger has no user."""
    conn = session()
    drain(conn)
    conn.change_user(AMP)
    assert conn.next_event() is NEED_DATA
    assert conn.user is None


def test_the_owner_can_end_a_session_at_any_time() -> None:
    """What was sent and not yet acted on is lost."""
    for conn in (session(), signed_in()):
        drain(conn)
        conn.receive_data(b"Action: Ping\r\n\r\n", 1.0, 0.0)
        conn.end("user removed")
        conn.end("again")
        assert drain(conn) == [Closing("user removed", drain=False)]
        assert say(conn, b"Action: Ping") == []


def test_accounts_are_replaced_as_a_whole() -> None:
    """Who is no longer there cannot sign in."""
    accounts = Accounts([AMP])
    accounts.replace([READONLY])
    assert accounts.verify_secret(b"amp", b"secret") is None
    assert accounts.verify_secret(READONLY.name.encode(), READONLY.secret) == READONLY
    assert Accounts().users == {}

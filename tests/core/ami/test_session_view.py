"""What a session's user, its wishes and its format make of a view."""

from __future__ import annotations

from amp.core.ami.auth import Accounts, User
from amp.core.ami.session import ClientSession
from amp.core.ami.session_view import view_of
from amp.core.fanout.view import ViewKey
from amp.core.policy.calls.call_filter import CallFilter


def session_of(user: User | None, actions: bytes = b"") -> ClientSession:
    session = ClientSession(
        greeting=b"Asterisk Call Manager/11.0.0",
        authenticator=Accounts(),
        challenge=b"1",
        login_timeout_s=30.0,
        now=0.0,
        anonymous=user,
    )
    session.receive_data(actions, 0.0, 0.0)
    for _ in range(20):
        session.next_event()
    return session


def test_nobody_sees_nothing() -> None:
    assert view_of(session_of(None), 1, "standard") is None
    events_off = b"Action: Events\r\nEventMask: off\r\n\r\n"
    assert view_of(session_of(User(name="a"), events_off), 1, "standard") is None


def test_everybody_with_equal_keys_shares_a_view() -> None:
    assert view_of(session_of(User(name="a")), 1, "standard") == ViewKey()
    calls = CallFilter(channel=b"sip/1")
    bound = User(name="b", server="x", servers=("y",), calls=calls)
    assert view_of(session_of(bound), 2, "json") == ViewKey(
        servers=frozenset((b"x", b"y")), format="json", calls=calls
    )


def test_autofilter_on_is_a_view_of_its_own() -> None:
    actions = b"ProxyAction: SetAutoFilter\r\nAutoFilter: On\r\n\r\nAction: Ping\r\nActionID: 7\r\n\r\n"
    view = view_of(session_of(User(name="a"), actions), 3, "standard")
    assert view is not None
    assert view.asker == (3, b"7")

"""The session where no recording speaks: what the owner is told, time, second logins, waiting."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from amp.core.ami.frame import Frame, FrameKind
from amp.core.ami.framing import NEED_DATA
from amp.core.ami.mask import ALL, NONE, EventMask
from amp.core.ami.session import ClientSession
from amp.core.ami.session_events import (
    ActionReceived,
    Closing,
    Greeting,
    LoggedIn,
    LoginFailed,
    MaskChanged,
    Reply,
    SnifferAsked,
    WaitStarted,
)
from amp.core.ami.states import CLIENT_TRANSITIONS, ClientState
from amp.errors import LocalProtocolError
from core.ami.player import ACCOUNTS, AMP, GREETING, READONLY, drain, say, session, signed_in
from replay import chunks

ACCEPTED = b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n"
FAILED = b"Response: Error\r\nMessage: Authentication failed\r\n\r\n"
BOOTED = (
    b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: %d\r\nLastReload: %d\r\n"
    b"Status: Fully Booted\r\n\r\n"
)
DONE = b"Response: Success\r\nMessage: Waiting for Event completed.\r\n\r\nEvent: WaitEventComplete\r\n\r\n"


def test_the_greeting_comes_first_and_alone() -> None:
    """One line without a blank line behind it."""
    assert drain(session()) == [Greeting(GREETING + b"\r\n")]


def test_a_greeting_is_one_line() -> None:
    with pytest.raises(LocalProtocolError):
        ClientSession(
            greeting=b"a\r\nb", authenticator=ACCOUNTS, challenge=b"1", login_timeout_s=30.0, now=0.0
        )


def test_a_login_tells_who_and_what_it_wants_to_see() -> None:
    """The answer first, with FullyBooted about amp itself behind it; then the owner may attach events."""
    conn = session(started=-7.5)
    assert conn.state is ClientState.AWAIT_LOGIN
    events = say(conn, b"Action: Login", b"Username: amp", b"Secret: secret", now=2.0)
    assert events[1:] == [Reply(ACCEPTED + BOOTED % (9, 9), ordered=True), LoggedIn(AMP, ALL)]
    assert (conn.state, conn.user, conn.events) == (ClientState.READY, AMP, ALL)
    assert conn.next_deadline() == math.inf


@pytest.mark.parametrize(
    ("header", "mask", "booted"),
    [
        (b"Events: off", NONE, False),
        (b"Events: nosuchclass", NONE, False),
        (b"Events: call", EventMask(frozenset((b"call",))), False),
        (b"Events: ", ALL, True),
        (b"Events: system,cdr", EventMask(frozenset((b"system", b"cdr"))), True),
    ],
)
def test_login_with_a_mask(header: bytes, mask: EventMask, booted: bool) -> None:
    """FullyBooted comes only to who wants class system (recording login-events-call)."""
    reply, logged_in = say(session(), b"Action: Login", b"Username: amp", b"Secret: secret", header)[1:]
    assert logged_in == LoggedIn(AMP, mask)
    assert isinstance(reply, Reply)
    assert reply.data == ACCEPTED + (BOOTED % (0, 0) if booted else b"")


def test_a_user_sees_no_more_than_it_may() -> None:
    """The mask is cut down to the user's rights, at Login and at Events; the answer is On all the same."""
    conn = session()
    events = say(conn, b"Action: Login", b"Username: readonly", b"Secret: secret")
    assert events[-1] == LoggedIn(READONLY, EventMask(frozenset((b"system", b"call"))))
    changed, reply = say(conn, b"Action: Events", b"EventMask: call,cdr")
    assert changed == MaskChanged(EventMask(frozenset((b"call",))))
    assert reply == Reply(b"Response: Success\r\nEvents: On\r\n\r\n", ordered=True)
    assert say(conn, b"Action: Events", b"EventMask: cdr")[0] == MaskChanged(NONE)
    assert conn.events == NONE


def test_an_action_goes_to_the_router() -> None:
    """With the client's own ActionID, or None; the reply to what has one need not wait for others."""
    conn = signed_in()
    assert say(conn, b"Action: Status", b"ActionID: 7", b"X: y") == [
        ActionReceived(Frame.parse(b"Action: Status\r\nActionID: 7\r\nX: y"), b"7")
    ]
    (unnamed,) = say(conn, b"ActionID: ", b"Action: Status")
    assert isinstance(unnamed, ActionReceived)
    assert unnamed.action_id is None


def test_sniffer_commands_are_for_the_owner_and_not_for_the_router() -> None:
    conn = signed_in()
    assert say(conn, b"Action: SnifferCommand", b"ActionID: 7", b"Command: getversion") == [
        SnifferAsked(Frame.parse(b"Action: SnifferCommand\r\nActionID: 7\r\nCommand: getversion"), b"7")
    ]


@pytest.mark.parametrize(
    ("line", "ordered"),
    [(b"Action: Ping", True), (b"Action: Ping\r\nActionID: 1", False), (b"Nothing: here", True)],
)
def test_an_answer_without_action_id_keeps_its_place(line: bytes, ordered: bool) -> None:
    """Clients that send no ActionID pair answers by order."""
    (reply,) = say(signed_in(), line)
    assert isinstance(reply, Reply)
    assert reply.ordered is ordered


def test_a_ping_to_a_server_goes_there() -> None:
    """Only a Ping without Server is for amp itself."""
    (event,) = say(signed_in(), b"Action: Ping", b"Server: pbx1")
    assert isinstance(event, ActionReceived)


def test_a_failed_login_takes_one_second_and_the_connection() -> None:
    """Told at once, answered after exactly a second; what came behind it is lost."""
    conn = session()
    events = say(conn, b"Action: Login", b"Username: amp", b"Secret: no", b"", b"Action: Logoff", now=5.0)
    assert events[1:] == [LoginFailed(b"amp")]
    assert conn.next_deadline() == 6.0
    assert say(conn, b"Action: Login", b"Username: amp", b"Secret: secret", now=5.5) == []
    conn.handle_timeout(5.9)
    assert drain(conn) == []
    conn.handle_timeout(6.0)
    assert drain(conn) == [Reply(FAILED, ordered=True), Closing("authentication failed", drain=False)]
    assert conn.next_deadline() == math.inf
    assert say(conn, b"Action: Ping") == []


def test_a_key_needs_a_challenge() -> None:
    """A key for a challenge that nobody asked for is refused, right or not."""
    conn = session(challenge=b"204891251")
    key = b"Key: bfa998ec012cae478ad225bba5249219"
    assert say(conn, b"Action: Login", b"AuthType: MD5", b"Username: amp", key)[1:] == [LoginFailed(b"amp")]


def test_a_second_login_replaces_the_first() -> None:
    """With the right secret the connection has another user from then on."""
    conn = signed_in()
    events = say(conn, b"Action: Login", b"Username: readonly", b"Secret: secret", b"Events: off")
    assert events == [Reply(ACCEPTED, ordered=True), LoggedIn(READONLY, NONE)]
    assert conn.user is READONLY


def test_a_wrong_second_login_ends_the_session() -> None:
    """As a wrong first one does."""
    conn = signed_in()
    assert say(conn, b"Action: Login", b"Username: amp", b"Secret: no", now=9.0) == [LoginFailed(b"amp")]
    assert (conn.state, conn.next_deadline()) == (ClientState.REFUSED, 10.0)


def test_without_authentication_the_session_begins_signed_in() -> None:
    """A login still replaces the anonymous user, and there is no time limit."""
    conn = ClientSession(
        greeting=GREETING,
        authenticator=ACCOUNTS,
        challenge=b"1",
        login_timeout_s=30.0,
        now=0.0,
        anonymous=READONLY,
    )
    assert drain(conn)[1:] == [LoggedIn(READONLY, EventMask(frozenset((b"system", b"call"))))]
    assert conn.next_deadline() == math.inf
    assert say(conn, b"Action: Login", b"Username: amp", b"Secret: secret")[-1] == LoggedIn(AMP, ALL)


def test_nobody_may_stay_a_stranger() -> None:
    """After the login time the end comes without a word, whatever was said meanwhile."""
    conn = session()
    say(conn, b"Action: Ping", now=29.0)
    assert conn.next_deadline() == 30.0
    conn.handle_timeout(30.0)
    assert drain(conn) == [Closing("login timeout", drain=False)]


def test_logoff_and_half_close_let_answers_out_first() -> None:
    """Goodbye comes behind what is still unanswered; so does the end of a half-closed connection."""
    assert say(signed_in(), b"Action: Logoff", b"ActionID: 1") == [
        Reply(b"Response: Goodbye\r\nActionID: 1\r\nMessage: Thanks for all the fish.\r\n\r\n", ordered=True),
        Closing("logoff", drain=True),
    ]
    conn = signed_in()
    conn.receive_data(b"Action: Status\r\n\r\nAction: Half", 1.0, 1.0)
    conn.receive_data(b"", 1.0, 1.0)
    first, second = drain(conn)
    assert isinstance(first, ActionReceived)
    assert second == Closing("end of stream", drain=True)
    assert conn.next_event() is NEED_DATA


@pytest.mark.parametrize(
    "timeout", [b"Timeout: 0x10", b"Timeout: -1", b"Timeout: ", b"X: 1", b"Timeout: 9999999999"]
)
def test_a_wait_without_end_ends_with_an_event(timeout: bytes) -> None:
    """No Timeout, or none that is a number of seconds."""
    conn = signed_in()
    assert say(conn, b"Action: WaitEvent", timeout) == [WaitStarted()]
    assert (conn.state, conn.next_deadline()) == (ClientState.WAITING, math.inf)
    conn.notify_event()
    assert drain(conn) == [Reply(DONE, ordered=True)]
    conn.notify_event()
    assert drain(conn) == []


def test_a_wait_with_a_timeout() -> None:
    """It ends at its time; actions sent along with it are done afterwards."""
    conn = signed_in()
    assert say(conn, b"Action: WaitEvent", b"Timeout: 2", b"", b"Action: Status", now=1.0) == [WaitStarted()]
    assert conn.next_deadline() == 3.0
    conn.handle_timeout(3.0)
    reply, action = drain(conn)
    assert reply == Reply(DONE, ordered=True)
    assert isinstance(action, ActionReceived)
    assert conn.next_deadline() == math.inf


def test_what_the_client_says_ends_its_wait() -> None:
    """As in Asterisk, whose WaitEvent looks at the socket (main/manager.c, action_waitevent)."""
    conn = signed_in()
    say(conn, b"Action: WaitEvent", b"ActionID: w", b"Timeout: 60")
    reply, action = say(conn, b"Action: Status")
    assert reply == Reply(
        DONE.replace(b"\r\nM", b"\r\nActionID: w\r\nM").replace(
            b"Complete\r\n", b"Complete\r\nActionID: w\r\n"
        ),
        ordered=False,
    )
    assert isinstance(action, ActionReceived)
    say(conn, b"Action: WaitEvent")
    conn.receive_data(b"", 1.0, 1.0)
    assert drain(conn) == [Reply(DONE, ordered=True), Closing("end of stream", drain=True)]


def test_every_state_is_in_the_table() -> None:
    """And leads only to states that there are; nothing follows the end."""
    assert set(CLIENT_TRANSITIONS) == set(ClientState)
    assert all(after in ClientState for row in CLIENT_TRANSITIONS.values() for after in row.values())
    assert CLIENT_TRANSITIONS[ClientState.CLOSED] == {}
    assert all(row.get(Closing) is ClientState.CLOSED for row in CLIENT_TRANSITIONS.values() if row)


LIKELY = st.sampled_from(
    [
        b"Action: Login\r\nUsername: amp\r\nSecret: secret\r\n\r\n",
        b"Action: Login\r\nUsername: amp\r\nSecret: wrong\r\n\r\n",
        b"Action: Challenge\r\nAuthType: MD5\r\n\r\n",
        b"Action: WaitEvent\r\nTimeout: 3\r\n\r\n",
        b"Action: Events\r\nEventMask: call\r\n\r\n",
        b"Action: Ping\r\nActionID: 1\r\n\r\n",
        b"Action: Status\r\n\r\n",
        b"Action: Logoff\r\n\r\n",
    ]
)


@given(st.lists(LIKELY | strategies.garbage, max_size=12), strategies.cuts, st.data())
def test_nothing_a_client_sends_breaks_the_session(
    pieces: list[bytes], cuts: list[int], data: st.DataObject
) -> None:
    """Whatever comes in whatever chunks, and whenever time passes: whole frames, and at most one end."""
    conn = session()
    now, events = 0.0, drain(conn)
    for piece in chunks(b"".join(pieces), cuts):
        conn.receive_data(piece, now, now)
        events += drain(conn)
        if data.draw(st.booleans()):
            now = min(conn.next_deadline(), now + 5.0)
            conn.handle_timeout(now)
            events += drain(conn)
    conn.receive_data(b"", now, now)
    events += drain(conn)
    conn.handle_timeout(now + 100.0)
    events += drain(conn)
    assert isinstance(events[-1], Closing)
    assert sum(isinstance(event, Closing) for event in events) == 1
    for event in events[1:]:
        if isinstance(event, Reply):
            assert event.data.endswith(b"\r\n\r\n")
            kinds = {Frame.parse(raw).kind for raw in event.data.split(b"\r\n\r\n")[:-1]}
            assert kinds <= {FrameKind.RESPONSE, FrameKind.EVENT}

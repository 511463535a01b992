"""What a session asks before it acts (rights, the proxy key), and what it adds (filters, autofilter)."""

from __future__ import annotations

import attrs
import pytest

from amp.core.ami.auth import Accounts, User
from amp.core.ami.frame import Frame
from amp.core.ami.mask import ALL, EventMask
from amp.core.ami.session import ClientSession
from amp.core.ami.session_events import (
    ActionReceived,
    AutofilterChanged,
    Closing,
    FilterChanged,
    LoggedIn,
    LoginFailed,
    Reply,
    ServersAsked,
)
from amp.core.fanout.autofilter import Autofilter
from amp.core.policy.authorise import Policy
from amp.core.policy.event_filter import NO_FILTER, EventFilter
from amp.core.proxy_actions.changes import DropServer
from amp.core.proxy_actions.world import ClientSeen, ServerSeen, World
from core.ami.player import drain, say

WORLD = World(
    (ClientSeen("anna", "127.0.0.1"), ClientSeen("bert", "127.0.0.2")),
    (
        ServerSeen("a", False, "10.0.0.1", 5038, "amp", "on", "", "gone"),
        ServerSeen("b", True, "10.0.0.2", 5038, "amp", "on", "9.0.0"),
    ),
)
HANGUPS, _ = EventFilter.from_settings(["Event: Hangup"])
ANNA = User(name="anna", secret="s", policy=Policy(write=["all"]), event_filter=HANGUPS)
BOUND = User(name="bert", secret="s", policy=Policy(write=["system"]), server="b")
VIEWER = User(name="viewer", secret="s")
KEYED = User(name="wallboard", secret="the key", read=["call"], policy=Policy(write=["call"]))
CALLS = EventMask(frozenset((b"call",)))


def session(anonymous: User | None = None, key_user: User | None = KEYED) -> ClientSession:
    """A session that has greeted."""
    conn = ClientSession(
        greeting=b"Asterisk Call Manager/11.0.0",
        authenticator=Accounts([ANNA, BOUND, VIEWER], key_user),
        challenge=b"1",
        login_timeout_s=30.0,
        now=0.0,
        anonymous=anonymous,
        world=lambda: WORLD,
    )
    drain(conn)
    return conn


def of(user: User) -> ClientSession:
    """A session of this user."""
    conn = session()
    events = say(conn, b"Action: Login", b"Username: " + user.name.encode(), b"Secret: s")
    assert isinstance(events[-1], LoggedIn)
    return conn


def error(message: bytes, *, ordered: bool = True) -> Reply:
    return Reply(b"Response: Error\r\nMessage: %s\r\n\r\n" % message, ordered)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b"Action: Originate"], b"Permission denied"),
        ([b"Action: Filter", b"Operation: Add", b"Filter: x"], b"Permission denied"),
        ([b"Action: Ping", b"Action: Originate"], b"Permission denied"),
        ([b"Action: Events", b"EventMask: off", b"Action: Hangup"], b"Permission denied"),
        (
            [b"Action: SimFault"],
            b"Invalid/unknown command: SimFault. Use Action: ListCommands to show available commands.",
        ),
    ],
)
def test_what_a_user_may_not_do_changes_nothing(lines: list[bytes], message: bytes) -> None:
    """Neither what amp answers itself nor what it would forward; the words are Asterisk's."""
    conn = of(VIEWER)
    assert say(conn, *lines) == [error(message)]
    assert (conn.events, conn.event_filter, conn.action_id) == (ALL, NO_FILTER, b"")


@pytest.mark.parametrize("name", [b"Login ", b"Events\t", b"Ping ", b"Originate ", b"SimFault "])
def test_a_name_with_a_blank_behind_it_is_no_action(name: bytes) -> None:
    """As in Asterisk. Nothing goes upstream by a name that amp's own table does not hold."""
    text = b"Invalid/unknown command: %s. Use Action: ListCommands to show available commands."
    assert say(of(ANNA), b"Action: " + name) == [error(text % name)]
    assert say(of(ANNA), b"Action: Ping", b"Action: " + name) == [error(text % name)]
    assert say(session(), b"Action: " + name) == [error(b"Permission denied")]


def test_a_shut_door_says_which_right_opens_it() -> None:
    (reply,) = say(of(ANNA), b"Action: Command", b"Command: core show uptime", b"ActionID: 1")
    assert reply == Reply(
        b"Response: Error\r\nActionID: 1\r\nMessage: Permission denied: the console (right command)\r\n\r\n",
        ordered=False,
    )


def test_what_a_user_may_do_goes_on() -> None:
    (event,) = say(of(ANNA), b"Action: Originate", b"Channel: PJSIP/1", b"Context: c", b"Exten: 1")
    assert isinstance(event, ActionReceived)


def test_filters_add_up_on_top_of_the_users() -> None:
    """Told before the answer; one that is there already is no news."""
    conn = of(ANNA)
    assert conn.event_filter is HANGUPS
    lines = b"Action: Filter", b"Operation: Add", b"Filter: !Channel: Local/", b"ActionID: f"
    changed, reply = say(conn, *lines)
    assert isinstance(changed, FilterChanged)
    assert (changed.event_filter.includes, len(changed.event_filter.excludes)) == (HANGUPS.includes, 1)
    answer = Reply(b"Response: Success\r\nActionID: f\r\nMessage: Success\r\n\r\n", ordered=False)
    assert reply == answer
    assert say(conn, *lines) == [answer]
    assert say(conn, b"Action: Filter", b"Operation: Del") == [error(b"Unknown operation")]
    conn.change_user(User(name="anna", policy=ANNA.policy))
    assert conn.event_filter == EventFilter(excludes=changed.event_filter.excludes)
    say(conn, b"Action: Login", b"Username: viewer", b"Secret: s")
    assert conn.event_filter is NO_FILTER


def test_the_key_is_a_login_without_an_answer() -> None:
    """The action that brings it is done at once, with the rights of the key's user."""
    conn = session()
    logged_in, action = say(conn, b"Action: Hangup", b"ProxyKey: the key", b"Channel: x")
    assert logged_in == LoggedIn(KEYED, CALLS)
    assert isinstance(action, ActionReceived)
    assert say(conn, b"Action: Originate", b"ProxyKey: another") == [error(b"Permission denied")]
    assert isinstance(say(conn, b"Action: Login", b"Username: anna", b"Secret: s")[-1], LoggedIn)


@pytest.mark.parametrize("key_user", [KEYED, None])
def test_a_wrong_key_is_a_failed_login(key_user: User | None) -> None:
    """One second, the same words, and the end; also if there is no key at all."""
    conn = session(key_user=key_user)
    assert say(conn, b"Action: Ping", b"ProxyKey: wrong", now=2.0) == [LoginFailed(b"")]
    conn.handle_timeout(3.0)
    failed = error(b"Authentication failed")
    assert drain(conn) == [failed, Closing("authentication failed", drain=False)]


def test_a_key_is_nothing_where_it_is_empty_or_a_login_decides() -> None:
    """An empty header is none, and Login goes by name and secret."""
    conn = session()
    assert say(conn, b"Action: Ping", b"ProxyKey: ") == [error(b"Permission denied")]
    assert say(conn, b"Action: Login", b"Username: anna", b"ProxyKey: the key") == [LoginFailed(b"anna")]


def test_the_anonymous_may_better_themselves_by_the_key() -> None:
    """They have not logged in; whoever has is not asked again."""
    conn = session(anonymous=VIEWER)
    logged_in, reply = say(conn, b"ProxyAction: SetAutoFilter", b"AutoFilter: x", b"ProxyKey: the key")
    assert logged_in == LoggedIn(KEYED, CALLS)
    assert isinstance(reply, Reply)
    changed = session(anonymous=VIEWER)
    changed.change_user(BOUND)
    drain(changed)
    assert isinstance(say(changed, b"Action: Hangup", b"ProxyKey: the key")[0], LoggedIn)


def proxy(response: bytes, *lines: bytes) -> Reply:
    return Reply(b"\r\n".join([b"ProxyResponse: " + response, *lines, b"", b""]), ordered=True)


def test_proxy_actions_need_a_login_and_their_right() -> None:
    """Both are asked before anything is looked at."""
    denied = proxy(b"Error", b"Message: Permission denied")
    assert say(session(), b"ProxyAction: ListIOHandlers") == [denied]
    assert say(of(VIEWER), b"ProxyAction: ListSessions") == [denied]
    assert say(of(VIEWER), b"ProxyAction: Nothing") == [proxy(b"Error", b"Message: Invalid Proxy Action")]
    (reply,) = say(of(ANNA), b"ActionID: 7", b"ProxyAction: ListServers")
    assert reply == Reply(
        b"ProxyResponse: Success\r\nActionID: 7\r\n"
        b"ProxyListServer I: 10.0.0.1 H: a U: amp P: 5038 E: on \r\n"
        b"ProxyServerState N: a K: asterisk S: down R: gone \r\n"
        b"ProxyListServer I: 10.0.0.2 H: b U: amp P: 5038 E: on \r\n"
        b"ProxyServerState N: b K: asterisk S: up V: 9.0.0 \r\n\r\n",
        ordered=False,
    )


def test_servers_come_and_go_by_somebody_elses_hand() -> None:
    """The session tells who asks for what, and owes no answer; what cannot be is answered at once."""
    conn = session(anonymous=User(name="boss", policy=Policy(write=["admin"])))
    assert say(conn, b"ProxyAction: DropServer", b"Server: b", b"ActionID: 7") == [
        ServersAsked(DropServer(name="b"), b"7")
    ]
    assert say(conn, b"ProxyAction: DropServer", b"Server: b") == [ServersAsked(DropServer(name="b"), None)]
    told = b"Message: Cannot Drop Server b, Save: expected true or false"
    assert say(conn, b"ProxyAction: DropServer", b"Server: b", b"Save: x") == [proxy(b"Failure", told)]


def test_a_bound_user_sees_its_own() -> None:
    (reply,) = say(of(BOUND), b"ProxyAction: ListSessions")
    assert isinstance(reply, Reply)
    assert (b"127.0.0.1" in reply.data, b"127.0.0.2" in reply.data) == (False, True)
    assert (b"10.0.0.1" in reply.data, b"10.0.0.2" in reply.data) == (False, True)


def test_a_proxy_action_is_done_instead_of_the_action_beside_it() -> None:
    """As astmanproxy did, but for what signs in and off; it never goes upstream, and an empty one is none."""
    conn = of(ANNA)
    lines = b"Action: Hangup", b"ProxyAction: ListIOHandlers"
    (answer,) = say(conn, *lines)
    assert isinstance(answer, Reply)
    assert answer.data.startswith(b"ProxyResponse: Success\r\nInputHandler: standard\r\n")
    (action,) = say(conn, b"Action: Hangup", b"ProxyAction: ")
    assert isinstance(action, ActionReceived)
    assert say(conn, b"ProxyAction: ") == [error(b"Missing action in request")]
    goodbye = Reply(b"Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n", ordered=True)
    assert say(conn, b"ProxyAction: Logoff") == [goodbye, Closing("logoff", drain=True)]
    assert say(of(ANNA), b"Action: Logoff", b"ProxyAction: ListIOHandlers")[0] == goodbye


@pytest.mark.parametrize("name", [b"Login", b"Challenge", b"Ping"])
def test_a_proxy_action_is_not_taken_for_an_action_of_its_name(name: bytes) -> None:
    assert say(of(ANNA), b"ProxyAction: " + name) == [proxy(b"Error", b"Message: Invalid Proxy Action")]


def test_autofilter_on_follows_the_action_id() -> None:
    """The mode is told before the answer; with ``on`` each new ActionID before its action."""
    conn = of(ANNA)
    assert conn.autofilter is Autofilter.UNIQUE
    assert say(conn, b"Action: Status", b"ActionID: 1") == [
        ActionReceived(Frame.parse(b"Action: Status\r\nActionID: 1"), b"1")
    ]
    assert say(conn, b"ProxyAction: SetAutoFilter", b"AutoFilter: On") == [
        AutofilterChanged(Autofilter.ON, b"1"),
        proxy(b"Success", b"AutoFilter: 1"),
    ]
    changed, _ = say(conn, b"Action: Ping", b"ActionID: 2")
    assert changed == AutofilterChanged(Autofilter.ON, b"2")
    assert len(say(conn, b"Action: Ping", b"ActionID: 2")) == 1
    assert len(say(conn, b"Action: Ping")) == 1
    assert conn.action_id == b"2"


def test_the_autofilter_is_the_clients_else_the_users_else_everybodys() -> None:
    """Also when another user signs in, or the user's account changes."""
    conn = session(anonymous=attrs.evolve(VIEWER, autofilter=Autofilter.OFF))
    modes = [conn.autofilter]
    say(conn, b"Action: Login", b"Username: anna", b"Secret: s")
    modes.append(conn.autofilter)
    conn.change_user(attrs.evolve(ANNA, autofilter=Autofilter.ON))
    modes.append(conn.autofilter)
    (told,) = drain(conn)
    assert isinstance(told, LoggedIn)
    assert AutofilterChanged(Autofilter.ON, b"1") in say(conn, b"Action: Status", b"ActionID: 1")
    say(conn, b"ProxyAction: SetAutoFilter", b"AutoFilter: Off")
    conn.change_user(attrs.evolve(ANNA, autofilter=Autofilter.ON))
    modes.append(conn.autofilter)
    assert modes == [Autofilter.OFF, Autofilter.UNIQUE, Autofilter.ON, Autofilter.OFF]

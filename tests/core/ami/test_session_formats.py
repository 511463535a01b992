"""A session whose client writes and reads in other formats; the answers themselves stay standard frames."""

from __future__ import annotations

import attrs
import pytest

from amp.core.ami.auth import Accounts, User
from amp.core.ami.mask import ALL
from amp.core.ami.session import ClientSession
from amp.core.ami.session_events import ActionReceived, Closing, Greeting, LoggedIn, OutputChanged, Reply
from amp.core.formats.choice import FormatChoice
from amp.core.formats.csv import CSV
from amp.core.formats.format import Format
from amp.core.formats.json import JSON
from amp.core.formats.registry import Formats
from amp.core.formats.standard import STANDARD
from amp.core.formats.xml import XML
from amp.core.proxy_actions.world import World
from core.ami.player import GREETING, drain, say

PLAIN = User(name="plain", secret="s")
ODD = User(name="odd", secret="s", input_format="xml", output_format="json")
LOGIN = (
    b'<AsteriskManagerInput><Action Value="Login"/><Username Value="%s"/><Secret Value="s"/>'
    b"</AsteriskManagerInput>"
)
XML_PING = b'<AsteriskManagerInput><Action Value="Ping"/><ActionID Value="1"/></AsteriskManagerInput>'


def session(
    reads: Format = STANDARD, writes: Format = STANDARD, anonymous: User | None = None
) -> ClientSession:
    return ClientSession(
        greeting=GREETING,
        authenticator=Accounts([PLAIN, ODD], User(name="key", secret="k", output_format="csv")),
        challenge=b"1",
        login_timeout_s=30.0,
        now=0.0,
        anonymous=anonymous,
        world=World,
        formats=FormatChoice(input=reads, output=writes),
    )


def login(conn: ClientSession, name: bytes) -> list[object]:
    return list(say(conn, b"Action: Login", b"Username: " + name, b"Secret: s"))


def test_who_writes_xml_is_not_greeted() -> None:
    """What amp writes does not matter; the first that comes is the answer to the login."""
    assert drain(session(STANDARD, XML)) == [Greeting(GREETING + b"\r\n")]
    conn = session(XML, STANDARD)
    assert drain(conn) == []
    conn.receive_data(LOGIN % b"plain", 0.0, 0.0)
    reply, logged_in = drain(conn)
    assert isinstance(reply, Reply)
    assert reply.data.startswith(b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n")
    assert logged_in == LoggedIn(PLAIN, ALL)


def test_a_users_formats_come_with_its_login() -> None:
    """Output from the answer on, input from the byte behind the action; another login brings back others."""
    conn = session()
    drain(conn)
    conn.receive_data(
        b"Action: Login\r\nUsername: odd\r\nSecret: s\r\n\r\n" + XML_PING + LOGIN % b"plain", 0.0, 0.0
    )
    changed, accepted, logged_in, pong, back, _, again = drain(conn)
    assert (changed, logged_in) == (OutputChanged(JSON), LoggedIn(ODD, ALL))
    assert isinstance(accepted, Reply)
    assert isinstance(pong, Reply)
    assert pong.data.startswith(b"Response: Success\r\nActionID: 1\r\nPing: Pong\r\n")
    assert (back, again) == (OutputChanged(STANDARD), LoggedIn(PLAIN, ALL))
    assert isinstance(say(conn, b"Action: Ping")[0], Reply)


def test_what_the_client_asked_for_outlasts_another_login() -> None:
    conn = session()
    login(conn, b"plain")
    assert say(conn, b"ProxyAction: SetOutputFormat", b"OutputFormat: xml")[0] == OutputChanged(XML)
    assert not [event for event in login(conn, b"odd") if isinstance(event, OutputChanged)]


def test_a_new_input_format_begins_with_the_next_byte() -> None:
    conn = session()
    login(conn, b"plain")
    data = b"ProxyAction: SetInputFormat\r\nActionID: a\r\nInputFormat: XML\r\n\r\n" + XML_PING
    conn.receive_data(data[:-10], 0.0, 0.0)
    conn.receive_data(data[-10:], 0.0, 0.0)
    conn.receive_data(b"", 0.0, 0.0)
    done, pong, end = drain(conn)
    assert done == Reply(b"ProxyResponse: Success\r\nActionID: a\r\nInputFormat: xml\r\n\r\n", ordered=False)
    assert isinstance(pong, Reply)
    assert end == Closing("end of stream", drain=True)


def test_setting_the_same_again_is_answered_and_changes_nothing() -> None:
    conn = session()
    login(conn, b"plain")
    reader = conn.reader
    assert len(say(conn, b"ProxyAction: SetInputFormat", b"InputFormat: standard")) == 1
    assert len(say(conn, b"ProxyAction: SetOutputFormat", b"OutputFormat: standard")) == 1
    assert conn.reader is reader


def test_an_unknown_format_changes_nothing() -> None:
    conn = session()
    login(conn, b"plain")
    (reply,) = say(conn, b"ProxyAction: SetOutputFormat", b"OutputFormat: yaml")
    assert reply == Reply(
        b"ProxyResponse: Failure\r\n"
        b"Message: Expected OutputFormat: one of standard, xml, csv, json (installed)\r\n\r\n",
        ordered=True,
    )
    assert conn.formats.output is STANDARD


def test_the_formats_of_who_comes_by_key_and_of_who_is_nobody() -> None:
    conn = session()
    drain(conn)
    events = say(conn, b"Action: QueueStatus", b"ProxyKey: k")
    assert [type(event) for event in events] == [OutputChanged, LoggedIn, ActionReceived]
    assert events[0] == OutputChanged(CSV)
    nobody = session(anonymous=ODD)
    assert (nobody.formats.input, nobody.formats.output) == (XML, JSON)
    assert drain(nobody) == [LoggedIn(ODD, ALL)], "an XML reader is not greeted"


def test_a_refused_login_leaves_the_formats_alone() -> None:
    conn = session()
    drain(conn)
    say(conn, b"Action: Login", b"Username: odd", b"Secret: wrong")
    conn.handle_timeout(2.0)
    assert isinstance(drain(conn)[0], Reply)
    assert conn.formats.output is STANDARD


@pytest.mark.parametrize("data", [b"<!DOCTYPE x>", b"Action: Ping\r\n\r\n", XML_PING + b"<"])
def test_what_is_no_xml_ends_the_session_behind_its_error(data: bytes) -> None:
    conn = session(XML, XML)
    conn.receive_data(data, 0.0, 0.0)
    conn.receive_data(b"<AsteriskManagerInput><", 0.0, 0.0)
    *_, error, end = drain(conn)
    assert isinstance(error, Reply)
    assert b"Invalid XML Input" in error.data
    assert end == Closing("end of stream", drain=True)


def test_formats_of_others_can_be_chosen_as_well() -> None:
    mine = Format(name="mine", render=lambda frames, server: b"")
    conn = session()
    conn.formats.installed = Formats().with_format(mine)
    login(conn, b"plain")
    assert say(conn, b"ProxyAction: SetOutputFormat", b"OutputFormat: mine")[0] == OutputChanged(mine)


def test_a_reload_leaves_the_formats_of_who_is_in() -> None:
    """A stream that changes its format unasked is of no use to anybody; the next login has the new one."""
    conn = session()
    login(conn, b"odd")
    changed = attrs.evolve(ODD, input_format=None, output_format="xml")
    conn.change_user(changed)
    assert drain(conn) == [LoggedIn(changed, ALL)]
    assert (conn.formats.input, conn.formats.output) == (XML, JSON)

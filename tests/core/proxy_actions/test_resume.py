"""SetSequence and Resume: what they say, what the session makes of it, and how it is answered."""

from __future__ import annotations

import pytest

from amp.core.ami.auth import Accounts, User
from amp.core.ami.frame import Frame
from amp.core.ami.framing import NEED_DATA
from amp.core.ami.mask import ALL, EventMask
from amp.core.ami.session import ClientSession
from amp.core.ami.session_events import Reply, ResumeAsked, SequenceChanged
from amp.core.fanout.catchup import Missed, Position
from amp.core.fanout.gap import Gap, Reason
from amp.core.proxy_actions.handlers import Outcome, Request
from amp.core.proxy_actions.resume import Resumption, resumed_headers
from amp.core.proxy_actions.table import perform
from amp.core.proxy_actions.world import World

NOW = {b"pbx 2": Position(b"e2", 7), b"pbx1": Position(b"e1", 12)}
WORLD = World(positions=NOW)


def ask(name: str, *headers: tuple[str, str], events: EventMask | None = None) -> Outcome:
    request = Request(frame=Frame.of(("ProxyAction", name), *headers), world=lambda: WORLD)
    if events is not None:
        request = Request(frame=request.frame, world=request.world, events=events)
    return perform(request, frozenset())


def test_numbers_come_with_where_one_stands() -> None:
    assert ask("SetSequence") == Outcome(
        headers=((b"Sequence", b"On"), (b"Position", b"pbx 2 e2 7"), (b"Position", b"pbx1 e1 12")),
        sequence=True,
    )
    assert ask("setsequence", ("Sequence", "OFF")) == Outcome(
        headers=((b"Sequence", b"Off"),), sequence=False
    )
    assert ask("SetSequence", ("Sequence", "2")).response == b"Failure"


def test_positions_are_read_from_their_ends() -> None:
    """A server's name may have blanks in it; one that is not known is for the hub to tell of."""
    headers = ("Position", " pbx 2 e2 7 "), ("position", "pbx1 0ld 99"), ("Position", "gone e 1")
    assert ask("Resume", *headers, ("EventMask", "call")).resumption == Resumption(
        {b"pbx 2": Position(b"e2", 7), b"pbx1": Position(b"0ld", 99), b"gone": Position(b"e", 1)},
        EventMask(frozenset((b"call",))),
    )


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ((), b"Expected Position"),
        ((("Position", "pbx1 12"),), b"Expected Position"),
        ((("Position", "pbx1 e1 -1"),), b"Expected Position"),
        ((("Position", "pbx1 e1 " + "9" * 19),), b"Expected Position"),
        ((("Position", "pbx1 e! 1"),), b"Expected Position"),
        ((("Position", "pbx1 " + "e" * 65 + " 1"),), b"Expected Position"),
        ((("Position", "pbx1 e1 1"), ("Position", "pbx1 e1 2")), b"given twice"),
        ((("Position", "pbx1 e1 13"),), b"pbx1 has not come further than 12"),
        ((("Position", "pbx1 e1 12"), ("EventMask", "")), b"Invalid event mask"),
        ((("Position", "pbx1 e1 12"), ("EventMask", "off")), b"Invalid event mask"),
    ],
)
def test_what_is_wrong_is_said(headers: tuple[tuple[str, str], ...], problem: bytes) -> None:
    outcome = ask("Resume", *headers)
    assert outcome.response == b"Failure"
    assert problem in outcome.headers[0][1]


def test_who_sees_events_already_cannot_resume() -> None:
    assert b"Events: off" in ask("Resume", ("Position", "pbx1 e1 1"), events=ALL).headers[0][1]


def test_the_answer_tells_what_will_come() -> None:
    gap = Gap(b"b", b"e", 1, 4, Reason.NOT_IN_JOURNAL, 4)
    missed = Missed(b"a", b"e", 3, 5, None), Missed(b"b", b"e", 5, 4, gap), Missed(b"c", b"e", 9, 8, None)
    assert resumed_headers(missed, {b"d": Position(b"e", 2)}) == (
        (b"Replay", b"a e 3 5"),
        (b"Gap", b"b not in journal"),
        (b"Position", b"d e 2"),
    )


def test_a_bound_user_is_told_the_numbers_of_its_servers_only() -> None:
    assert WORLD.seen_by("anna", frozenset(("pbx1",))).positions == {b"pbx1": NOW[b"pbx1"]}


def session(*read: str) -> ClientSession:
    user = User(name="anna", secret="s", read=frozenset(read))
    conn = ClientSession(
        greeting=b"Hello", authenticator=Accounts([user]), challenge=b"1", login_timeout_s=9, now=0.0,
        world=lambda: WORLD,
    )  # fmt: skip
    conn.receive_data(b"Action: Login\r\nUsername: anna\r\nSecret: s\r\nEvents: off\r\n\r\n", 0.0, 0.0)
    told(conn)
    return conn


def told(conn: ClientSession) -> list[object]:
    events: list[object] = []
    while (event := conn.next_event()) is not NEED_DATA:
        events.append(event)
    return events


def test_a_session_that_resumes_sees_events_with_numbers() -> None:
    conn = session("call", "user")
    conn.receive_data(b"ProxyAction: Resume\r\nActionID: 7\r\nPosition: pbx1 e1 3\r\n\r\n", 0.0, 0.0)
    assert told(conn) == [ResumeAsked({b"pbx1": Position(b"e1", 3)}, b"7")]
    assert conn.events == EventMask(frozenset((b"call", b"user")))
    assert conn.sequence


def test_a_session_that_may_see_nothing_of_it_is_told_so() -> None:
    conn = session("call")
    action = b"ProxyAction: Resume\r\nPosition: pbx1 e1 3\r\nEventMask: user\r\n\r\n"
    conn.receive_data(action, 0.0, 0.0)
    (reply,) = told(conn)
    assert isinstance(reply, Reply)
    assert b"You may see none of these events" in reply.data
    assert not conn.events
    assert not conn.sequence


def test_numbers_are_told_before_the_answer() -> None:
    conn = session("all")
    conn.receive_data(b"ProxyAction: SetSequence\r\n\r\n", 0.0, 0.0)
    first, second = told(conn)
    assert first == SequenceChanged(True)
    assert isinstance(second, Reply)

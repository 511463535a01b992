"""ProxyActions: who may use which, and what they answer (names and values of astmanproxy's proxyfunc.c)."""

from __future__ import annotations

import pytest

from amp.core.ami.frame import Frame, Header
from amp.core.fanout.autofilter import Autofilter
from amp.core.policy.classes import RIGHTS
from amp.core.proxy_actions.handlers import Outcome, Request
from amp.core.proxy_actions.table import DENIED, PROXY_ACTIONS, perform
from amp.core.proxy_actions.world import ClientSeen, ServerSeen, World

WORLD = World(
    (ClientSeen("anna", "127.0.0.1", b"a-7"), ClientSeen("", "::1")),
    (
        ServerSeen("pbx1", True, "192.0.2.1", 5038, "amp", "on"),
        ServerSeen("pbx2", False, "pbx2.example", 5039, "amp2", "call,agent"),
    ),
)


def ask(name: str, *headers: tuple[str, str], write: frozenset[str] = RIGHTS) -> Outcome:
    """What comes of it for somebody with these rights."""
    frame = Frame.of(("ProxyAction", name), *headers)
    return perform(Request(frame=frame, world=lambda: WORLD), write)


def test_sessions_are_listed_with_four_headers_each() -> None:
    """Clients first, then the servers that are up."""
    outcome = ask("ListSessions")
    handlers: list[Header] = [
        (b"ProxyClientInputHandler", b"standard"),
        (b"ProxyClientOutputHandler", b"standard"),
    ]
    assert outcome.response == b"Success"
    assert list(outcome.headers) == [
        (b"ProxyClientSession", b"127.0.0.1"),
        (b"ProxyClientActionID", b"a-7"),
        *handlers,
        (b"ProxyClientSession", b"::1"),
        (b"ProxyClientActionID", b""),
        *handlers,
        (b"ProxyServerSession", b"192.0.2.1"),
    ]


def test_servers_are_listed_one_a_line() -> None:
    """Up or down, in the order of the configuration, with the blank at the end."""
    assert ask("listservers").headers == (
        (b"ProxyListServer I", b"192.0.2.1 H: pbx1 U: amp P: 5038 E: on "),
        (b"ProxyListServer I", b"pbx2.example H: pbx2 U: amp2 P: 5039 E: call,agent "),
    )


def test_the_formats_that_work_are_listed_and_can_be_set() -> None:
    """Others are refused by name, not taken for the standard one."""
    handlers = (b"InputHandler", b"standard"), (b"OutputHandler", b"standard")
    assert ask("ListIOHandlers").headers == handlers
    for word in ("standard", " Standard"):
        assert ask("SetOutputFormat", ("OutputFormat", word)).headers == ((b"OutputFormat", b"standard"),)
        assert ask("SetInputFormat", ("InputFormat", word)).headers == ((b"InputFormat", b"standard"),)
    for headers in ([("OutputFormat", "xml")], []):
        assert ask("SetOutputFormat", *headers) == Outcome(
            response=b"Failure",
            headers=((b"Message", b"Expected OutputFormat: one of standard (installed)"),),
        )


@pytest.mark.parametrize(
    ("word", "mode", "number"),
    [
        ("On", Autofilter.ON, b"1"),
        ("off", Autofilter.OFF, b"0"),
        (" UNIQUE ", Autofilter.UNIQUE, b"2"),
    ],
)
def test_autofilter_answers_with_a_number(word: str, mode: Autofilter, number: bytes) -> None:
    outcome = ask("SetAutoFilter", ("AutoFilter", word), write=frozenset())
    assert outcome == Outcome(headers=((b"AutoFilter", number),), autofilter=mode)


@pytest.mark.parametrize("word", ["", "1", "uniq", "\xff"])
def test_an_unknown_autofilter_changes_nothing(word: str) -> None:
    """A typing error must not show more than was asked for."""
    outcome = ask("SetAutoFilter", ("AutoFilter", word))
    assert (outcome.response, outcome.autofilter) == (b"Failure", None)


def test_logoff_ends_the_session() -> None:
    assert ask("LOGOFF", write=frozenset()) == Outcome(logs_off=True)


@pytest.mark.parametrize("name", ["", "NoSuchThing", "Ping"])
def test_an_unknown_one_is_an_error(name: str) -> None:
    assert ask(name) == Outcome(response=b"Error", headers=((b"Message", b"Invalid Proxy Action"),))


@pytest.mark.parametrize("name", PROXY_ACTIONS)
@pytest.mark.parametrize("write", [(), ("all",), ("system",), ("call", "reporting"), ("admin",), ("fanout",)])
def test_each_needs_the_right_of_its_row(name: bytes, write: tuple[str, ...]) -> None:
    """``all`` stands for Asterisk's classes and never for amp's own rights."""
    needed = {"listsessions": "system", "listservers": "system", "addserver": "admin", "dropserver": "admin"}
    need = needed.get(name.decode())
    allowed = need is None or need in write or (need == "system" and "all" in write)
    assert (ask(name.decode(), write=frozenset(write)) != DENIED) is allowed


def test_a_bound_user_is_told_of_its_own_servers_and_sessions_only() -> None:
    """As everywhere else, it does not learn which other servers there are."""
    assert WORLD.seen_by("anna", None) is WORLD
    assert WORLD.seen_by("anna", frozenset(("pbx2", "x"))) == World(WORLD.clients[:1], WORLD.servers[1:])

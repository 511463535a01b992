"""ProxyActions: who may use which, and what they answer (names and values of astmanproxy's proxyfunc.c)."""

from __future__ import annotations

import pytest

from amp.core.ami.frame import Frame
from amp.core.fanout.autofilter import Autofilter
from amp.core.formats.registry import Formats
from amp.core.policy.classes import RIGHTS
from amp.core.proxy_actions.handlers import Outcome, Request
from amp.core.proxy_actions.table import DENIED, PROXY_ACTIONS, perform
from amp.core.proxy_actions.world import ClientSeen, ServerSeen, SnifferSeen, World

WORLD = World(
    (ClientSeen("anna", "127.0.0.1", b"a-7", "xml", "json"), ClientSeen("", "::1")),
    (
        ServerSeen("pbx1", True, "192.0.2.1", 5038, "amp", "on", "9.0.0"),
        ServerSeen("pbx2", False, "pbx2.example", 5039, "amp2", "call,agent", "", "Connection refused"),
    ),
    (SnifferSeen("s2", "192.0.2.3", 5029),),
)


def ask(name: str, *headers: tuple[str, str], write: frozenset[str] = RIGHTS) -> Outcome:
    """What comes of it for somebody with these rights."""
    frame = Frame.of(("ProxyAction", name), *headers)
    return perform(Request(frame=frame, world=lambda: WORLD), write)


def test_sessions_are_listed_with_four_headers_each() -> None:
    """Clients first, then the servers that are up."""
    outcome = ask("ListSessions")
    assert outcome.response == b"Success"
    assert list(outcome.headers) == [
        (b"ProxyClientSession", b"127.0.0.1"),
        (b"ProxyClientActionID", b"a-7"),
        (b"ProxyClientInputHandler", b"xml"),
        (b"ProxyClientOutputHandler", b"json"),
        (b"ProxyClientSession", b"::1"),
        (b"ProxyClientActionID", b""),
        (b"ProxyClientInputHandler", b"standard"),
        (b"ProxyClientOutputHandler", b"standard"),
        (b"ProxyServerSession", b"192.0.2.1"),
    ]


def test_servers_are_listed_one_a_line() -> None:
    """Up or down, in the order of the configuration, with the blank at the end."""
    assert ask("listservers").headers == (
        (b"ProxyListServer I", b"192.0.2.1 H: pbx1 U: amp P: 5038 E: on "),
        (b"ProxyServerState N", b"pbx1 K: asterisk S: up V: 9.0.0 "),
        (b"ProxyListServer I", b"pbx2.example H: pbx2 U: amp2 P: 5039 E: call,agent "),
        (b"ProxyServerState N", b"pbx2 K: asterisk S: down R: Connection refused "),
        (b"ProxyListServer I", b"192.0.2.3 H: s2 U: - P: 5029 E: off "),
        (b"ProxyServerState N", b"s2 K: voipmonitor S: - "),
    )


def test_a_server_that_is_paused_is_shown_so() -> None:
    """Before its state, whose reason may hold anything."""
    world = World(
        servers=tuple(one._replace(paused=True) for one in WORLD.servers),
        sniffers=tuple(one._replace(paused=True) for one in WORLD.sniffers),
    )
    frame = Frame.of(("ProxyAction", "ListServers"))
    listed = perform(Request(frame=frame, world=lambda: world), RIGHTS).headers[1::2]
    assert [value for _, value in listed] == [
        b"pbx1 K: asterisk A: paused S: up V: 9.0.0 ",
        b"pbx2 K: asterisk A: paused S: down R: Connection refused ",
        b"s2 K: voipmonitor A: paused S: - ",
    ]


def test_each_format_is_listed_with_its_directions() -> None:
    """One after the other, as astmanproxy went through its handlers."""
    assert ask("ListIOHandlers").headers == (
        (b"InputHandler", b"standard"),
        (b"OutputHandler", b"standard"),
        (b"InputHandler", b"xml"),
        (b"OutputHandler", b"xml"),
        (b"OutputHandler", b"csv"),
        (b"OutputHandler", b"json"),
        (b"InputHandler", b"http"),
    )


@pytest.mark.parametrize("word", ["xml", " XML "])
def test_formats_are_set_whatever_the_case(word: str) -> None:
    formats = Formats()
    assert ask("SetOutputFormat", ("OutputFormat", word)) == Outcome(
        headers=((b"OutputFormat", b"xml"),), output=formats.output("xml")
    )
    assert ask("SetInputFormat", ("InputFormat", word)) == Outcome(
        headers=((b"InputFormat", b"xml"),), input=formats.input("xml")
    )


@pytest.mark.parametrize(
    ("name", "word", "installed"),
    [
        ("OutputFormat", "yaml", b"standard, xml, csv, json"),
        ("OutputFormat", "http", b"standard, xml, csv, json"),
        ("OutputFormat", "", b"standard, xml, csv, json"),
        ("InputFormat", "csv", b"standard, xml"),
        ("InputFormat", "http", b"standard, xml"),
    ],
)
def test_other_formats_are_refused_by_name(name: str, word: str, installed: bytes) -> None:
    """They are not taken for the standard one; ``http`` reads single requests and no connection."""
    assert ask(f"Set{name}", (name, word)) == Outcome(
        response=b"Failure",
        headers=((b"Message", b"Expected %s: one of %s (installed)" % (name.encode(), installed)),),
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

"""Whose formats a session has, and how one reader takes over from another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.core.ami.framing import END_OF_STREAM, NEED_DATA, BadAction
from amp.core.formats.choice import FormatChoice
from amp.core.formats.csv import CSV
from amp.core.formats.json import JSON
from amp.core.formats.standard import STANDARD
from amp.core.formats.xml import XML
from replay import chunks
from strategies import cuts

XML_PING = b'<AsteriskManagerInput><Action Value="Ping"/><ActionID Value="%d"/></AsteriskManagerInput>'
PLAIN_PING = b"Action: Ping\r\nActionID: %d\r\n\r\n"


def test_a_client_comes_before_its_user_and_a_user_before_its_listener() -> None:
    choice = FormatChoice(output=CSV)
    assert (choice.input, choice.output) == (STANDARD, CSV)
    choice.follow_user("xml", "json")
    assert (choice.input, choice.output) == (XML, JSON)
    choice.ask(None, XML)
    assert (choice.input, choice.output) == (XML, XML)
    choice.follow_user(None, "json")
    assert (choice.input, choice.output) == (STANDARD, XML), "what was asked for lasts, whoever signs in"
    choice.ask(XML, None)
    choice.follow_user("standard", None)
    assert (choice.input, choice.output) == (XML, XML)


def test_a_users_format_that_is_not_there_is_none() -> None:
    """It may have been taken out of the machine; the configuration is checked at the start."""
    choice = FormatChoice(input=XML)
    choice.follow_user("http", "yaml")
    assert (choice.input, choice.output) == (XML, STANDARD)


@pytest.mark.parametrize("ended", [False, True])
@given(st.lists(st.sampled_from(["xml", "standard"]), max_size=6), cuts, st.binary(max_size=2000), st.data())
def test_readers_take_over_at_the_very_byte(
    ended: bool, names: list[str], at: list[int], rest: bytes, data: st.DataObject
) -> None:
    """Actions in changing formats, cut into reads anywhere: each is read, and what stands behind is whole."""
    names = ["standard", *names]
    pieces = [
        (XML_PING if name == "xml" else PLAIN_PING) % number + b"\r\n" * data.draw(st.integers(0, 2))
        for number, name in enumerate(names)
    ]
    if rest:
        names.append("standard")
        pieces.append(b"A:" + rest.replace(b"\n", b"").replace(b"\r", b""))
    choice = FormatChoice()
    reader, got = choice.new_reader(), 0
    for piece in chunks(b"".join(pieces), at):
        reader.receive_data(piece)
        while isinstance(event := reader.next_event(), Frame):
            assert event.get(b"ActionID") == b"%d" % got
            got += 1
            if got < len(names):
                choice.ask(choice.installed.stream(names[got]), None)
                reader = choice.reader_behind(reader, ended=False)
    assert got == len(names) - bool(rest)
    reader = choice.reader_behind(reader, ended=ended)
    assert reader.next_event() is (END_OF_STREAM if ended else NEED_DATA)


def test_a_long_line_behind_the_action_is_handed_over_whole() -> None:
    """The manager protocol would throw away most of it; a document of XML may be one long line."""
    choice = FormatChoice()
    reader = choice.new_reader()
    document = XML_PING % 1 * 100
    reader.receive_data(PLAIN_PING % 0 + document[:5000])
    assert isinstance(reader.next_event(), Frame)
    choice.ask(XML, None)
    reader = choice.reader_behind(reader, ended=False)
    reader.receive_data(document[5000:])
    for _ in range(100):
        assert reader.next_event() == Frame(((b"Action", b"Ping"), (b"ActionID", b"1")))


def test_limits_hold_in_every_format() -> None:
    for form in (STANDARD, XML):
        choice = FormatChoice(input=form, max_line_bytes=20, max_headers=2)
        reader = choice.new_reader()
        reader.receive_data(b"Action: %b\r\n\r\n" % (b"x" * 20) if form is STANDARD else XML_PING % 10**20)
        assert isinstance(reader.next_event(), BadAction)

"""The registry, and the formats that amp brings."""

from __future__ import annotations

from typing import Any

import pytest

from amp.core.ami.frame import Frame
from amp.core.ami.framing import ActionReader
from amp.core.formats.format import Format
from amp.core.formats.registry import BUILT_IN, Formats
from amp.errors import LocalProtocolError


def nothing(frames: object, server: object) -> bytes:
    return b""


def test_what_amp_brings() -> None:
    formats = Formats()
    assert [one.name for one in formats.inputs] == ["standard", "xml", "http"]
    assert [one.name for one in formats.outputs] == ["standard", "xml", "csv", "json"]
    assert [one.name for one in BUILT_IN if one.greets] == ["standard"]


def test_names_are_found_in_any_case_and_for_what_they_do() -> None:
    formats = Formats()
    assert formats.output("XML") is formats.input("xml")
    assert formats.input("csv") is None
    assert formats.output("http") is None
    assert formats.output("yaml") is None


def test_one_more() -> None:
    one = Format(name="one", render=nothing)
    formats = Formats().with_format(one)
    assert formats.output("one") is one
    assert formats.has(one)
    assert not Formats().has(one)
    with pytest.raises(ValueError, match="there is a format 'one' already"):
        formats.with_format(Format(name="one", reader=ActionReader))


def test_only_formats() -> None:
    wrong: Any = object()
    with pytest.raises(ValueError, match="expected a Format, got object"):
        Formats([wrong])


@pytest.mark.parametrize("name", ["", "X", "a b", "1", "x" * 33, "a\n"])
def test_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match="expected a format's name"):
        Format(name=name, render=nothing)


def test_a_format_does_something() -> None:
    with pytest.raises(ValueError, match="to render, to read, or both"):
        Format(name="idle")


def test_every_reader_reads_the_same_action() -> None:
    sources = {
        "standard": b"Action: Ping\r\nActionID: 1\r\n\r\n",
        "xml": b'<AsteriskManagerInput><Action Value="Ping"/><ActionID Value="1"/></AsteriskManagerInput>',
        "http": b"Action=Ping&ActionID=1",
    }
    for one in Formats().inputs:
        assert one.reader is not None
        reader = one.reader(1022, 128)
        reader.receive_data(sources[one.name])
        reader.receive_data(b"")
        assert reader.next_event() == Frame(((b"Action", b"Ping"), (b"ActionID", b"1")))


def test_a_form_reads_no_connection() -> None:
    """Nobody could tell where it ends."""
    formats = Formats()
    assert [one.name for one in formats.streams] == ["standard", "xml"]
    assert formats.stream("HTTP") is None
    assert formats.stream("XML") is formats.input("xml")
    assert [one.name for one in formats] == [one.name for one in BUILT_IN]
    form = formats.input("http")
    assert form is not None
    assert form.new_reader(100, 10).take_unread() == b""


def test_directions_that_a_format_does_not_have() -> None:
    with pytest.raises(LocalProtocolError, match="expected an input format, got one"):
        Format(name="one", render=nothing).new_reader(1022, 128)
    with pytest.raises(LocalProtocolError, match="expected an output format, got one"):
        Format(name="one", reader=ActionReader).write([], b"")


def test_what_is_no_bytes_is_no_rendering() -> None:
    text: Any = lambda frames, server: "text"  # noqa: E731
    with pytest.raises(LocalProtocolError, match="expected bytes of format one, got str"):
        Format(name="one", render=text).write([b"Event: A"], b"")
    assert Format(name="one", render=nothing).write([b"Event: A"], b"") == b""

"""XML input: the actions it stands for in any chunking, and no value that becomes an action."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.core.ami.framing import END_OF_STREAM, NEED_DATA, BadAction
from amp.core.formats.assembly import BAD_VALUE
from amp.core.formats.xml import render
from amp.core.formats.xml_reader import (
    BAD_REFERENCE,
    EXPECTED_ELEMENT,
    EXPECTED_END,
    EXPECTED_ROOT,
    LESS_THAN,
    NO_DTD,
    TEXT,
    XmlReader,
)
from replay import chunks
from strategies import actions, cuts

Event = Frame | BadAction
PING = b'<AsteriskManagerInput><Action Value="Ping"/><ActionID Value="1"/></AsteriskManagerInput>'
PINGED = Frame(((b"Action", b"Ping"), (b"ActionID", b"1")))


def read(data: bytes, at: list[int] | None = None, *, line: int = 1022, headers: int = 128) -> list[Event]:
    """Every event of some input that ends there; the last is always the end of the stream, and stays it."""
    reader = XmlReader(line, headers)
    events: list[Event] = []
    for piece in chunks(data, at or []):
        reader.receive_data(piece)
        while isinstance(event := reader.next_event(), Event):
            events.append(event)
    reader.receive_data(b"")
    while isinstance(event := reader.next_event(), Event):
        events.append(event)
    assert event is END_OF_STREAM
    assert reader.next_event() is END_OF_STREAM
    return events


def message(*elements: bytes) -> bytes:
    return b"<AsteriskManagerInput>\r\n%s</AsteriskManagerInput>\r\n\r\n" % b"".join(elements)


def action(value: bytes) -> bytes:
    """An action with one element of this source between the first and the last."""
    return message(b'<Action Value="X"/>', value, b'<ActionID Value="7"/>')


def test_what_astmanproxys_readme_shows() -> None:
    data = (
        b'<AsteriskManagerInput>\n   <Action Value="Ping"/>\n   <ActionID Value="foo"/>\n'
        b"</AsteriskManagerInput>\n\n"
        b'<AsteriskManagerInput>\n   <ProxyAction Value="SetOutputFormat"/>\n   <Outputformat Value="CSV"/>\n'
        b"</AsteriskManagerInput>\n\n"
    )
    assert read(data) == [
        Frame(((b"Action", b"Ping"), (b"ActionID", b"foo"))),
        Frame(((b"ProxyAction", b"SetOutputFormat"), (b"Outputformat", b"CSV"))),
    ]


@pytest.mark.parametrize(
    "data",
    [
        PING,
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n' + PING,
        PING.replace(b'"', b"'"),
        PING.replace(b'"/>', b'"></Action>', 1),
        PING.replace(b'"/>', b'" ></Action\n>', 1),
        PING.replace(b'Value="Ping"/', b'\n\tvalue = \n"Ping" /'),
        PING.replace(b"Input><", b"Input xmlns:xsi='http://x' a=\">\"><", 1).replace(b"Input>", b"Input \n>"),
        PING.replace(b"Ping", b"Ping").replace(b"Input>", b"Input>\t", 1),
        message(b'<ActionID Value="1"/>', b'<Action Value="Ping"/>'),
        b"<AsteriskManagerInput/>" + message() + PING,
    ],
)
def test_spellings_of_one_action(data: bytes) -> None:
    (event,) = read(data)
    assert isinstance(event, Frame)
    assert set(event.headers) == set(PINGED.headers)
    assert event.headers[0] == (b"Action", b"Ping")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (b"&lt;&gt;&amp;&quot;&apos;", b"<>&\"'"),
        (b"&amp;lt;", b"&lt;"),
        (b"&#39;&#039;&#x27;&#x0027;&#60;&#x3C;&#x3c;&#38;&#34;&#62;", b"''''<<<&\">"),
        (b"a\xffb\xc3\xa9>'", b"a\xffb\xc3\xa9>'"),
        (b"", b""),
        (b"  blanks in front are AMI's to drop", b"blanks in front are AMI's to drop"),
    ],
)
def test_values(source: bytes, value: bytes) -> None:
    (event,) = read(action(b'<V Value="%s"/>' % source))
    assert isinstance(event, Frame)
    assert event.get(b"V") == value


@pytest.mark.parametrize(
    "source",
    [
        b"&",
        b"a & b",
        b"&unknown;",
        b"&lt",
        b"&LT;",
        b"&#10;",
        b"&#13;",
        b"&#0;",
        b"&#xA;",
        b"&#65;",
        b"&#233;",
        b"&#x;",
        b"&#;",
        b"&;",
        b"&#x0_3c;",
        b"&#99999999999;",
        b"&amp",
        b"&amp ;",
    ],
)
def test_other_references_are_refused_and_the_next_action_is_read(source: bytes) -> None:
    assert read(action(b'<V Value="%s"/>' % source) + PING) == [BadAction(BAD_REFERENCE, None), PINGED]


@pytest.mark.parametrize(
    "byte", [b"\r", b"\n", b"\0", b"\r\nAction: Originate", b"\r\n\r\nAction: Originate"]
)
def test_injection_is_refused(byte: bytes) -> None:
    source = b'<V Value="a%sb"/>' % byte
    early = message(b'<Action Value="X"/>', b'<ActionID Value="7"/>', source)
    assert read(action(source) + early + PING) == [
        BadAction(BAD_VALUE, None),
        BadAction(BAD_VALUE, b"7"),
        PINGED,
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'<!DOCTYPE a SYSTEM "http://x/">' + PING, NO_DTD),
        (b'<!DOCTYPE a [<!ENTITY x "y">]>' + PING, NO_DTD),
        (message(b'<!DOCTYPE a SYSTEM "x">'), NO_DTD),
        (message(b"<!-- <Action Value='x'/> -->"), NO_DTD),
        (message(b"<![CDATA[x]]>"), NO_DTD),
        (message(b'<V Value="a<b"/>'), LESS_THAN),
        (message(b'<V Value="</AsteriskManagerInput>', PING, b'"/>'), LESS_THAN),
        (message(b"<V <W"), LESS_THAN),
        (message(b"text"), TEXT),
        (message(b"&lt;"), TEXT),
        (b"Action: Ping\r\n\r\n" + PING, TEXT),
        (b'<Action Value="Ping"/>', EXPECTED_ROOT),
        (b"<asteriskmanagerinput>", EXPECTED_ROOT),
        (b"<AsteriskManagerInputs>", EXPECTED_ROOT),
        (b"<AsteriskManagerOutput>", EXPECTED_ROOT),
        (b"</AsteriskManagerInput>", EXPECTED_ROOT),
        (b"<?php ?>", EXPECTED_ROOT),
        (message(b"<Action/>"), EXPECTED_ELEMENT),
        (message(b"<Action>Ping</Action>"), EXPECTED_ELEMENT),
        (message(b'<Action Value="a" Value="b"/>'), EXPECTED_ELEMENT),
        (message(b'<Action Name="a" Value="b"/>'), EXPECTED_ELEMENT),
        (message(b'<Action Value="a"b/>'), EXPECTED_ELEMENT),
        (message(b"<Action Value=a/>"), EXPECTED_ELEMENT),
        (message(b'<Action Value="a"/ >'), EXPECTED_ELEMENT),
        (message(b'<Act:ion Value="a"/>'), EXPECTED_ELEMENT),
        (message(b'<1 Value="a"/>'), EXPECTED_ELEMENT),
        (message(b'<\x0bAction Value="a"/>'), EXPECTED_ELEMENT),
        (message(b'<?xml version="1.0"?>'), EXPECTED_ELEMENT),
        (message(PING), EXPECTED_ELEMENT),
        (message(b'<Action Value="a"></ActionID>'), EXPECTED_END),
        (message(b'<Action Value="a"><B Value="b"/></Action>'), EXPECTED_END),
        (message(b'<Action Value="a"><Action Value="b"/></Action>'), EXPECTED_END),
        (message(b'<Action Value="a">'), EXPECTED_END),
        (message(b'<Action Value="a">text</Action>'), TEXT),
    ],
)
def test_what_is_no_xml_of_ours_ends_the_stream(data: bytes, why: bytes) -> None:
    assert read(data + PING) == [BadAction(why, None)]
    assert read(PING + data + PING) == [PINGED, BadAction(why, None)]


def test_nothing_is_waited_for_behind_a_dtd() -> None:
    reader = XmlReader(1022, 128)
    reader.receive_data(b"<!")
    assert reader.next_event() == BadAction(NO_DTD, None)


def test_the_limits_are_those_of_the_manager_protocol() -> None:
    fits, too_long = (action(b'<V Value="%s"/>' % (b"x" * size)) for size in (1019, 1020))
    assert isinstance(read(fits)[0], Frame)
    assert read(too_long + PING) == [BadAction(b"Failed to parse message: line too long", None), PINGED]
    element = b'<V Value="1"/>'
    many = message(b'<Action Value="X"/>', b'<ActionID Value="7"/>', element * 126)
    assert isinstance(read(many)[0], Frame)
    too_many = message(b'<Action Value="X"/>', b'<ActionID Value="7"/>', element * 127)
    words = b"Too many lines in message or allocation failure"
    assert read(too_many + PING) == [BadAction(words, b"7"), PINGED]


def test_escapes_do_not_count() -> None:
    (event,) = read(action(b'<V Value="%s"/>' % (b"&quot;" * 1019)))
    assert isinstance(event, Frame)
    assert event.get(b"V") == b'"' * 1019


@pytest.mark.parametrize("end", [b"/>", b" />", b"></V>"])
@pytest.mark.parametrize("size", [7_000, 300_000])
def test_a_long_tag_is_thrown_away_as_it_comes(end: bytes, size: int) -> None:
    data = action(b'<V Value="%s>"%s' % (b"x" * size, end)) + PING
    reader = XmlReader(1022, 128)
    kept = 0
    events = []
    for start in range(0, len(data), 1000):
        reader.receive_data(data[start : start + 1000])
        while (event := reader.next_event()) is not NEED_DATA:
            events.append(event)
        kept = max(kept, len(reader._tag or b""))
    assert events == [BadAction(b"Failed to parse message: line too long", None), PINGED]
    assert kept < 8000


def test_a_long_tag_must_be_an_element() -> None:
    assert read(message(b'<%s Value="1"/>' % (b"x" * 9000)) + PING) == [BadAction(EXPECTED_ELEMENT, None)]
    assert read(b"<?xml " + b"x" * 9000 + b"?>" + PING) == [PINGED]


def test_missing_action() -> None:
    assert read(message(b'<ActionID Value="1"/>') + PING) == [
        BadAction(b"Missing action in request", b"1"),
        PINGED,
    ]


def test_half_an_action_is_dropped() -> None:
    for end in range(1, len(PING)):
        assert read(PING[:end]) == []


def source(frame: Frame, quotes: int) -> bytes:
    """A frame as a client of ours writes it, with the quotes that each bit asks for."""
    elements = []
    for index, (name, value) in enumerate(frame.headers):
        text = quoteattr(value.decode("latin-1")).encode("latin-1")
        text = text.replace(b"&#9;", b"\t")
        if quotes >> index & 1 and text[:1] == b'"':
            text = b"'%s'" % text[1:-1].replace(b"'", b"&apos;")
        elements.append(b"<%s Value=%s/>\r\n" % (name, text))
    return message(*elements)


names = st.text("ABCXYZabcxyz_0123456789.-", max_size=10).map(lambda text: b"N" + text.encode())


@given(st.lists(actions(), max_size=4), st.integers(0, 1 << 10), cuts, st.data())
def test_round_trip_in_any_chunking(
    frames: list[Frame], quotes: int, at: list[int], data: st.DataObject
) -> None:
    renamed = []
    for frame in frames:
        headers = [
            (name if name in (b"Action", b"ActionID") else data.draw(names), value)
            for name, value in frame.headers
        ]
        renamed.append(Frame(tuple(headers)))
    assert read(b"".join(source(frame, quotes) for frame in renamed), at) == renamed


@given(st.lists(actions(), max_size=3), cuts)
def test_our_own_output_reads_as_what_it_was(frames: list[Frame], at: list[int]) -> None:
    kept = [
        Frame(tuple((b"N%d" % i if i else name, value) for i, (name, value) in enumerate(f.headers)))
        for f in frames
    ]
    kept = [Frame(tuple((name, value.replace(b"\t", b" ")) for name, value in f.headers)) for f in kept]
    raws = [b"\r\n".join(b"%s: %s" % header for header in frame.headers) for frame in kept]
    text = render(raws, b"").replace(b"ProxyOutput", b"Input")
    expected = [
        tuple((name, clean(value)) for name, value in frame.headers) for frame in kept
    ]  # fmt: skip
    assert [event.headers for event in read(text, at) if isinstance(event, Frame)] == expected


def clean(value: bytes) -> bytes:
    text = value.decode("utf-8", "replace")
    return "".join(c if c >= " " and c not in "\ufffe\uffff" else "\ufffd" for c in text).encode()


garbage = st.lists(
    st.sampled_from(
        [
            b"<AsteriskManagerInput>",
            b"</AsteriskManagerInput>",
            b'<Action Value="',
            b'"/>',
            b"<",
            b">",
            b"/>",
            b'"',
            b"'",
            b"Value=",
            b"&",
            b";",
            b"&lt;",
            b"<!",
            b"<?xml ",
            b"?>",
            b"\r\n",
            b"\0",
            b"Action: Originate",
            b" ",
            b"\xef\xbb\xbf",
            PING,
        ]
    ),
    max_size=30,
).map(b"".join) | st.binary(max_size=200)


@given(garbage, cuts)
def test_garbage_reads_the_same_in_any_chunking(data: bytes, at: list[int]) -> None:
    events = read(data, at)
    assert events == read(data)
    for event in events:
        if isinstance(event, Frame):
            assert event.headers[0][0].lower() in (b"action", b"proxyaction")
            assert not any(set(value) & set(b"\r\n\0") for _, value in event.headers)


def test_values_never_become_actions() -> None:
    """Whatever a client's user gets into a value, as long as it cannot write the quote."""
    attempts = [
        b"x</AsteriskManagerInput>" + PING.replace(b'"', b"'"),
        b"x'/><Action Value='Originate'/>",
        b"x\r\nAction: Originate\r\n\r\n",
        b"x&#13;&#10;Action: Originate",
        b"&quot;/&gt;&lt;Action Value=&quot;Originate&quot;/&gt;",
    ]
    for attempt in attempts:
        for event in read(action(b'<V Value="%s"/>' % attempt)):
            assert not isinstance(event, Frame) or event.name == b"X"
            assert not isinstance(event, Frame) or event.get_all(b"Action") == (b"X",)

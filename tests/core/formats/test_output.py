"""What is written is valid XML, CSV and JSON whatever comes in, and says what the frame says."""

from __future__ import annotations

import itertools

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from amp.core.ami.rewrite import with_server
from amp.core.formats.csv import CSV
from amp.core.formats.csv import render as to_csv
from amp.core.formats.json import JSON
from amp.core.formats.json import render as to_json
from amp.core.formats.standard import render as to_standard
from amp.core.formats.xml import NAMES_REMEMBERED, XML, _known_opening, xml_name
from amp.core.formats.xml import render as to_xml
from core.formats.judges import (
    expected_element,
    expected_headers,
    objects,
    odd_frames,
    records,
    root_names,
    roots,
)
from replay import AMI_NAMES, recording

servers = st.sampled_from([b"", b"pbx1", b'p<&">x', "münchen".encode()])

EVERY_BYTE = b"Event: Odd\r\n" + b"".join(
    b"X-%d: a%cb%c\r\n" % (byte, byte, byte) for byte in range(256) if byte != 10
)


@given(odd_frames, servers)
def test_xml_is_valid_and_complete(frames: list[bytes], server: bytes) -> None:
    found = roots(to_xml(frames, server))
    expected = [[expected_element(*header) for header in expected_headers(frame, server)] for frame in frames]
    assert found == expected


@given(odd_frames, servers)
def test_csv_is_valid_and_keeps_every_byte(frames: list[bytes], server: bytes) -> None:
    found = records(to_csv(frames, server))
    assert len(found) == len(frames)
    for record, frame in zip(found, frames, strict=True):
        lines = [line for line in frame.replace(b"\r\n", b"\n").removesuffix(b"\r").split(b"\n") if line]
        if server:
            lines = [b"User" + line if line.lower().startswith(b"server:") else line for line in lines]
            lines.append(b"Server: " + server)
        assert record == (lines or [b""])


@given(odd_frames, servers)
def test_json_is_valid_and_complete(frames: list[bytes], server: bytes) -> None:
    found = objects(to_json(frames, server))
    assert len(found) == len(frames)
    for made, frame in zip(found, frames, strict=True):
        headers = expected_headers(frame, server)
        for name, value in made.items():
            wanted = [text for header, text in headers if (header or "UnparsedText") == name]
            assert (value if isinstance(value, list) else [value]) == wanted
        assert sum(len(value) if isinstance(value, list) else 1 for value in made.values()) == len(headers)


@given(odd_frames, st.sampled_from([b"pbx1", b""]))
def test_standard_keeps_every_byte(frames: list[bytes], server: bytes) -> None:
    expected = [with_server(frame, server) if server else frame + b"\r\n\r\n" for frame in frames]
    assert to_standard(frames, server) == b"".join(expected)


@pytest.mark.parametrize("server", [b"pbx1", b""])
def test_every_byte_alone(server: bytes) -> None:
    frames = [EVERY_BYTE, *(b"Event: X\r\nY: %c" % byte for byte in range(256))]
    assert len(roots(to_xml(frames, server))) == len(frames)
    assert len(records(to_csv(frames, server))) == len(frames)
    assert len(objects(to_json(frames, server))) == len(frames)


def test_surrogates_and_other_bytes_that_are_no_utf_8() -> None:
    frame = b"Event: X\r\nA: \xed\xa0\x80\r\nB: \xff\r\nC: caf\xc3\xa9 \xc3"
    (made,) = objects(to_json([frame], b""))
    assert made == {"Event": "X", "A": "\ufffd" * 3, "B": "\ufffd", "C": "café \ufffd"}
    assert [value for *_, value in roots(to_xml([frame], b""))[0]] == list(made.values())
    assert records(to_csv([frame], b"")) == [frame.split(b"\r\n")]


@pytest.mark.parametrize("name", AMI_NAMES)
def test_every_recorded_frame(name: str) -> None:
    frames = recording(name).frames
    assert len(roots(to_xml(frames, b"pbx1"))) == len(records(to_csv(frames, b"pbx1"))) == len(frames)
    assert len(objects(to_json(frames, b"pbx1"))) == len(frames)


def test_shape_of_xml() -> None:
    frame = b'Event: Hangup\r\nChannel: "a" <b>&\'\r\nOutput:\r\nno header here'
    assert to_xml([frame], b"pbx1") == (
        b"<AsteriskManagerOutput>\r\n"
        b' <Event Value="Hangup"/>\r\n'
        b' <Channel Value="&quot;a&quot; &lt;b&gt;&amp;\'"/>\r\n'
        b' <Output Value=""/>\r\n'
        b' <UnparsedText Value="no header here"/>\r\n'
        b' <Server Value="pbx1"/>\r\n'
        b"</AsteriskManagerOutput>\r\n\r\n"
    )
    assert root_names(to_xml([frame], b"")) == ["AsteriskManagerProxyOutput"]


def test_long_headers_are_elements_too() -> None:
    """astmanproxy made ``UnparsedText`` of every header of 30 characters or more."""
    assert roots(to_xml([b"Event: " + b"x" * 100], b"")) == [[("Event", None, "x" * 100)]]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Event", "Event"),
        ("Address-IP", "Address-IP"),
        ("ChanVariable(SIP/1)", "ChanVariable_SIP_1_"),
        ("ProxyListServer I", "ProxyListServer_I"),
        ("1st", "_1st"),
        ("-x", "_-x"),
        (".", "_."),
        ("é", "_"),
        ("XmlThing", "_XmlThing"),
        ("UnparsedText", "_UnparsedText"),
    ],
)
def test_names_become_names_of_elements(name: str, made: str) -> None:
    assert xml_name(name) == made
    element = roots(to_xml([f"{name}: 1".encode()], b""))[0][0]
    assert element == (made, None if made == name else name, "1")


def test_repeats_are_arrays_in_order() -> None:
    frame = b"Response: Success\r\nOutput: a\r\nx\r\nOutput: b\r\noutput: c\r\ny"
    assert objects(to_json([frame], b"")) == [
        {"Response": "Success", "Output": ["a", "b"], "UnparsedText": ["x", "y"], "output": "c"}
    ]


def test_a_forged_server_is_told_as_the_users() -> None:
    frame = b"Event: UserEvent\r\nServer: forged\r\nSERVER: too"
    assert objects(to_json([frame], b"pbx1"))[0]["Server"] == "pbx1"
    assert [name for name, *_ in roots(to_xml([frame], b"pbx1"))[0]] == [
        "Event", "UserServer", "UserSERVER", "Server",
    ]  # fmt: skip
    assert records(to_csv([frame], b"pbx1"))[0][1:] == [
        b"UserServer: forged",
        b"UserSERVER: too",
        b"Server: pbx1",
    ]


def test_one_document_of_several_frames() -> None:
    frames = [b"Response: Success", b'Event: A\r\nB: "', b"Event: C"]
    assert XML.render is not None
    assert JSON.render is not None
    assert CSV.render is not None
    for count in (0, 2, 3):
        document = XML.document([XML.render([frame], b"p") for frame in frames[:count]])
        root = etree.fromstring(document)
        assert (root.tag, len(root)) == ("AsteriskManagerOutputs", count)
        assert (
            len(orjson.loads(JSON.document([JSON.render([frame], b"p") for frame in frames[:count]])))
            == count
        )
        assert len(records(CSV.document([CSV.render([frame], b"p") for frame in frames[:count]]))) == count
    assert etree.fromstring(XML.document([XML.render(frames[:1], b"p")])).tag == "AsteriskManagerOutput"


def test_a_rendering_of_many_is_the_renderings_of_each() -> None:
    frames = recording("stream-20calls").frames[:200]
    for render in (to_standard, to_xml, to_csv, to_json):
        assert render(frames, b"p") == b"".join(itertools.chain(render([frame], b"p") for frame in frames))


def test_names_do_not_pile_up() -> None:
    """A server may send any number of names, and of any length; what is remembered of them has a bound."""
    frames = [
        b"Event: X\r\n%s%d: 1" % (b"N" * length, number) for number in range(3000) for length in (1, 99)
    ]
    assert len(roots(to_xml(frames, b"pbx1"))) == len(frames)
    info = _known_opening.cache_info()
    assert info.currsize == info.maxsize == NAMES_REMEMBERED
    hits = info.hits
    assert b"<%s " % (b"N" * 99) in to_xml([b"N" * 99 + b": 1"], b"")
    assert _known_opening.cache_info().hits == hits, "a long one is made anew"

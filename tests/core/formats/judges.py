"""Other people's parsers, which say whether what we write is what it claims to be."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import orjson
from defusedxml import ElementTree
from hypothesis import strategies as st
from lxml import etree

from amp.core.ami.frame import Frame
from amp.core.formats.xml import xml_name

Element = tuple[str, str | None, str]
"""Its name, its attribute ``Name``, its value."""

odd_bytes = st.binary(max_size=60) | st.lists(
    st.sampled_from(
        [
            b"Event: X",
            b"\r\n",
            b"\n",
            b"\r",
            b":",
            b": ",
            b" ",
            b"\t",
            b"&",
            b"<",
            b">",
            b'"',
            b"'",
            b"]]>",
            b"Server: forged",
            b"server:",
            b"UnparsedText: x",
            b"xmlns: x",
            b"Chan(SIP/1): x",
            b"A",
            b"\0",
            b"\x1b",
            "\ufffe\uffff\U0001f600é".encode(),
            b"\xed\xa0\x80",
            b"\xff\xfe",
            b"\x80",
            b"&#10;",
            b"&lt;",
            b"a,b",
        ]
    ),
    max_size=25,
).map(b"".join)
"""What a frame may hold, and what it never should."""

odd_frames = st.lists(odd_bytes, max_size=5)


def roots(data: bytes) -> list[list[Element]]:
    """The elements of each root in a rendering, as two parsers agree on them."""
    whole = b"<all>%s</all>" % data
    found = [
        [_element(dict(inner.attrib.items()), inner.tag) for inner in root]
        for root in etree.fromstring(whole)
    ]
    assert found == [[_element(dict(inner.attrib.items()), inner.tag) for inner in root] for root in
                     ElementTree.fromstring(whole)]  # fmt: skip
    return found


def _element(attributes: Mapping[Any, Any], tag: Any) -> Element:
    assert set(attributes) <= {"Name", "Value"}
    return tag, attributes.get("Name"), attributes["Value"]


def root_names(data: bytes) -> list[str]:
    return [root.tag for root in etree.fromstring(b"<all>%s</all>" % data)]


def records(data: bytes) -> list[list[bytes]]:
    """The records that Python's csv finds, without the blank lines between them."""
    text = io.StringIO(data.decode("latin-1"), newline="")
    return [[cell.encode("latin-1") for cell in row] for row in csv.reader(text, strict=True) if row]


def objects(data: bytes) -> list[dict[str, str | list[str]]]:
    return [orjson.loads(line) for line in data.splitlines()]


def expected_headers(frame: bytes, server: bytes) -> list[tuple[str, str]]:
    """What `Frame.parse` finds, as text, with the true server behind."""
    text = [(name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in
            Frame.parse(frame).headers]  # fmt: skip
    if not server:
        return text
    renamed = [("User" + name if name.lower() == "server" else name, value) for name, value in text]
    return [*renamed, ("Server", server.decode())]


def expected_element(name: str, value: str) -> Element:
    value = "".join(char if _in_xml(char) else "\ufffd" for char in value)
    if not name:
        return "UnparsedText", None, value
    made = xml_name("".join(char if _in_xml(char) else "\ufffd" for char in name))
    clean = "".join(char if _in_xml(char) else "\ufffd" for char in name)
    return made, None if made == clean else clean, value


def _in_xml(char: str) -> bool:
    return char in "\t\r\n" or (char >= " " and char not in "\ufffe\uffff")

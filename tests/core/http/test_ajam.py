"""Asterisk's own HTTP answers, held against the recordings."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import defusedxml.ElementTree
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.http.ajam import HTML, MXML, RAWMAN

CAPTURES = Path(__file__).parents[2] / "captures" / "asterisk-22"


def bodies(case: str, content_type: str) -> list[bytes]:
    """The bodies of that type in a recording."""
    data = (CAPTURES / f"{case}.s2c.bin").read_bytes()
    found, place = [], 0
    for head in re.finditer(rb"Content-type: ([^\r]*)\r\n.*?Content-Length: (\d+)\r\n\r\n", data, re.DOTALL):
        if head.start() < place:
            continue
        place = head.end() + int(head[2])
        if head[1].decode() == content_type:
            found.append(data[head.end() : place])
    return found


@pytest.mark.parametrize("case", ["http-rawman", "http-waitevent"])
def test_rawman_is_the_manager_protocol(case: str) -> None:
    recorded = [body for body in bodies(case, "text/plain") if body]
    assert recorded
    for body in recorded:
        assert RAWMAN.write(body.removesuffix(b"\r\n\r\n").split(b"\r\n\r\n")) == body


def frame_of(generic: ET.Element) -> bytes:
    """The frame behind an element of a recording, as far as its attributes tell."""
    lines = [f"{re.sub('-[0-9]+$', '', name)}: {value}" for name, value in generic.attrib.items()]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("case", ["http-mxml", "http-waitevent"])
def test_mxml_is_written_as_asterisk_writes_it(case: str) -> None:
    recorded = bodies(case, "text/xml")
    assert recorded
    for body in recorded:
        frames = [frame_of(each) for each in ET.fromstring(body).iter("generic")]  # our recording
        assert MXML.write(frames) == body


def test_names_and_repeats_become_attributes() -> None:
    lines = [b"Cause-txt: a", b"Output: 1", b"Output: <'&\">\tx", b"no header", b"2nd: y", b"A: \x01\xff"]
    body = MXML.write([b"\r\n".join(lines)])
    (generic,) = defusedxml.ElementTree.fromstring(body).iter("generic")
    assert generic.attrib == {
        "cause_txt": "a",
        "output": "1",
        "output-2": "<'&\">\tx",
        "opaque-data": "no header",
        "_2nd": "y",
        "a": "\N{REPLACEMENT CHARACTER}" * 2,
    }


def test_a_header_declares_no_namespace() -> None:
    """In HTML's an element runs its ``onmouseover``, and in some of XML's own nothing parses."""
    lines = [b"XMLNS: http://www.w3.org/2000/xmlns/", b"xml: y", b"OnMouseOver: alert(1)"]
    (generic,) = defusedxml.ElementTree.fromstring(MXML.write([b"\r\n".join(lines)])).iter("generic")
    assert generic.attrib == {
        "_xmlns": "http://www.w3.org/2000/xmlns/", "_xml": "y", "onmouseover": "alert(1)",
    }  # fmt: skip


@given(st.lists(st.binary(min_size=1), max_size=4))
def test_any_frame_gives_xml_that_parses(frames: list[bytes]) -> None:
    root = defusedxml.ElementTree.fromstring(MXML.write(frames))
    assert len(root) == len(frames)


def test_the_page_shows_what_came_as_text() -> None:
    page = HTML.write([b"Response: <script>\r\nMessage: \"'&", b"Event: X"]).decode()
    assert "<tr><td>Response</td><td>&lt;script&gt;</td></tr>" in page
    assert "<tr><td>Message</td><td>&quot;&#x27;&amp;</td></tr>" in page
    assert page.count("<hr>") == 2
    assert "<script>" not in page
    assert page.index("<form") < page.index("<table>")

"""Lines for people."""

from __future__ import annotations

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.printable import columns
from amp.core.tail.lines import Lines, gap_words, json_line
from amp.core.tail.messages import TailEvent, TailGap

RING = TailEvent(
    "pbx1",
    "e",
    7,
    "Newchannel",
    {
        "Event": "Newchannel", "Privilege": "call,all", "Channel": "PJSIP/a-1", "CallerIDName": "Anna B",
        "AccountCode": "", "ConnectedLineNum": "<unknown>", "Variable": ["a=1", "b=2"],
    },
    ("odd",),
)  # fmt: skip
LINE = '12:30:05 pbx1 Newchannel Channel=PJSIP/a-1 CallerIDName="Anna B" Variable=a=1 Variable=b=2 ?=odd\n'


def test_one_line() -> None:
    assert Lines().write(RING, "12:30:05") == LINE
    for width in (len(LINE) - 1, len(LINE), 500):
        assert Lines(width=width).write(RING, "12:30:05") == LINE


@pytest.mark.parametrize("width", [1, 8, 9, 10, 20, 30, 40, 60, len(LINE) - 2])
def test_a_line_fits_the_terminal(width: int) -> None:
    line = Lines(width=width).write(RING, "12:30:05").removesuffix("\n")
    assert columns(line) <= width
    assert line.removesuffix("…").rstrip() in LINE


def test_a_block_has_everything() -> None:
    assert Lines(block=True, width=10).write(RING, "") == (
        "--:--:-- pbx1 Newchannel\n    Event: Newchannel\n    Privilege: call,all\n    Channel: PJSIP/a-1\n"
        "    CallerIDName: Anna B\n    AccountCode: \n    ConnectedLineNum: <unknown>\n"
        "    Variable: a=1\n    Variable: b=2\n    ?: odd\n\n"
    )


@pytest.mark.parametrize("block", [False, True])
def test_colours_change_nothing_else(block: bool) -> None:
    for width in (0, 40):
        plain = Lines(block=block, width=width).write(RING, "12:30:05")
        coloured = Lines(block=block, width=width, colour=True).write(RING, "12:30:05")
        assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain
        assert coloured != plain


@given(
    st.text(), st.none() | st.text(), st.dictionaries(st.text(), st.text() | st.lists(st.text())),
    st.lists(st.text()), st.booleans(),
)  # fmt: skip
def test_hostile_values_stay_on_their_lines(
    server: str, name: str | None, headers: dict[str, str | list[str]], unparsed: list[str], block: bool
) -> None:
    shown = Lines(block=block).write(TailEvent(server, "e", 1, name, headers, tuple(unparsed)), "12:30:05")
    assert shown.replace("\n", "").isprintable()
    values = sum(len(value) if isinstance(value, list) else 1 for value in headers.values())
    assert shown.count("\n") == (values + len(unparsed) + 2 if block else 1)


def test_a_gap_in_words() -> None:
    assert gap_words(TailGap("a\x1b", "e", 3, 9, "slow client", 9)) == r"a\x1b: missed 3 to 9: slow client"
    assert gap_words(TailGap("a", "e", None, None, "new epoch", 0)) == "a: missed ? to ?: new epoch"


@given(st.dictionaries(st.text(), st.text()))
def test_json_lines_mean_the_same_and_are_safe(headers: dict[str, str]) -> None:
    one = TailEvent("a", "e", 1, "E", dict(headers), ())
    line = json_line(one).decode()
    assert line.removesuffix("\n").isprintable()
    assert orjson.loads(line)["headers"] == headers


def test_json_lines() -> None:
    gap = TailGap("é\x7f\x9b\u2028\U000e0001", "e", None, None, "new epoch", 0)
    assert json_line(gap).startswith(
        '{"type":"gap","server":"é\\u007f\\u009b\\u2028\\udb40\\udc01",'.encode()
    )

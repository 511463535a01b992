"""What a sniffer tells of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.voipmonitor.sniffer_stat import parse_sniffer_stat, parse_stat_line
from amp.errors import RemoteProtocolError
from sniffer_recordings import NAMES, recording

STATS = [name for name in NAMES if "sniffer_stat" in name and recording(name).received[:1] == b"{"]


@pytest.mark.parametrize("name", STATS)
def test_every_recorded_answer_is_read(name: str) -> None:
    stat = parse_sniffer_stat(recording(name).received)
    assert stat.version == "2026.04.0"
    assert stat.uptime_s is not None
    assert stat.initializing == (not stat.line.groups)


def test_groups_are_those_of_the_plain_form() -> None:
    """The sniffer's own ``sniffer_stat plain`` gives groups the same names and values."""
    plain = recording("plain-sniffer_stat-plain-26").received.decode()
    stat = parse_sniffer_stat(recording("plain-sniffer_stat-26").received)
    theirs = dict(line.split("=", 1) for line in plain.splitlines())
    # Two moments apart, so values differ; names, numbers of values and units do not.
    assert stat.line.groups.keys() - {"calls"} <= theirs.keys()
    assert len(stat.line.groups["calls"]) == 2
    assert stat.line.groups["RSS/VSZ"][0].endswith("MB")
    assert stat.line.groups["total_traffic"][0].endswith("Mb/s")


def test_stars_mark_what_is_high() -> None:
    """Recording plain-sniffer_stat-live1: ``*LA[5.69 2.96 1.65|2h]``."""
    line = parse_sniffer_stat(recording("plain-sniffer_stat-live1").received).line
    assert line.high == {"LA"}
    assert line.groups["calls"] == ("25,r:0", "25,r:0")
    assert line.groups["drop"] == ("I-lo:3",)
    assert line.number("LA") == 5.69
    assert line.number("t0CPU") == 14.1
    assert line.number("calls", 1) == 25
    assert line.number("calls", 2) is None
    assert line.number("nosuch") is None
    assert parse_stat_line("PS[C:-/-]").number("PS") is None


def test_a_line_that_is_no_json_is_cut_out() -> None:
    """Nothing in it is escaped."""
    reply = recording("plain-sniffer_stat-26").received.replace(b"calls[", b'drop[I-"x\\:3] calls[')
    stat = parse_sniffer_stat(reply)
    assert stat.line.groups["drop"] == ('I-"x\\:3',)
    assert stat.version == "2026.04.0"


def test_uptime_may_be_missing() -> None:
    assert parse_sniffer_stat(b"{}").uptime_s is None
    assert parse_sniffer_stat(b"{}").version == ""
    assert parse_sniffer_stat(b'{"uptime":"\xc2\xb2"}').uptime_s is None


@pytest.mark.parametrize(
    "reply", [b"", b"[]", b"command not found\n", recording("plain-sniffer_stat-plain").received]
)
def test_anything_else_is_told(reply: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="expected the object of sniffer_stat"):
        parse_sniffer_stat(reply)


@given(st.text(alphabet="a*[]| :.1\n", max_size=60))
def test_any_line_has_groups_or_none(line: str) -> None:
    parsed = parse_stat_line(line)
    assert parsed.high <= parsed.groups.keys()
    assert all(values for values in parsed.groups.values())


@pytest.mark.parametrize("letters", ["a", "[", "[a", "a[1]", "*", "[1]a", "calls[1][2]"])
def test_a_line_as_long_as_a_reply_is_read_in_time(letters: str) -> None:
    """Each letter is looked at once; looking at the rest from each of them takes minutes."""
    assert len(parse_stat_line(letters * 200_000).groups) <= 16_384


def test_numbers_beyond_all_measure_are_cut() -> None:
    line = parse_stat_line(f"calls[{'9' * 400}]")
    assert line.number("calls") == 999_999_999_999_999
    assert parse_sniffer_stat(b'{"uptime":"%s"}' % (b"9" * 400)).uptime_s is None
    assert parse_sniffer_stat(b'{"uptime":7}').uptime_s == 7


def test_what_is_nested_is_no_text() -> None:
    deep = b"[" * 900 + b"]" * 900
    stat = parse_sniffer_stat(b'{"version":%s,"uptime":%s,"pbStatString":%s}' % (deep, deep, deep))
    assert (stat.version, stat.uptime_s, stat.line.groups) == ("", None, {})

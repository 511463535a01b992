"""Tables of calls and registrations, read by position and tolerantly."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.voipmonitor.columns import address_text
from amp.core.voipmonitor.tables import Table, parse_table
from amp.errors import RemoteProtocolError
from sniffer_recordings import NAMES, recording

LISTS = [
    name
    for name in NAMES
    if ("listcalls" in name or "listregisters" in name)
    and recording(name).received[:1] in (b"[", b"{", b"\x1f")
]


def table(name: str) -> Table:
    received = recording(name).received
    return parse_table(gzip.decompress(received) if received[:1] == b"\x1f" else received)


@pytest.mark.parametrize("name", LISTS)
def test_every_recorded_list_is_a_table(name: str) -> None:
    """Rows are the JSON's own, whatever stands in front of them."""
    received = recording(name).received
    found: Any = json.loads(gzip.decompress(received) if received[:1] == b"\x1f" else received)
    rows = [] if isinstance(found, dict) else [row for row in found[1:] if len(row) > 1]
    parsed = table(name)
    assert parsed.values == rows
    assert len(list(parsed.rows())) == len(rows)


def test_a_call_reads_as_people_say_it() -> None:
    """73 values against 68 names; addresses are numbers."""
    parsed = table("plain-listcalls-26-limit5")
    assert len(parsed.header) == 68
    assert parsed.total == 26
    first = next(parsed.rows())
    assert len(first.values) == 73
    assert first.get("callid") == "9-2008@127.0.0.2"
    assert first.get("callerip") == "127.0.0.2"
    assert first.raw("callerip") == 2130706434
    assert first.get("calldate_num") == 1795290467
    assert first.get("lastSIPresponseNum") == 200
    assert first.get("calleragent") == "LabPhone/1.0"
    assert first.get("calledagent") is None
    assert first.get("src_mosf1") == 4.5
    assert first.get("src_mosf1_avg") is None
    assert first.get("callercodec") is None
    assert first.get("calledcodec") == 0
    assert first.get("vlan") is None
    assert first.get("callerip_encaps") is None
    assert first.get("callerip_encaps_prot") is None
    assert first.get("nosuch") is None
    assert [name for name, _ in first.items()] == list(parsed.header)


def test_names_come_in_utf8_or_with_underscores() -> None:
    """Recording plain-listcalls-names."""
    names = [row.get("callername") for row in table("plain-listcalls-names").rows()]
    assert names == ['a\\"b', "lat_n1", "back\\\\slash /x", "Příliš Žluť"]


def test_registrations_are_a_table_too() -> None:
    parsed = table("plain-listregisters-12-limit3")
    assert parsed.total == 12
    first = next(parsed.rows())
    assert (first.get("from_num"), first.get("sipcallerip"), first.get("state")) == ("4012", "127.0.0.2", 1)
    assert first.get("rrd_avg") == 0.069


def test_totals_come_or_not() -> None:
    assert table("plain-listcalls-26").totals == {}
    assert table("plain-listcalls-26").total == 26
    assert table("plain-listregisters-0").total == 0
    only = table("plain-listcalls-26-maps")
    assert (only.header, only.values, only.total) == ((), [], 26)
    assert only.totals["ip_src"] == {"127.0.0.2": 24, "127.0.0.4": 2}
    assert dict(only.columns) == {}


def test_short_rows_and_unknown_columns_do_no_harm() -> None:
    parsed = parse_table(b'[["callid","new","callid","callerip"],["a"],["b",{"x":1},"z","::1",5]]')
    short, long = parsed.rows()
    assert (short.get("callid"), short.get("new"), short.get("callerip")) == ("a", None, None)
    assert (long.get("callid"), long.raw("new"), long.get("callerip")) == ("b", {"x": 1}, "::1")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2130706434, "127.0.0.2"),
        (4294967295, "255.255.255.255"),
        (0, None),
        (1 << 32, None),
        (-1, None),
        ("fe80::1", "fe80::1"),
        ("", None),
        (None, None),
        (1.5, None),
    ],
)
def test_addresses_are_numbers_or_text(value: str | int | float | None, text: str | None) -> None:
    assert address_text(value) == text


def test_a_score_that_is_no_number_is_none() -> None:
    parsed = parse_table(b'[["src_mosf1"],["good"]]')
    assert next(parsed.rows()).get("src_mosf1") is None


@pytest.mark.parametrize(
    "reply",
    [b"", b"command not found\n", b"[", b"[]", b"5", b'["callid"]', b"[[]]", b"[[1]]", b'[["callid"],5]'],
)
def test_what_is_no_table_is_told(reply: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"expected a table|a row that is no list"):
        parse_table(reply)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
)


@given(_json.map(json.dumps).map(str.encode) | st.binary(max_size=40))
def test_garbage_is_a_table_or_an_error(reply: bytes) -> None:
    try:
        parsed = parse_table(reply)
    except RemoteProtocolError:
        return
    for row in parsed.rows():
        list(row.items())
    assert parsed.total >= 0 or parsed.totals


@pytest.mark.parametrize(
    "reply",
    [
        b'[["callid"],' + b"[]," * 50_000 + b"[]]",
        b'[["callid"],' + b"[]," * 200_000 + b"[]]",
        b'[["callid"],[' + b"1," * 5_000_001 + b"1]]",
        b'[["callid"' + b',"a"' * 300 + b"]]",
        b'[["callid","' + b"a" * 201 + b'"]]',
    ],
)
def test_a_table_larger_than_any_sniffers_is_refused(reply: bytes) -> None:
    """Few bytes here can be much memory: 64 MB of ``[],`` are over a gigabyte of lists."""
    with pytest.raises(RemoteProtocolError, match="a table"):
        parse_table(reply)

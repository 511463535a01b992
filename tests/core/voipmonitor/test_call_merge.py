"""The calls of several sniffers as one table."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.voipmonitor.call_merge import CallMerge
from amp.core.voipmonitor.tables import parse_table
from amp.errors import RemoteProtocolError
from sniffer_recordings import recording

HEADER = ["callid", "calldate_num", "caller"]


def listed(*rows: list[Any], header: list[str] = HEADER, **totals: Any) -> bytes:
    return orjson.dumps([header, [{"total": len(rows), **totals}], *rows])


def merged(arguments: bytes, **replies: bytes) -> Any:
    merge = CallMerge(arguments)
    for server, reply in replies.items():
        merge.add(server, reply)
    return orjson.loads(merge.reply())


def test_the_newest_call_of_all_comes_first() -> None:
    found = merged(
        b"",
        s1=listed(["a", 30, "x"], ["b", 10, "y"]),
        s2=listed(["c", 20, "x", None, None]),
        s3=listed(["d"]),
    )
    assert found == [
        [*HEADER, "server"],
        [{"total": 4, "servers": {"s1": 2, "s2": 1, "s3": 1}}],
        ["a", 30, "x", "s1"],
        ["c", 20, "x", "s2"],
        ["b", 10, "y", "s1"],
        ["d", None, None, "s3"],
    ]


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (b'{"limit":"2"}', "ac"),
        (b'{"limit":3,"sort_dir":"asc"}', "bca"),
        (b'{"sort_field":"caller"}', "cab"),
        (b'{"sort_field":"caller","sort_dir":"asc"}', "bac"),
        (b'{"sort_field":"nothing"}', "abc"),
        (b'{"limit":"-1"}', "acb"),
        (b'{"limit":', "acb"),
        (b"[1]", "acb"),
    ],
)
def test_limit_and_order_hold_for_the_whole(arguments: bytes, ids: str) -> None:
    replies = {"s1": listed(["a", 30, "x"], ["b", 10, None]), "s2": listed(["c", 20, "y"])}
    assert "".join(row[0] for row in merged(arguments, **replies)[2:]) == ids


def test_sniffers_may_have_other_columns() -> None:
    found = merged(
        b'{"sort_dir":"asc"}',
        s1=listed(["a", 1, "x"]),
        s2=listed(["b", "new", 2], header=["callid", "extra", "calldate_num"]),
    )
    assert found[0] == ["callid", "calldate_num", "caller", "extra", "server"]
    assert found[2:] == [["a", 1, "x", None, "s1"], ["b", 2, None, "new", "s2"]]


def test_counts_are_added_up() -> None:
    many = {f"10.0.0.{n}": 1 for n in range(100)}
    found = merged(
        b'{"limit":"0","ip_map":"yes"}',
        s1=orjson.dumps({"total": 7, "id_sensor": 1, "ip_src": {"10.0.0.1": 5, "10.0.0.9": 2}}),
        s2=orjson.dumps({"total": 9, "ip_src": {**many, "192.0.2.1": 4, "odd": "x"}}),
    )
    assert found["total"] == 16
    assert found["servers"] == {"s1": 7, "s2": 9}
    assert list(found["ip_src"].items())[:3] == [("10.0.0.1", 6), ("192.0.2.1", 4), ("10.0.0.9", 3)]
    assert len(found["ip_src"]) == 100
    assert "id_sensor" not in found


def test_recorded_tables() -> None:
    replies = {name: recording(f"plain-listcalls-{name}").received for name in ("26", "26-limit5", "0")}
    found = parse_table(orjson.dumps(merged(b"", **replies)))
    assert (len(found.header), found.header[-1]) == (69, "server")
    assert found.totals["servers"] == {"26": 26, "26-limit5": 26, "0": 0}
    assert [row.get("server") for row in found.rows()].count("26-limit5") == 5
    times = [row.raw("calldate_num") for row in found.rows()]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("reply", [b"", b"need aes!\n", b"{}", b"[[]]"])
def test_what_is_no_table_is_refused_and_changes_nothing(reply: bytes) -> None:
    merge = CallMerge(b"")
    with pytest.raises(RemoteProtocolError):
        merge.add("s1", reply)
    merge.add("s2", listed(["a", 1, "x"]))
    assert orjson.loads(merge.reply())[2:] == [["a", 1, "x", "s2"]]


@given(st.lists(st.lists(st.none() | st.integers(-9, 9) | st.text(max_size=2) | st.booleans(), max_size=4)))
def test_whatever_the_values_are(rows: list[list[Any]]) -> None:
    found = merged(b'{"sort_field":"callid"}', s1=listed(*rows), s2=listed())
    assert len(found) - 2 == len(rows)


@pytest.mark.parametrize(
    "totals",
    [
        {"total": {"a": 1}},
        {"total": 1 << 63},
        {"total": -1},
        {"total": 1, "servers": {"s1": 99}},
        {"total": 1, "ip_src": {"a": 1 << 63}},
    ],
)
def test_counts_that_cannot_be_spoil_nobody_elses(totals: dict[str, Any]) -> None:
    bad = orjson.dumps([["callid"], [totals], ["b"]])
    good = orjson.dumps([["callid"], [{"total": 1, "ip_src": {"a": 2}}], ["a"]])
    found = merged(b"", s1=good, s2=bad, s3=bad)
    assert found[1] == [{"total": 3, "servers": {"s1": 1, "s2": 1, "s3": 1}, "ip_src": {"a": 2}}]


def test_a_value_nested_too_deep_is_null() -> None:
    deep = b'[["callid","caller"],["b",%s]]' % (b"[" * 900 + b"]" * 900)
    found = merged(b"", s1=listed(["a", 1, "x"]), s2=deep)
    assert found[2:] == [["a", 1, "x", "s1"], ["b", None, None, "s2"]]


def test_a_sniffer_cannot_say_that_it_is_another() -> None:
    header, _, *rows = merged(b"", s1=listed(["a", "s9"], header=["callid", "server"]))
    assert (header, rows) == (["callid", "server"], [["a", "s1"]])

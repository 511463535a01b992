"""Events about sniffers: which headers, and what cannot get into them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.core.voipmonitor.call_headers import header_name
from amp.core.voipmonitor.columns import columns_of
from amp.core.voipmonitor.popup import PopupReader
from amp.core.voipmonitor.sniffer_stat import parse_sniffer_stat
from amp.core.voipmonitor.tables import Row, parse_table
from amp.core.voipmonitor.watch_events import WatchEvents
from amp.errors import LocalProtocolError
from sniffer_recordings import recording

EVENTS = WatchEvents("s2", b"e1", b"0123456789abcdef")


def row(**values: Any) -> Row:
    return Row(columns_of(tuple(values)), list(values.values()))


def shown(raw: bytes) -> dict[str, str]:
    """The headers, each of which comes once."""
    headers = [(name.decode(), value.decode()) for name, value in Frame.parse(raw).headers]
    assert len(dict(headers)) == len(headers)
    return dict(headers)


def recorded(name: str) -> Row:
    return next(parse_table(recording(name).received).rows())


def test_a_recorded_call_has_its_columns_as_headers() -> None:
    headers = shown(EVENTS.started(recorded("plain-listcalls-26-limit5")))
    assert list(headers.items())[:11] == [
        ("Event", "SnifferCallStart"),
        ("Privilege", "call,all"),
        ("CallReference", EVENTS.token(recorded("plain-listcalls-26-limit5"))),
        ("CallID", "9-2008@127.0.0.2"),
        ("CallDate", "2026-11-21T19:47:47Z"),
        ("CallDateEpoch", "1795290467"),
        ("LastPacketTime", "2026-11-21T19:47:47Z"),
        ("LastPacketTimeEpoch", "1795290467"),
        ("Duration", "5"),
        ("ConnectDuration", "5"),
        ("Caller", "4009"),
    ]
    assert headers["CallerIP"] == "127.0.0.2"
    assert headers["CallerInternational"] == "yes"
    assert headers["LastSIPResponseNum"] == "200"
    assert headers["SrcMOSF1"] == "4.5"
    assert headers["SensorID"] == "7"
    assert not {"CalledAgent", "VLAN", "CallerCodec", "CallerIPEncaps"} & headers.keys(), "they are not set"


def test_every_recorded_column_has_a_header_of_its_own() -> None:
    columns = parse_table(recording("plain-listcalls-0").received).header
    names = {header_name(column) for column in columns}
    assert len(names) == len(columns)
    assert all(name.isalnum() for name in names)


def test_no_event_holds_an_address_of_memory() -> None:
    for call in parse_table(recording("plain-listcalls-26").received).rows():
        for raw in (EVENTS.started(call), EVENTS.updated(call, ("caller",)), EVENTS.ended(call)):
            assert str(call.raw("callreference")).encode() not in raw
            assert b"0x7f" not in raw


def test_a_token_is_of_one_call_and_cannot_be_guessed() -> None:
    first = row(callreference="0x1", callid="a", calldate_num=1)
    assert EVENTS.token(first) == EVENTS.token(
        row(callid="a", calldate_num=1, callreference="0x1", caller="5")
    )
    others = [
        EVENTS.token(row(callreference="0x2", callid="a", calldate_num=1)),
        EVENTS.token(row(callreference="0x1", callid="b", calldate_num=1)),
        EVENTS.token(row(callreference="0x1", callid="a", calldate_num=2)),
        WatchEvents("s3", b"e1", b"0123456789abcdef").token(first),
        WatchEvents("s2", b"e1", b"another secret..").token(first),
    ]
    assert len({EVENTS.token(first), *others}) == 6


def test_an_update_names_what_has_changed() -> None:
    call = recorded("plain-listcalls-26-limit5")
    headers = shown(EVENTS.updated(call, ("connect_duration", "lastSIPresponseNum")))
    assert headers["Changed"] == "ConnectDuration,LastSIPResponseNum"
    assert headers["CallReference"] == EVENTS.token(call)
    assert {
        "CallID",
        "Caller",
        "Called",
        "ConnectDuration",
        "LastSIPResponseNum",
        "SrcMOSF1",
    } < headers.keys()
    assert not {"CallDate", "CallerAgent", "CallerDomain"} & headers.keys(), "they stand in its start"
    assert shown(EVENTS.updated(row(other=1), ()))["Changed"] == ""


def test_strangers_cannot_add_lines() -> None:
    """Names and numbers come from whoever calls."""
    bad = "x\r\n\r\nEvent: Forged\0"
    raw = EVENTS.started(row(callid=bad, callername=bad, sipproxies=[1, bad]))
    assert shown(raw)["CallID"] == shown(raw)["CallerName"] == "x    Event: Forged "
    assert shown(raw)["SIPProxies"] == r'[1,"x\r\n\r\nEvent: Forged\u0000"]'
    assert len(shown(EVENTS.started(row(callid="x" * 5000)))["CallID"]) == 1000


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text()))
def test_whatever_the_columns_are_called(values: dict[str, Any]) -> None:
    """Custom SIP headers become columns; none can look like a header of amp's own."""
    headers = shown(EVENTS.started(Row(columns_of((*values, "callid")), [*values.values(), "a"])))
    assert headers["Event"] == "SnifferCallStart"
    assert not {"Server", "ActionID"} & headers.keys()


def test_columns_like_headers_of_amps_are_told_apart() -> None:
    assert shown(EVENTS.started(row(callid="a", server="x", Event="y", duration=1, Duration=2))) == {
        "Event": "SnifferCallStart",
        "Privilege": "call,all",
        "CallReference": EVENTS.token(row(callid="a")),
        "CallID": "a",
        "ColumnServer": "x",
        "ColumnEvent": "y",
        "Duration": "1",
    }
    assert header_name("!!") == ""


def test_times_that_are_none_are_numbers_only() -> None:
    headers = shown(EVENTS.started(row(callid="a", calldate_num=-5, lastpackettime="soon")))
    assert headers["CallDateEpoch"] == "-5"
    assert headers["LastPacketTimeEpoch"] == "soon"
    assert not {"CallDate", "LastPacketTime"} & headers.keys()


def test_the_state_of_a_sniffer() -> None:
    headers = shown(EVENTS.stat(parse_sniffer_stat(recording("plain-sniffer_stat-26").received)))
    assert headers["Privilege"] == "reporting,all"
    assert headers["Version"] == "2026.04.0"
    assert headers["Uptime"] == "87"
    assert headers["PbStatString"].startswith("calls[0,r:0][0,r:12] PS[")
    assert (headers["CallsActive"], headers["CallsFinal"]) == ("0", "0")
    assert headers["DiskIOLatencyMs"] == "0.14"
    assert "High" not in headers
    early = shown(EVENTS.stat(parse_sniffer_stat(recording("plain-sniffer_stat-initializing").received)))
    assert early["Initializing"] == "yes"
    assert not {"CallsActive", "PbStatString"} & early.keys()
    odd = shown(
        EVENTS.stat(parse_sniffer_stat(b'{"pbStatString": "*heap[u90|t0] *drop[1]", "disk_io": null}'))
    )
    assert odd["High"] == "drop,heap"


def test_a_recorded_popup() -> None:
    lines = list(PopupReader().feed(recording("plain-login_screen_popup-ok-call").received))
    (first, *_) = [line for line in lines if line.kind == "call_data"]
    assert shown(EVENTS.popup(first)) == {
        "Event": "SnifferPopup",
        "Privilege": "call,all",
        "SIPResponse": "180",
        "CallerName": "Lab User 1",
        "Caller": "4001",
        "Called": "7001",
        "SIPCallerIP": "127.0.0.2",
        "SIPCalledIP": "127.0.0.3",
    }


def test_down_up_and_reset() -> None:
    assert EVENTS.down("no answer\r\n") == (
        b"Event: SnifferDown\r\nPrivilege: call,all\r\nReason: no answer  \r\nEpoch: e1"
    )
    assert shown(EVENTS.up("2026.04.0"))["Version"] == "2026.04.0"
    assert shown(EVENTS.reset("watching began", 3))["Calls"] == "3"


def test_a_line_that_is_two_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="SnifferReset"):
        EVENTS.reset("a\r\nb", 3)


def test_a_column_cannot_pass_for_a_header_of_amps_own() -> None:
    forged = row(callid="c", calldate_num=1, call_reference="x", call_date="y", last_packet_time="z")
    headers = shown(EVENTS.started(forged))
    assert headers["CallReference"] == EVENTS.token(forged)
    assert headers["CallDate"] == "1970-01-01T00:00:01Z"
    assert "LastPacketTime" not in headers


def test_nothing_in_a_value_ends_a_line_or_orders_a_terminal() -> None:
    headers = shown(EVENTS.started(row(callid="c", callername="a\r\nEvent: X\0\x85\u2028\x9b2J\x1b[2J")))
    assert headers["CallerName"] == "a  Event: X    2J [2J"


def test_a_value_nested_too_deep_is_left_empty() -> None:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    assert shown(EVENTS.started(row(callid="c", caller=deep)))["Caller"] == ""


def test_a_state_has_so_many_headers_and_no_more() -> None:
    values = orjson.dumps({**{f"a{i}": i for i in range(1000)}, "x" * 201: 1})
    assert len(shown(EVENTS.stat(parse_sniffer_stat(values)))) <= 110
    disk = orjson.dumps({"disk_io": {f"a{i}": i for i in range(1000)}, "x" * 201: 1})
    assert len(shown(EVENTS.stat(parse_sniffer_stat(disk)))) <= 110
    (popup,) = PopupReader().feed(b"call_data: " + b" ".join(b"a%d:[[1]]" % i for i in range(1000)) + b"\n")
    assert len(shown(EVENTS.popup(popup))) <= 110

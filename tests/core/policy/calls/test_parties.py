"""Which channels an event names, in the words of Asterisk 1.2 to 22."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.policy.calls import parties
from amp.core.policy.calls.parties import MAX_ID_BYTES, Party, kind_of, read_event
from channels import began, event
from replay import recording


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (began("PJSIP/100-1", "1.1"), [(b"PJSIP/100-1", b"1.1", b"from-internal")]),
        (
            event(
                "DialBegin",
                ("Channel", "A/1"),
                ("Uniqueid", "1.1"),
                ("DestChannel", "B/2"),
                ("DestUniqueid", "1.2"),
            ),
            [(b"A/1", b"1.1", b""), (b"B/2", b"1.2", b"")],
        ),
        (
            event(
                "Dial",
                ("Source", "A/1"),
                ("Destination", "B/2"),
                ("SrcUniqueID", "1.1"),
                ("DestUniqueID", "1.2"),
            ),
            [(b"A/1", b"1.1", b""), (b"B/2", b"1.2", b"")],
        ),
        (
            event(
                "Dial",
                ("SubEvent", "Begin"),
                ("Channel", "A/1"),
                ("Destination", "B/2"),
                ("UniqueID", "1.1"),
                ("DestUniqueID", "1.2"),
            ),
            [(b"A/1", b"1.1", b""), (b"B/2", b"1.2", b"")],
        ),
        (
            event(
                "Link", ("Channel1", "A/1"), ("Channel2", "B/2"), ("Uniqueid1", "1.1"), ("Uniqueid2", "1.2")
            ),
            [(b"A/1", b"1.1", b""), (b"B/2", b"1.2", b"")],
        ),
        (
            event("Rename", ("Oldname", "A/1"), ("Newname", "A/1<MASQ>"), ("Uniqueid", "1.1")),
            [(b"A/1", b"1.1", b""), (b"A/1<MASQ>", b"1.1", b"")],
        ),
        (
            event(
                "Masquerade",
                ("Clone", "A/1"),
                ("CloneState", "Up"),
                ("Original", "B/2"),
                ("OriginalState", "Up"),
            ),
            [(b"A/1", b"", b""), (b"B/2", b"", b"")],
        ),
        (event("AgentCalled", ("AgentCalled", "A/1"), ("ChannelCalling", "B/2")), [(b"B/2", b"", b"")]),
        (
            event(
                "AttendedTransfer",
                ("OrigTransfererChannel", "A/1"),
                ("OrigTransfererUniqueid", "1.1"),
                ("OrigBridgeUniqueid", "b"),
                ("TransfereeChannel", "B/2"),
                ("TransfereeUniqueid", "1.2"),
            ),
            [(b"A/1", b"1.1", b""), (b"B/2", b"1.2", b"")],
        ),
        (
            event(
                "Cdr",
                ("Source", "100"),
                ("Destination", "200"),
                ("DestinationContext", "out"),
                ("Channel", "A/1"),
                ("DestinationChannel", "B/2"),
                ("UniqueID", "1.1"),
            ),
            [(b"A/1", b"1.1", b"out"), (b"B/2", b"", b"out")],
        ),
        (event("VarSet", ("Channel", "none"), ("Uniqueid", "none"), ("Variable", "X")), []),
        (event("OriginateResponse", ("Channel", "A/1"), ("Uniqueid", "<null>")), [(b"A/1", b"", b"")]),
        (
            event("BridgeEnter", ("SwapUniqueid", "1.9"), ("Channel", "A/1"), ("Uniqueid", "1.1")),
            [(b"A/1", b"1.1", b""), (b"", b"1.9", b"")],
        ),
        (event("SpanAlarm", ("Channel", "12")), []),
        (event("QueueMemberStatus", ("Interface", "SIP/100")), []),
    ],
)
def test_the_channels_of_an_event(frame: bytes, expected: list[tuple[bytes, bytes, bytes]]) -> None:
    assert list(read_event(frame).parties) == [Party(*party) for party in expected]


def test_what_else_it_tells() -> None:
    read = read_event(event("Bridge", ("BridgeUniqueid", "b1"), ("Bridgestate", "Unlink"), ("Context", "c")))
    assert (read.kind, read.bridge, read.state, read.context) == (b"bridge", b"b1", b"unlink", b"c")
    assert kind_of(b"Event: Hangup\r\nX: 1") == b"hangup"
    assert kind_of(b"Event: Hangup") == b"hangup"


def test_of_repeated_headers_the_first_counts() -> None:
    """What a value with line ends forges comes behind the real headers."""
    forged = event(
        "Newexten", ("Channel", "A/1"), ("Uniqueid", "1.1"), ("Channel", "B/2"), ("Uniqueid", "1.2")
    )
    assert read_event(forged).parties == (Party(b"A/1", b"1.1", b""),)


def test_what_is_too_long_is_nobody() -> None:
    long = "A/" + "x" * MAX_ID_BYTES
    assert read_event(event("Newchannel", ("Channel", long), ("Uniqueid", "1.1"))).parties[0].name == b""
    assert read_event(event("X", ("y" * 300 + "Channel", "A/1"))).parties[0].name == b"A/1"


def test_made_up_headers_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parties, "ROLES", {})
    for number in range(3000):
        read_event(event("UserEvent", (f"H{number}", "x")))
    assert len(parties.ROLES) == parties.HEADERS_REMEMBERED


def test_every_event_with_a_channel_is_read_in_the_recordings() -> None:
    """Every Newchannel has its Uniqueid, every BridgeEnter its bridge."""
    for frame in recording("stream-20calls").frames:
        read = read_event(frame)
        if read.kind in (b"newchannel", b"newstate", b"hangup"):
            assert len(read.parties) == 1
            assert all(read.parties[0])
        if read.kind in (b"bridgeenter", b"bridgeleave"):
            assert read.bridge


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    read_event(b"Event: " + data)
    kind_of(b"Event: " + data)

"""What is known of the channels that are up, and that it never grows beyond its bounds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from amp.core.policy.calls.live_calls import CHANGES, ENTRY_BYTES, MAX_FRAME_BYTES, NOTED, LiveCalls
from amp.core.policy.calls.parties import read_event
from channels import began, bridged, entered, event, hung_up, left, renamed, stated

A, B = ("SIP/100-1", "1.1"), ("SIP/200-2", "1.2")


def known(*frames: bytes, **limits: int) -> LiveCalls:
    calls = LiveCalls(**limits)
    for frame in frames:
        calls.note(read_event(frame), frame)
    return calls


def test_a_channel_from_newchannel_to_hangup() -> None:
    calls = known(began(*A), stated(*A, "Ring"), stated(*A))
    assert calls.replay(b"1.1") == (began(*A), stated(*A))
    assert calls.uniqueid_of(b"SIP/100-1") == b"1.1"
    assert b"1.1" in calls
    assert list(calls) == [b"1.1"]
    over = known(began(*A), stated(*A), hung_up(*A))
    assert (len(over), over.size_bytes, over.replay(b"1.1"), over.uniqueid_of(b"SIP/100-1")) == (
        0,
        0,
        (),
        b"",
    )


def test_who_is_in_a_bridge_has_entered_it() -> None:
    calls = known(began(*A), began(*B), entered(*A, "b"), entered(*B, "b"))
    assert calls.members(b"b") == (b"1.1", b"1.2")
    assert calls.bridges() == ((b"1.1", b"1.2"),)
    assert calls.replay(b"1.1") == (began(*A), entered(*A, "b"))
    for end in (left(*A, "b"), event("BridgeDestroy", ("BridgeUniqueid", "b")), hung_up(*A)):
        calls.note(read_event(end), end)
        assert b"1.1" not in calls.members(b"b")
    moved = known(began(*A), entered(*A, "b"), entered(*A, "c"), left(*A, "b"))
    assert (moved.members(b"b"), moved.members(b"c")) == ((), (b"1.1",))


def test_old_asterisks_bridge_two_at_once() -> None:
    calls = known(began(*A), began(*B), bridged(A, B))
    assert calls.bridges() == ((b"1.1", b"1.2"),)
    assert known(began(*A), began(*B), bridged(A, B), bridged(A, B, "Unlink")).bridges() == ()
    assert known(began(*A), began(*B), bridged(A, B, state="Unlink")).bridges() == ()
    assert known(began(*A), bridged(A, B)).bridges() == ()


def test_a_renamed_channel_is_replayed_under_its_name_of_today() -> None:
    calls = known(began(*A), stated(*A), entered(*A, "b"), renamed(A[0], "SIP/300-3", A[1]))
    assert calls.replay(b"1.1") == (
        began("SIP/300-3", A[1]), stated("SIP/300-3", A[1]), entered("SIP/300-3", A[1], "b"),
    )  # fmt: skip
    assert (calls.uniqueid_of(b"SIP/100-1"), calls.uniqueid_of(b"SIP/300-3")) == (b"", b"1.1")


def test_a_masquerade_exchanges_names() -> None:
    """As Asterisk before 12 does it: the clone steps aside, the original takes its name."""
    calls = known(
        began(*A), began(*B),
        renamed(A[0], f"{A[0]}<MASQ>", A[1]), renamed(B[0], A[0], B[1]),
        renamed(f"{A[0]}<MASQ>", f"{B[0]}<ZOMBIE>", A[1]), hung_up(f"{B[0]}<ZOMBIE>", A[1]),
    )  # fmt: skip
    assert calls.uniqueid_of(A[0].encode()) == b"1.2"
    assert calls.replay(b"1.2") == (began(A[0], B[1]),)
    assert len(calls) == 1


def test_what_was_up_before_anybody_listened() -> None:
    assert known(stated(*A)).replay(b"1.1") == (stated(*A),)
    assert known(entered(*A, "b")).members(b"b") == (b"1.1",)
    for frame in (
        renamed(*A, "x"),
        left(*A, "b"),
        hung_up(*A),
        event("Hangup"),
        event("Rename"),
        event("Newchannel"),
    ):
        assert len(known(frame)) == 0


def test_two_channels_of_one_name() -> None:
    """It belongs to the one that took it last, until that one gives it up."""
    twin = (A[0], "1.9")
    calls = known(began(*A), began(*twin), renamed(A[0], "SIP/5-5", A[1]), hung_up("SIP/5-5", A[1]))
    assert calls.uniqueid_of(A[0].encode()) == b"1.9"
    assert known(began(*A), began(*twin), hung_up(*A)).uniqueid_of(A[0].encode()) == b"1.9"


def test_what_says_too_little_changes_nothing() -> None:
    calls = known(began(*A))
    for name in ("Newstate", "BridgeEnter", "BridgeLeave", "Hangup", "Bridge", "BridgeDestroy"):
        frame = event(name)
        calls.note(read_event(frame), frame)
    enter = event("BridgeEnter", ("Channel", A[0]), ("Uniqueid", A[1]))
    calls.note(read_event(enter), enter)
    assert calls.replay(b"1.1") == (began(*A),)


def test_the_oldest_goes_first() -> None:
    calls = known(*(began(f"SIP/{n}-1", f"1.{n}") for n in range(5)), max_channels=3)
    assert (list(calls), calls.forgotten) == ([b"1.2", b"1.3", b"1.4"], 2)
    small = ENTRY_BYTES + len(began(*A))
    assert list(known(began(*A), began(*B), max_bytes=small + 10)) == [b"1.2"]
    huge = stated(*A, "x" * MAX_FRAME_BYTES)
    assert known(began(*A), huge).replay(b"1.1") == (began(*A),)


def test_all_is_over() -> None:
    calls = known(began(*A), entered(*A, "b"))
    calls.clear()
    assert (len(calls), calls.size_bytes, calls.bridges(), calls.uniqueid_of(A[0].encode())) == (
        0,
        0,
        (),
        b"",
    )


def test_what_is_noted_is_what_is_listed() -> None:
    assert set(CHANGES) == NOTED


NAMES = st.integers(0, 5).map(lambda n: (f"SIP/{n}-1", f"1.{n}"))
FRAMES = st.one_of(
    NAMES.map(lambda a: began(*a)),
    NAMES.map(lambda a: stated(*a)),
    NAMES.map(lambda a: hung_up(*a)),
    st.tuples(NAMES, st.sampled_from("bc")).map(lambda pair: entered(*pair[0], pair[1])),
    st.tuples(NAMES, st.sampled_from("bc")).map(lambda pair: left(*pair[0], pair[1])),
    st.tuples(NAMES, NAMES).map(lambda pair: bridged(*pair)),
    st.tuples(NAMES, NAMES).map(lambda pair: renamed(pair[0][0], pair[1][0], pair[0][1])),
    st.sampled_from("bc").map(lambda bridge: event("BridgeDestroy", ("BridgeUniqueid", bridge))),
)


@settings(max_examples=200)
@given(st.lists(FRAMES, max_size=60), st.integers(1, 4), st.integers(1, 8))
def test_never_more_than_the_bounds(frames: list[bytes], max_channels: int, kilobytes: int) -> None:
    calls = LiveCalls(max_channels=max_channels, max_bytes=kilobytes * 1000)
    for frame in frames:
        calls.note(read_event(frame), frame)
        assert len(calls) <= max_channels
        assert calls.size_bytes <= kilobytes * 1000
        assert calls.size_bytes == sum(ENTRY_BYTES + sum(map(len, calls.replay(uid))) for uid in calls)
        members = [member for bridge in calls.bridges() for member in bridge]
        assert len(members) == len(set(members))
        assert set(members) <= set(calls)
    for uniqueid in list(calls):
        end = hung_up("?/?", uniqueid.decode())
        calls.note(read_event(end), end)
    assert (len(calls), calls.size_bytes, calls.bridges()) == (0, 0, ())

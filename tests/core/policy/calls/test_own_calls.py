"""What a user with a channel, a context or an account of its own may do, and what is forced on it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.core.policy.authorise import Policy, Refusal, admitted
from amp.core.policy.calls.own_calls import FilterLocal, OwnCalls
from amp.core.policy.classes import DOORS

MINE = OwnCalls(channel=b"sip/100")
EVERYTHING = frozenset((*DOORS, "all"))


def action(name: str, *lines: str) -> Frame:
    return Frame.parse("\r\n".join((f"Action: {name}", *lines)).encode())


def answer(own: OwnCalls, frame: Frame, **policy: tuple[str, ...]) -> Frame | str:
    """What becomes of it for a user who may do everything else: the frame, or the refusal's text."""
    admitted_as = admitted(Policy(write=EVERYTHING, own=own, **policy), frame)
    return admitted_as.message.decode() if isinstance(admitted_as, Refusal) else admitted_as


@pytest.mark.parametrize(
    "frame",
    [
        action("Hangup", "Channel: SIP/100-1"),
        action("Hangup", "channel:sip/100-00000001"),
        action("Redirect", "Channel: SIP/100-1", "ExtraChannel: SIP/100-2", "Context: c", "Exten: 1"),
        action("Redirect", "Channel: SIP/100-1", "ExtraChannel: ", "Context: c", "Exten: 1"),
        action("Bridge", "Channel1: SIP/100-1", "Channel2: SIP/1001-2"),
        action("Originate", "Channel: SIP/100", "Exten: 200", "Context: anywhere", "ChannelId: x"),
        action("Getvar", "Channel: SIP/100-1", "Variable: X"),
        action("CoreShowChannels"),
        action("QueueStatus", "Queue: q"),
        action("Ping"),
    ],
)
def test_the_users_own_channels(frame: Frame) -> None:
    assert answer(MINE, frame) is frame


@pytest.mark.parametrize(
    "frame",
    [
        action("Hangup", "Channel: SIP/200-1"),
        action("Hangup", "CHANNEL:SIP/200-1"),
        action("Hangup", "Channel: SIP/100-1", "Channel: SIP/200-1"),
        action("Hangup", "Channel: ", "Channel: SIP/200-1"),
        action("Hangup", "Channel : SIP/200-1"),
        action("Hangup", "Channel: /^SIP/100.*|.*/"),
        action("Hangup", "Channel: 1795293551.586"),
        action("Hangup", "Channel: \x01SIP/100-1"),
        action("Redirect", "Channel: SIP/100-1", "ExtraChannel: SIP/200-1", "Context: c", "Exten: 1"),
        action("Bridge", "Channel1: SIP/100-1", "Channel2: SIP/200-1"),
        action("Setvar", "Channel: SIP/200-1", "Variable: X", "Value: 1"),
        action("Monitor", "Channel: SIP/200-1", "File: x"),
        action("MixMonitor", "Channel: all"),
        action("ConfbridgeKick", "Conference: 1", "Channel: all"),
        action("DAHDIHangup", "DAHDIChannel: 1"),
        action("QueueWithdrawCaller", "Queue: q", "Caller: SIP/200-1"),
        action("Park", "Channel: SIP/100-1", "TimeoutChannel: SIP/200-1"),
        action("UserEvent", "UserEvent: x", "Channel: SIP/200-1"),
        action("SIPnotify", "Channel: 200", "Variable: x"),
        action("Originate", "Channel: SIP/200", "Exten: 1", "Context: c"),
        action("Originate", "Channel: SIP/100&SIP/200", "Exten: 1", "Context: c"),
        action("Originate", "Channel: Local/100@c", "Exten: 1", "Context: c"),
    ],
)
def test_no_way_to_other_channels(frame: Frame) -> None:
    """Also not by a second header, another case, a regular expression or a Uniqueid."""
    text = answer(MINE, frame)
    assert isinstance(text, str)
    assert text.startswith("Permission denied: the channel in ")


@pytest.mark.parametrize(
    "frame",
    [
        action("Command", "Command: channel request hangup all"),
        action("AGI", "Channel: SIP/100-1", "Command: EXEC ChanSpy SIP/200"),
        action("Originate", "Channel: SIP/100", "Application: ChanSpy", "Data: SIP/200"),
        action("Getvar", "Channel: SIP/100-1", "Variable: IMPORT(SIP/200-1,X)"),
        action("Getvar", "Variable: X"),
        action("Setvar", "Variable: X", "Value: 1"),
        action("Setvar", "Channel: ", "Variable: X", "Value: 1"),
        action("BridgeDestroy", "BridgeUniqueid: b"),
        action("MeetmeMute", "Meetme: 1", "Usernum: 1"),
        action("DialplanExtensionAdd", "Context: c", "Extension: 1,1,ChanSpy"),
    ],
)
@pytest.mark.parametrize("own", [MINE, OwnCalls(channel=b"sip/100", filter_local="allow", out_context=b"c")])
def test_doors_behind_which_every_channel_is(own: OwnCalls, frame: Frame) -> None:
    """They stay shut for a user with channels of its own, whatever its ``write`` says."""
    assert isinstance(answer(own, frame), str)
    assert answer(OwnCalls(account=b""), frame) is frame


def test_the_console_as_far_as_it_is_narrowed() -> None:
    show, stop = action("Command", "Command: core show uptime"), action("Command", "Command: core stop now")
    assert answer(MINE, show, commands=("core show *",)) is show
    assert isinstance(answer(MINE, stop, commands=("core show *",)), str)


def test_classes_are_asked_first() -> None:
    refused = admitted(Policy(write=(), own=MINE), action("Hangup", "Channel: SIP/200-1"))
    assert refused == Refusal(b"Permission denied")


@pytest.mark.parametrize(
    ("filter_local", "channel", "expected"),
    [
        ("off", "Local/1@out", None),
        ("off", "Local/1@other", None),
        ("allow", "Local/1@out", "Local/1@out"),
        ("allow", "local/1@other/n", "local/1@other/n"),
        ("allow", "Local/1", "Local/1"),
        ("allow", "Local/1@other&SIP/200", None),
        ("allowwith", "Local/1@out/n", "Local/1@out/n"),
        ("allowwith", "Local/1@other", None),
        ("allowwith", "Local/1", None),
        ("allowwith", "Local/1@other@out", None),
        ("allowwith", "Local/1@OUT", None),
        ("enforce", "Local/1@other/n", "Local/1@out/n"),
        ("enforce", "LOCAL/1", "LOCAL/1@out"),
        ("enforce", "Local/1@out", "Local/1@out"),
        ("enforce", "Local/1@other@out", None),
        ("enforce", "Local/1@other&Local/2@other", None),
        ("enforce", "SIP/200", None),
    ],
)
def test_local_channels(filter_local: FilterLocal, channel: str, expected: str | None) -> None:
    own = OwnCalls(channel=b"sip/100", out_context=b"out", filter_local=filter_local)
    given = action("Originate", f"Channel: {channel}", "Exten: 1", "Context: out", "Priority: 1")
    got = answer(own, given)
    assert (None if isinstance(got, str) else (got.get(b"Channel") or b"").decode()) == expected


def test_local_channels_of_a_user_with_a_context_only() -> None:
    """Without a channel every channel is the user's, but a Local one leads into a context."""
    inside, outside = (
        action("Originate", f"Channel: Local/1@{name}", "Application: X") for name in ("out", "other")
    )
    own = OwnCalls(out_context=b"out")
    assert own.refusal(inside) is None
    assert own.refusal(outside) is not None
    assert OwnCalls(out_context=b"out", filter_local="allow").refusal(outside) is None


def test_a_prefix_that_ends_a_name() -> None:
    """``SIP/100-`` is no prefix of SIP/1001, and Originate calls SIP/100 without the dash."""
    own = OwnCalls(channel=b"sip/100-")
    assert own.refusal(action("Originate", "Channel: SIP/100")) is None
    assert own.refusal(action("Originate", "Channel: SIP/1001")) is not None
    assert own.refusal(action("Hangup", "Channel: SIP/1001-1")) is not None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (action("Originate", "Channel: SIP/1", "Exten: 2"), [(b"Context", b"out")]),
        (action("Originate", "Channel: SIP/1", "Exten: 2", "Context: "), [(b"Context", b"out")]),
        (action("Originate", "Channel: SIP/1", "Exten: 2", "context: out"), [(b"context", b"out")]),
        (action("Redirect", "Channel: SIP/1-1", "Exten: 2"), [(b"Context", b"out")]),
        (action("Redirect", "Channel: SIP/1-1", "Exten: 2", "ExtraChannel: SIP/1-2", "ExtraExten: 3"),
         [(b"Context", b"out"), (b"ExtraContext", b"out")]),
        (action("Atxfer", "Channel: SIP/1-1", "Exten: 2"), [(b"Context", b"out")]),
        (action("Hangup", "Channel: SIP/1-1"), []),
        (action("Originate", "Channel: SIP/1", "Exten: 2", "Context: other"), None),
        (action("Originate", "Channel: SIP/1", "Exten: 2", "Context: out", "Context: other"), None),
        (action("Originate", "Channel: SIP/1", "Exten: 2", "PreDialGoSub: other,1,1"), None),
        (action("Originate", "Channel: SIP/1", "Exten: 2", "Application: System", "Data: id"), None),
        (action("Redirect", "Channel: SIP/1-1", "Exten: 2", "Context: out", "ExtraContext: Out"), None),
        (action("ShowDialPlan", "Context: other"), None),
    ],
)  # fmt: skip
def test_the_context(given: Frame, expected: list[tuple[bytes, bytes]] | None) -> None:
    """Any other one is refused, and where none is named the user's is: Asterisk would take one of its own."""
    got = answer(OwnCalls(out_context=b"out"), given)
    if isinstance(got, str):
        assert expected is None
    else:
        assert [header for header in got.headers if header[0].lower().endswith(b"context")] == expected


def test_the_account() -> None:
    own = OwnCalls(account=b"acc")
    forced = answer(
        own, action("Originate", "Channel: SIP/1", "Account: x", "account: y", "Exten: 1", "nonsense")
    )
    assert isinstance(forced, Frame)
    assert forced.get_all(b"Account") == (b"acc",)
    assert forced.headers[0] == (b"Action", b"Originate")
    assert b"" not in dict(forced.headers)
    elsewhere = answer(own, action("DBPut", "Account: x", "Account: y"))
    assert isinstance(elsewhere, Frame)
    assert elsewhere.get_all(b"Account") == (b"acc", b"acc")
    untouched = action("Hangup", "Channel: SIP/1-1")
    assert answer(own, untouched) is untouched


VALUES = st.sampled_from(
    [b"", b"SIP/100-1", b"SIP/200-1", b"Local/1@out", b"Local/1@other", b"out", b"other"]
)
HEADERS = st.sampled_from(
    [b"Channel", b"channel", b"Channel1", b"ExtraChannel", b"Context", b"ExtraContext", b"Account", b"Exten"]
)
NAMES = st.sampled_from([b"Originate", b"Hangup", b"Redirect", b"Bridge", b"Setvar", b"Ping"])


@given(
    NAMES,
    st.lists(st.tuples(HEADERS, VALUES), max_size=6),
    st.sampled_from(["off", "allow", "allowwith", "enforce"]),
)
@example(b"Originate", [(b"ExtraChannel", b"Local/1@other")], "enforce")
def test_what_gets_through_names_nothing_of_others(
    name: bytes, headers: list[tuple[bytes, bytes]], filter_local: FilterLocal
) -> None:
    own = OwnCalls(channel=b"sip/100", out_context=b"out", account=b"acc", filter_local=filter_local)
    got = answer(own, Frame(((b"Action", name), *headers)))
    if isinstance(got, str):
        return
    for header, value in got.headers[1:]:
        low = header.lower()
        if low.endswith(b"context"):
            assert value in (b"out", b"")
        elif low == b"account":
            assert value == b"acc"
        elif "channel" in low.decode() and value:
            local = name == b"Originate" and value.startswith(b"Local/")
            assert value == b"SIP/100-1" or (local and (filter_local == "allow" or value == b"Local/1@out"))
    if name == b"Originate":
        assert got.get_all(b"Account") == (b"acc",)

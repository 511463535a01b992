"""What a user with a channel sees of lists, and that their ends count what was shown."""

from __future__ import annotations

import pytest

from amp.core.formats.dress import Answer
from amp.core.policy.calls import answer_screen
from amp.core.policy.calls.answer_screen import AnswerScreen
from amp.core.policy.calls.call_filter import CallFilter
from channels import event
from replay import recording

MINE = CallFilter(channel=b"sip/100")


def shown(call_filter: CallFilter, *frames: bytes, server: bytes = b"pbx") -> list[bytes]:
    screen = AnswerScreen(call_filter)
    return [answer.frame for answer in screen([Answer(frame, server) for frame in frames])]


def item(name: str, *headers: tuple[str, str], action_id: str = "1") -> bytes:
    lines = [("Event", name), ("ActionID", action_id), *headers] if action_id else [("Event", name), *headers]
    return "\r\n".join(f"{header}: {value}" for header, value in lines).encode()


def end(name: str, count: int, *more: tuple[str, str], action_id: str = "1") -> bytes:
    return item(name, ("EventList", "Complete"), ("ListItems", str(count)), *more, action_id=action_id)


START = b"Response: Success\r\nActionID: 1\r\nEventList: start\r\nMessage: Channels will follow"
OWN, ALIEN = (
    item("CoreShowChannel", ("Channel", f"SIP/{number}-1"), ("Context", "c")) for number in (100, 200)
)


@pytest.mark.parametrize("server", [b"pbx", b""])
def test_only_the_users_channels_and_their_number(server: bytes) -> None:
    frames = [START, OWN, ALIEN, ALIEN, end("CoreShowChannelsComplete", 3)]
    assert shown(MINE, *frames, server=server) == [START, OWN, end("CoreShowChannelsComplete", 1)]
    assert shown(MINE, START, ALIEN, end("StatusComplete", 1, ("Items", "1"))) == [
        START, end("StatusComplete", 0, ("Items", "0")),
    ]  # fmt: skip


def test_lists_do_not_mix() -> None:
    """Two at once, from two servers, one without an ActionID; and old lists without EventList."""
    screen = AnswerScreen(MINE)
    other = item("Status", ("Channel", "SIP/200-1"), action_id="2")
    nameless = item("Status", ("Channel", "SIP/200-1"), action_id="")
    screen(
        [
            Answer(ALIEN, b"a"),
            Answer(ALIEN, b"b"),
            Answer(ALIEN, b"b"),
            Answer(other, b"a"),
            Answer(nameless, b"a"),
        ]
    )
    ends = [
        Answer(end("XComplete", 9), b"a"), Answer(end("XComplete", 9), b"b"),
        Answer(item("StatusComplete", ("Items", "9"), action_id="2"), b"a"),
        Answer(item("StatusComplete", ("Items", "9"), action_id=""), b"a"),
        Answer(end("XComplete", 9), b"a"),
    ]  # fmt: skip
    assert [answer.frame.rpartition(b": ")[2] for answer in screen(ends)] == [b"8", b"7", b"8", b"8", b"9"]


def test_what_names_no_channel_is_shown() -> None:
    queue, member = item("QueueParams", ("Queue", "q")), item("QueueMember", ("Location", "SIP/200"))
    caller = item("QueueEntry", ("Channel", "SIP/200-1"), ("Uniqueid", "1.2"))
    assert shown(MINE, queue, member, caller, end("QueueStatusComplete", 3)) == [
        queue, member, end("QueueStatusComplete", 2),
    ]  # fmt: skip
    response = b"Response: Success\r\nChannel: SIP/200-1"
    assert shown(MINE, response) == [response]


def test_agents_name_channels_in_headers_of_their_own() -> None:
    frames = [
        item("Agents", ("Agent", "1"), (header, "SIP/200-1")) for header in ("LoggedInChan", "TalkingToChan")
    ]
    mine = item("Agents", ("Agent", "1"), ("LoggedInChan", "SIP/100-1"))
    idle = item("Agents", ("Agent", "1"), ("LoggedInChan", "n/a"))
    assert shown(MINE, *frames, mine, idle) == [mine, idle]


def test_broken_pieces_follow_their_item() -> None:
    assert shown(MINE, OWN, b"rest", ALIEN, b"rest", b"more", START, b"rest") == [
        OWN,
        b"rest",
        START,
        b"rest",
    ]


def test_a_context() -> None:
    here, there = (item("ListDialplan", ("Context", name)) for name in ("sales", "support"))
    channel = item("CoreShowChannel", ("Channel", "SIP/200-1"), ("Context", "sales"))
    sales = CallFilter(in_context=b"sales")
    assert shown(sales, here, there, channel, OWN) == [here, channel]


def test_the_account() -> None:
    status = item("Status", ("Channel", "SIP/100-1"), ("Account", "x"))
    assert shown(CallFilter(account=b"acc"), status) == [status.replace(b"x", b"acc")]


def test_lists_that_never_end_are_not_remembered_for_ever() -> None:
    screen = AnswerScreen(MINE)
    for number in range(answer_screen.OPEN_LISTS + 10):
        screen([Answer(item("Status", ("Channel", "SIP/200-1"), action_id=str(number)), b"pbx")])
    last, first = (Answer(end("XComplete", 1, action_id=str(n)), b"pbx") for n in (number, 0))
    assert [answer.frame.endswith(b": 0") for answer in screen([last, first])] == [True, False]


def test_a_recorded_list() -> None:
    """Sixty channels, of which the user has those of one prefix."""
    frames = recording("core-show-channels-60").frames
    prefix = b"Local/hold@amp-legs-0000000"
    own = [frame for frame in frames if b"\r\nChannel: " + prefix in frame]
    got = shown(CallFilter(channel=prefix), *frames)
    counts = [int(frame.rpartition(b": ")[2]) for frame in got if b"EventList: Complete" in frame]
    assert len(own) == sum(counts) > 0
    assert not [frame for frame in got if b"\r\nChannel: " in frame and prefix not in frame]
    assert event("x") not in got

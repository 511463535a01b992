"""Filters replayed over recorded streams, against the recordings and against the plainest oracle."""

from __future__ import annotations

import re
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.policy.event_filter import MAX_NAME_BYTES, MAX_PLANS, MAX_RULES, NO_FILTER, EventFilter
from amp.core.policy.filter_rule import BadFilter, Rule, parse_rule, parse_setting
from amp.core.policy.patterns import MAX_PATTERN_BYTES, searcher
from core.policy.recorded import broadcasts

OLD = ["Event: Newchannel", "Event: Hangup", "Event: UserEvent", "!Channel: Local/quiet@"]
NEW = [
    "eventfilter(name(Newstate),header(ChannelStateDesc),method(exact)) = Up",
    "eventfilter(action(include),name(Hangup)) =",
]
HANGUP = (
    b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: SIP/a-1\r\nEmpty: \r\nChannel: SIP/b-2\r\nCause: 16"
)


def filtered(*lines: str) -> EventFilter:
    made, problems = EventFilter.from_settings(lines)
    assert not problems
    return made


def names(frames: list[bytes]) -> Counter[bytes]:
    return Counter(frame[7:].split(b"\r\n")[0] for frame in frames)


@pytest.mark.parametrize(("recording", "lines"), [("filter-user", OLD), ("filter-user-new", NEW)])
def test_what_asterisk_let_through_passes(recording: str, lines: list[str]) -> None:
    """Every event of the filtered user passes our filter, but for the FullyBooted of the login."""
    events = [event for event in broadcasts(recording) if not event.startswith(b"Event: FullyBooted")]
    assert len(events) > 5
    assert events == filtered(*lines).select(events)


@pytest.mark.parametrize(("recording", "lines"), [("filter-user", OLD), ("filter-user-new", NEW)])
def test_an_unfiltered_stream_becomes_a_filtered_one(recording: str, lines: list[str]) -> None:
    """The same kinds of events are left of the whole stream as Asterisk left its filtered user."""
    whole = list(broadcasts("stream-20calls"))
    chosen = filtered(*lines).select(whole)
    assert set(names([*broadcasts(recording)])) - {b"FullyBooted"} <= set(names(chosen))
    if recording == "filter-user":
        assert chosen == [
            event
            for event in whole
            if re.search(rb"Event: (Newchannel|Hangup|UserEvent)", event)
            and b"Channel: Local/quiet@" not in event
        ]
        assert {b"HangupRequest", b"HangupHandlerRun"} <= set(names(chosen))  # "Event: Hangup" begins them
    else:
        assert set(names(chosen)) == {b"Newstate", b"Hangup"}
        assert all(b"\r\nChannelStateDesc: Up\r\n" in e for e in chosen if e.startswith(b"Event: Newstate"))


def test_a_heavy_stream_agrees_with_a_plain_search() -> None:
    """A pattern is searched in the whole event, line ends included."""
    whole = list(broadcasts("stream-heavy"))
    chosen = filtered("Event: (Hangup|Newchannel).*Channel: Local/phone").select(whole)
    oracle = re.compile(rb"Event: (Hangup|Newchannel).*Channel: Local/phone", re.DOTALL)
    assert chosen == [event for event in whole if oracle.search(event)]
    assert chosen


@pytest.mark.parametrize(
    ("lines", "passes"),
    [
        ([], True),
        (["Event: Hangup"], True),
        (["Event: Hang"], True),
        (["event: hangup"], False),
        (["!Event: Hangup"], False),
        (["!Event: Newchannel"], True),
        (["Event: Hangup", "!Cause: 16"], False),
        (["Event: Hangup", "!Cause: 17"], True),
        (["Event: Newchannel", "!Cause: 17"], False),
        (["eventfilter = Event: Hangup"], True),
        (["eventfilter => Event: Hangup"], True),
        (["eventfilter = !Event: Hangup"], False),
        (["eventfilter(name(Hangup)) ="], True),
        (["eventfilter(name(HangupRequest)) ="], False),
        (["eventfilter(name(hangup)) ="], False),
        (["eventfilter(action(exclude),name(Hangup)) ="], False),
        (["eventfilter(action(exclude),name(Newstate)) ="], True),
        (["eventfilter(header(Cause)) ="], True),
        (["eventfilter(header(Cause:)) ="], True),
        (["eventfilter(header(Caus)) ="], False),
        (["eventfilter(header(Empty)) ="], False),
        (["eventfilter(header(Nothing)) ="], False),
        (["eventfilter(header(Event),method(exact)) = Hangup"], True),
        (["eventfilter(header(Channel),method(exact)) = SIP/b-2"], True),
        (["eventfilter(header(Channel),method(exact)) = SIP/b"], False),
        (["eventfilter(header(Channel),method(starts_with)) = SIP/b"], True),
        (["eventfilter(header(Channel),method(ends_with)) = -2"], True),
        (["eventfilter(header(Channel),method(contains)) = /b-"], True),
        (["eventfilter(header(Channel),method(regex)) = ^SIP/(b|c)-[0-9]+$"], True),
        (["eventfilter(header(Channel),method(regex)) = ^b"], False),
        (["eventfilter(header(Cause),method(exact)) = 16"], True),
        (["eventfilter(method(starts_with)) = Event: Hangup"], True),
        (["eventfilter(method(ends_with)) = Cause: 16"], False),
        (["eventfilter(method(contains)) = Cause: 16"], True),
        (["eventfilter(name(Hangup),header(Cause),method(exact)) = 17", "Cause: 16"], True),
        (["eventfilter(header(Cause),method(exact)) = !16"], False),
        (["eventfilter(action(include),header(Cause),method(exact)) = !16"], True),
    ],
)
def test_evaluation(lines: list[str], passes: bool) -> None:
    """Each rule of the documentation on one event."""
    made = filtered(*lines)
    assert made.passes(HANGUP) is passes
    assert made.passes(HANGUP) is passes  # by the plan it has made
    assert bool(made) is bool(lines)


def test_the_end_of_the_text_is_behind_the_blank_line() -> None:
    """Asterisk searches the event as it writes it, so a ``$`` is no end of a line."""
    assert not filtered("Cause: 16$").passes(HANGUP)
    assert filtered("Cause: 16\\s+$").passes(HANGUP)


def test_the_rest_of_a_broken_event_goes_where_its_beginning_went() -> None:
    """A value with line ends falls apart into frames that no filter can know."""
    frames = [b"more", HANGUP, b"rest: 1", b"Event: Newchannel\r\nX: 1", b"Response: Success"]
    assert filtered("!Event: Hangup").select(frames) == [frames[0], *frames[3:]]
    assert NO_FILTER.select(frames) == frames


def test_an_event_of_one_line_and_a_frame_that_is_none() -> None:
    assert filtered("eventfilter(name(Alone)) =").passes(b"Event: Alone")
    assert not filtered("eventfilter(name(Alone)) =").passes(b"Response: Success\r\nX: 1")


def test_equal_filters_are_one_key() -> None:
    """Order and repetition make no difference, a used filter is still equal to a new one."""
    left, right = filtered(*OLD, OLD[0]), filtered(*reversed(OLD))
    assert left.passes(HANGUP)
    assert left == right
    assert len({left, right, NO_FILTER}) == 2


def test_the_number_of_filters_is_bounded() -> None:
    lines = [f"!x{number}" for number in range(MAX_RULES + 2)]
    made, problems = EventFilter.from_settings([*lines, "Event: ["])
    assert len(made.excludes) == MAX_RULES
    assert problems[:2] == (f"Too many filters: at most {MAX_RULES}",) * 2
    assert "extended POSIX pattern" in problems[2]


def test_plans_are_bounded() -> None:
    """Invented event names cost time, not memory."""
    made = filtered("!y")
    for number in range(MAX_PLANS + 5):
        assert made.passes(b"Event: N%d\r\nX: 1" % number)
    assert len(made._plans) == MAX_PLANS


def test_no_plan_is_kept_for_an_endless_name() -> None:
    """A thousand names of a megabyte would be a gigabyte; such names are judged anew each time."""
    made = filtered("!y")
    longest = b"n" * MAX_NAME_BYTES
    for name in (longest, longest + b"n", longest * 100):
        for _ in range(2):
            assert made.passes(b"Event: %s\r\nX: 1" % name)
            assert not made.passes(b"Event: %s\r\nX: y" % name)
    assert list(made._plans) == [longest]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "!",
        "eventfilter =",
        "eventfilter() = x",
        "eventfilter(action(fly)) =",
        "eventfilter(action(include)) =",
        "eventfilter(name(A)) = x",
        "eventfilter(name(A),method(regex)) =",
        "eventfilter(name(A),method(startsWith)) = x",
        "eventfilter(name(A),name(B)) =",
        "eventfilter(name()) =",
        "eventfilter(name) =",
        "eventfilter(name(A) =",
        "eventfilter(colour(red)) =",
        "eventfilter(name(A(B))) =",
        "eventfilter x = y",
    ],
)
def test_bad_filters_are_told_in_asterisks_words(line: str) -> None:
    bad = parse_setting(line)
    assert isinstance(bad, BadFilter)
    assert bad.message == b"Filter was formatted incorrectly.  Check the syntax of the filter given."
    assert bad.detail


@pytest.mark.parametrize("pattern", [b"Event: [", b"(", b"(a)\\1", b"*a", b"x\\", b"[[:no:]]"])
def test_patterns_that_do_not_compile(pattern: bytes) -> None:
    """Back references among them, which no linear search can do."""
    bad = parse_rule(None, pattern)
    assert isinstance(bad, BadFilter)
    assert bad.message == b"Filter did not compile.  Check the syntax of the filter given."


def test_long_patterns_are_refused() -> None:
    assert isinstance(parse_rule(None, b"x" * MAX_PATTERN_BYTES), Rule)
    bad = parse_rule(None, b"x" * (MAX_PATTERN_BYTES + 1))
    assert isinstance(bad, BadFilter)
    assert bad.message == b"Filter is too long: 513 bytes, at most 512"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (b"caf\xe9.", b"caf\xe9\xff", True),
        (b"^.$", b"\xe9", True),
        (b"[\\]x", b"\\x", True),
        (b"[^\\n]", b"n", False),
        (b"[]a]z", b"]z", True),
        (b"[^]a]z", b"bz", True),
        (b"[[:digit:]]+\\.", b"ab12.", True),
        (b"[[:]b", b":b", True),
        (b"\\[a", b"[a", True),
        (b"\\bup\\b", b"is up now", True),
        (b"a.b", b"a\nb", True),
        (b"^b", b"a\nb", False),
        (b"A|", b"", True),
    ],
)
def test_patterns_are_posix_on_bytes(pattern: bytes, text: bytes, found: bool) -> None:
    """As ``regcomp(REG_EXTENDED)`` reads them, byte for byte, never decoded."""
    search = searcher(pattern)
    assert search is not None
    assert search(text) is found


def test_no_pattern_takes_more_than_linear_time() -> None:
    """What makes a backtracking matcher take years is a moment here."""
    search = searcher(b"(a+)+(a|aa)*b$")
    assert search is not None
    before = time.process_time()
    assert not search(b"a" * 200_000)
    assert time.process_time() - before < 2


@given(st.binary(max_size=40), st.binary(max_size=200))
def test_any_bytes_are_a_filter_or_a_clear_error(pattern: bytes, event: bytes) -> None:
    """Garbage never raises, in the old syntax or the new."""
    for criteria in (None, b"method(regex)", pattern):
        rule = parse_rule(criteria, pattern)
        if isinstance(rule, Rule):
            made = NO_FILTER.plus(rule)
            assert isinstance(made, EventFilter)
            assert made.passes(b"Event: X\r\n" + event) in (True, False)

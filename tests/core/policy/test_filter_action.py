"""The Filter action as the recording shows it, answer by answer and event by event."""

from __future__ import annotations

import pytest

from amp.core.ami.frame import Frame
from amp.core.policy.event_filter import MAX_RULES, NO_FILTER, EventFilter
from amp.core.policy.filter_action import add_filter
from core.policy.recorded import message, received, sent

ASKED = [action for action in sent("filter-action") if action.name == b"Filter"]


def test_every_recorded_answer_is_ours_too() -> None:
    """Eight good and bad filters one after the other on one session."""
    session = NO_FILTER
    assert len(ASKED) == 9
    for action in ASKED:
        outcome = add_filter(session, action)
        wanted = message("filter-action", action.get(b"ActionID") or b"")
        assert outcome.message == wanted
        assert outcome.success is (wanted == b"Success")
        assert outcome.success is (outcome.filter != session)
        session = outcome.filter


def test_what_came_after_each_answer_passes_and_what_came_before_would_not() -> None:
    """Replay: the filters in force at each point let the recorded events through."""
    session, seen = NO_FILTER, 0
    actions = {action.get(b"ActionID"): action for action in ASKED}
    for frame in received("filter-action"):
        if frame.startswith(b"Event: "):
            assert session.passes(frame)
            seen += bool(session)
        elif (action := actions.get(Frame.parse(frame).get(b"ActionID"))) is not None:
            session = add_filter(session, action).filter
    assert seen >= 6
    unfiltered = [frame for frame in received("filter-action") if b"UserEvent: Beta" in frame]
    assert not session.select(unfiltered)


@pytest.mark.parametrize("operation", [b"add", b"ADD", b"Add"])
def test_the_operation_is_compared_without_case(operation: bytes) -> None:
    action = Frame.of(("Action", "Filter"), ("Operation", operation), ("Filter", "x"))
    assert add_filter(NO_FILTER, action).success


def test_an_empty_criteria_header_is_none() -> None:
    action = Frame.of(("Action", "Filter"), ("Operation", "Add"), ("MatchCriteria", ""), ("Filter", "x"))
    assert add_filter(NO_FILTER, action).filter == EventFilter.from_settings(["x"])[0]


def test_a_client_cannot_add_filters_for_ever() -> None:
    """The answer says so, and the session keeps what it has."""
    session = NO_FILTER
    for number in range(MAX_RULES):
        session = add_filter(session, Frame.of(("Operation", "Add"), ("Filter", f"!x{number}"))).filter
    outcome = add_filter(session, Frame.of(("Operation", "Add"), ("Filter", "one more")))
    assert (outcome.success, outcome.filter) == (False, session)
    assert outcome.message == b"Too many filters: at most 32"


def test_nothing_is_compiled_for_a_full_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling is the costly part, and a client can ask for it again and again."""
    session = EventFilter.from_settings([f"x{number}" for number in range(MAX_RULES)])[0]
    monkeypatch.setattr("amp.core.policy.filter_action.parse_rule", None)
    assert not add_filter(session, Frame.of(("Operation", "Add"), ("Filter", "a.*b"))).success


def test_a_costly_pattern_is_refused_and_said() -> None:
    """Found by attack: this one took 10 ms of every event."""
    outcome = add_filter(NO_FILTER, Frame.of(("Operation", "Add"), ("Filter", "(.{1,30}){1,30}Q")))
    assert (outcome.success, outcome.filter) == (False, NO_FILTER)
    assert outcome.message == b"Filter is too costly: 3482 parts in its pattern, at most 25"


def test_patterns_are_bounded_together() -> None:
    """Many that are bearable alone are not together."""
    session = NO_FILTER
    for letter in "abcd":
        session = add_filter(session, Frame.of(("Operation", "Add"), ("Filter", ".{24}" + letter))).filter
    outcome = add_filter(session, Frame.of(("Operation", "Add"), ("Filter", ".e")))
    assert (outcome.success, outcome.filter) == (False, session)
    assert outcome.message == b"Filters are too costly together: 102 parts in patterns, at most 100"

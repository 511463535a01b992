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

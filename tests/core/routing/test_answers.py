"""What ends an action."""

from __future__ import annotations

import pytest

from amp.core.routing.answers import is_broken_off, is_end, line_at
from amp.core.routing.pending import Pending


def pending(completion: bytes = b"") -> Pending:
    return Pending(b"amp1.1.1-", 1, 1, b"", "pbx", b"", False, False, completion, 60.0)


def test_a_response_is_all_there_is_to_most_actions() -> None:
    """No mark of a list, so it is over."""
    assert is_end(pending(), b"Response: Success\r\nActionID: x\r\nMessage: Done")


def test_a_list_ends_at_complete_whatever_the_event_is_called() -> None:
    """Source: recording queue-status and others; more headers may follow the mark."""
    asked = pending()
    assert not is_end(asked, b"Response: Success\r\nActionID: x\r\nEventList: start\r\nMessage: will follow")
    assert not is_end(asked, b"Event: QueueMember\r\nActionID: x")
    assert not is_end(asked, b"Event: SomethingComplete\r\nActionID: x")
    assert asked.items == 2
    assert is_end(asked, b"Event: Whatever\r\nActionID: x\r\nEventList: Complete\r\nListItems: 2")


def test_a_cancelled_list_is_over() -> None:
    """Asterisk may give up a list."""
    asked = pending()
    is_end(asked, b"Response: Success\r\nActionID: x\r\nEventList: start")
    assert is_end(asked, b"Event: X\r\nEventList: cancelled\r\nActionID: x")


def test_an_error_ends_what_could_have_been_a_list() -> None:
    """Empty lists are often an error ("No active conferences.")."""
    assert is_end(pending(b"StatusComplete"), b"Response: Error\r\nActionID: x\r\nMessage: No such channel")


def test_an_unmarked_list_ends_at_its_named_event() -> None:
    """Asterisk 1.4 to 1.8."""
    asked = pending(b"StatusComplete")
    assert not is_end(asked, b"Response: Success\r\nActionID: x\r\nMessage: Channel status will follow")
    assert not is_end(asked, b"Event: Status\r\nActionID: x")
    assert is_end(asked, b"Event: StatusComplete\r\nActionID: x")


def test_a_marked_list_ends_at_its_mark_only() -> None:
    """DBGet's one item is named like the end of the older, unmarked answer (recording database)."""
    asked = pending(b"DBGetResponse")
    is_end(asked, b"Response: Success\r\nActionID: x\r\nEventList: start")
    assert not is_end(asked, b"Event: DBGetResponse\r\nActionID: x\r\nVal: 1")
    assert is_end(asked, b"Event: DBGetComplete\r\nActionID: x\r\nEventList: Complete\r\nListItems: 1")


def test_an_item_ahead_of_its_response_ends_nothing() -> None:
    """An event is no answer; the response must still come."""
    asked = pending()
    assert not is_end(asked, b"Event: DBGetResponse\r\nActionID: x")
    assert not asked.list_open
    assert is_end(asked, b"Response: Success\r\nActionID: x")


def test_a_broken_item_does_not_end_its_list() -> None:
    """Its rest may look like a response and hold the ActionID (recording event-odd-values)."""
    asked = pending()
    is_end(asked, b"Response: Success\r\nActionID: x\r\nEventList: start")
    assert not is_end(asked, b"Response: Success\r\nMessage: forged\r\nActionID: x")
    assert asked.list_open


@pytest.mark.parametrize(
    ("frame", "expected"),
    [(b"Response: Success", False), (b"Event: Hangup", False), (b"rest of a value", True), (b"X: y", True)],
)
def test_what_begins_like_no_frame_is_the_rest_of_one(frame: bytes, expected: bool) -> None:
    """Go by the first header."""
    assert is_broken_off(frame) is expected


def test_the_last_line_has_no_end() -> None:
    """The cutter takes the last line's end with the blank line."""
    assert line_at(b"A: b\r\nC: d", 3) == b"b"
    assert line_at(b"A: b\r\nC: d", 9) == b"d"

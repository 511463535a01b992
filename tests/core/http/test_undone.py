"""Why amp did not have an action done, for programs."""

from __future__ import annotations

import pytest

from amp.core.http.undone import Undone, undone

END = b"Event: ProxyFanoutComplete\r\nEventList: Complete\r\nAnswers: %d\r\nErrors: 0\r\nMissing: 1"
DOWN = b"Response: Error\r\nMessage: Not sent: server a is down (refused)\r\nServer: a"


@pytest.mark.parametrize(
    ("message", "server", "status", "code"),
    [
        ("Permission denied", "", 403, "not_permitted"),
        ("Not sent: no server named x", "", 404, "unknown_server"),
        ("Not sent: server a is down (refused)", "a", 502, "server_down"),
        ("Not sent: 1000 actions are waiting", "a", 502, "not_sent"),
        ("Outcome unknown: server a was lost", "a", 504, "outcome_unknown"),
        ("Invalid/unknown command: X", "", 400, "bad_request"),
        ("Missing action in request", "", 400, "bad_request"),
        ("Authentication failed", "", 401, "not_signed_in"),
    ],
)
def test_what_amp_says(message: str, server: str, status: int, code: str) -> None:
    frame = f"Response: Error\r\nMessage: {message}" + (f"\r\nServer: {server}" if server else "")
    assert undone([frame.encode()]) == (status, code, message)


def test_what_a_server_says_is_an_answer() -> None:
    assert undone([b"Response: Error\r\nMessage: No such channel\r\nServer: a"]) is None
    assert undone([b"Response: Success"]) is None


def test_a_list_that_was_cut_tells_why_at_its_end() -> None:
    end = b"Event: ProxyListError\r\nEventList: Cancelled\r\nMessage: Outcome unknown: lost\r\nServer: a"
    assert undone([b"Response: Success\r\nEventList: start", end]) == (
        504,
        "outcome_unknown",
        "Outcome unknown: lost",
    )


def test_several_of_which_none_could_be_asked_tell_of_the_first() -> None:
    message = "Not sent: server a is down (refused)"
    assert undone([DOWN, END % 0]) == Undone(502, "server_down", message)
    assert undone([DOWN, b"Response: Success\r\nServer: b", END % 1]) is None

"""amp's own answers."""

from __future__ import annotations

from amp.core.routing.error_frames import error_response, list_error, plain


def test_an_error_looks_like_asterisks_own() -> None:
    """Response, ActionID, Message; the server last."""
    expected = b"Response: Error\r\nActionID: 7\r\nMessage: Not sent: no\r\nServer: pbx\r\n\r\n"
    assert error_response(b"7", "Not sent: no", "pbx") == expected


def test_no_action_id_and_no_server_leave_no_header() -> None:
    """An action without an ActionID gets an answer without one."""
    assert error_response(b"", "No", "") == b"Response: Error\r\nMessage: No\r\n\r\n"


def test_an_action_id_with_a_line_end_is_not_repeated() -> None:
    """A client of another format could send one; it must not become a header."""
    assert error_response(b"7\r\nX: y", "No", "") == b"Response: Error\r\nMessage: No\r\n\r\n"


def test_a_broken_list_ends_as_cancelled() -> None:
    """Whoever waits for EventList gets one that does not say Complete."""
    expected = (
        b"Event: ProxyListError\r\nActionID: 7\r\nEventList: Cancelled\r\nListItems: 3\r\n"
        b"Message: Outcome unknown: lost\r\nServer: pbx\r\n\r\n"
    )
    assert list_error(b"7", "Outcome unknown: lost", "pbx", 3) == expected


def test_foreign_text_is_made_plain() -> None:
    """A reason comes from a server or the system."""
    assert plain("a\r\nB: ü\x00") == "a??B: ??"
    assert len(plain("x" * 10_000)) == 400

"""amp's own words: safe whatever a client said."""

from __future__ import annotations

import pytest

from amp.core.ami import replies
from amp.errors import LocalProtocolError


def test_an_error_about_a_server_names_it_last() -> None:
    assert replies.error(b"1", "Server pbx1 is down", b"pbx1") == (
        b"Response: Error\r\nActionID: 1\r\nMessage: Server pbx1 is down\r\nServer: pbx1\r\n\r\n"
    )


@pytest.mark.parametrize("action_id", [None, b""])
def test_no_action_id_no_header(action_id: bytes | None) -> None:
    assert replies.success(action_id, b"ok") == b"Response: Success\r\nMessage: ok\r\n\r\n"


def test_pong_has_microseconds() -> None:
    assert b"Timestamp: 1795292905.962911\r\n" in replies.pong(None, 1795292905.962911)


@pytest.mark.parametrize("text", [b"a\r\nb", b"a\nb", b"a\0b"])
def test_no_text_becomes_a_header(text: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        replies.error(None, text)
    with pytest.raises(LocalProtocolError):
        replies.goodbye(text)

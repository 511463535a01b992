"""A sniffer's replies in frames."""

from __future__ import annotations

import pytest

from amp.core.voipmonitor.action import failure_text, sniffer_error, sniffer_reply
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure


@pytest.mark.parametrize(
    ("reply", "lines"),
    [
        (b"one", [b"Output: one"]),
        (b"one\n", [b"Output: one"]),
        (
            b"one\r\ntwo\rthree\n\nfive",
            [b"Output: one", b"Output: two", b"Output: three", b"Output: ", b"Output: five"],
        ),
        ("mír".encode(), ["Output: mír".encode()]),
        (b"a\0b", [b"Encoding: base64", b"Output: YQBi"]),
        (b"\xff" * 58, [b"Encoding: base64", b"Output: " + b"/" * 76, b"Output: /w=="]),
    ],
)
def test_replies(reply: bytes, lines: list[bytes]) -> None:
    head = [b"Response: Success", b"ActionID: a", b"Message: Command output follows"]
    assert sniffer_reply(b"a", reply, "s2").split(b"\r\n") == [*head, *lines, b"Server: s2", b"", b""]


def test_an_empty_reply_has_no_output() -> None:
    assert sniffer_reply(b"", b"", "s2") == (
        b"Response: Success\r\nMessage: Command has no output\r\nServer: s2\r\n\r\n"
    )


def test_errors() -> None:
    assert sniffer_error(b"1", "no", "s2") == (
        b"Response: Error\r\nActionID: 1\r\nMessage: no\r\nServer: s2\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("failure", "sent", "text"),
    [
        (Failure.NOT_CONNECTED, False, "Not sent: x"),
        (Failure.WRONG_KEY, True, "Not sent: x"),
        (Failure.NO_ANSWER, True, "Outcome unknown: x"),
    ],
)
def test_failures(failure: Failure, sent: bool, text: str) -> None:
    assert failure_text(ExchangeFailed(failure, "x", sent, 0)) == text

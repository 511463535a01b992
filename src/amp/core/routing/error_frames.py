"""amp's own answers: what it says when a server's answer will not come, and when all of several have.

Every text tells *not sent* (the action had no effect; asking again is safe) from *outcome unknown* (the
server may have done it).
"""

from __future__ import annotations

from collections.abc import Sequence

from amp.core.ami.frame import FORBIDDEN, Frame, encode

__all__ = [
    "error_response",
    "fanout_complete",
    "list_error",
    "not_sent",
    "outcome_unknown",
    "paused",
    "plain",
]

LONGEST_TEXT = 400
"""Characters of foreign text that go into one of ours."""

LONGEST_NAMES = 900
"""Bytes of servers' names in one header; with its own name it stays under Asterisk's 1022 a line."""


def plain(text: str) -> str:
    """Foreign text made safe for one line: printable ASCII of a bounded length."""
    safe = (char if " " <= char <= "~" else "?" for char in text[:LONGEST_TEXT])
    return "".join(safe)


def not_sent(why: str) -> str:
    """The text for an action that never left amp."""
    return f"Not sent: {why}"


def paused(server: str) -> str:
    """Why a server that somebody paused takes no action; for `not_sent`."""
    return f"server {server} is paused"


def outcome_unknown(why: str) -> str:
    """The text for an action that was sent and not answered."""
    return f"Outcome unknown: {why}"


def error_response(original: bytes, text: str, server: str) -> bytes:
    """``Response: Error`` for a client.

    Args:
        original: the client's ActionID; empty for none.
        text: the Message.
        server: the server it is about; empty if about none that exists.
    Returns:
        The frame with its closing blank line; ``Server:`` is its last header.
    """
    return _frame([("Response", "Error")], [("Message", plain(text))], original, server)


def list_error(original: bytes, text: str, server: str, items: int) -> bytes:
    """The event that ends a list whose rest will not come, marked as Asterisk marks a list's early end.

    ``ListItems`` counts what came. Same arguments as `error_response`.
    """
    rest: list[tuple[str, str | int]] = [
        ("EventList", "Cancelled"),
        ("ListItems", items),
        ("Message", plain(text)),
    ]
    return _frame([("Event", "ProxyListError")], rest, original, server)


def fanout_complete(original: bytes, answers: int, errors: int, missing: Sequence[str]) -> bytes:
    """The event that closes the merged answer of several servers; nothing of that action follows it.

    Args:
        original: the client's ActionID; empty for none.
        answers: how many servers answered, and not with an error.
        errors: how many answered with ``Response: Error``.
        missing: the servers without a whole answer of their own, named as far as they fit.
    """
    rest: list[tuple[str, str | int]] = [
        ("EventList", "Complete"),
        ("Servers", answers + errors + len(missing)),
        ("Answers", answers),
        ("Errors", errors),
        ("Missing", len(missing)),
    ]
    if missing:
        rest.append(("MissingServers", _names(missing)))
    return _frame([("Event", "ProxyFanoutComplete")], rest, original, "")


def _names(names: Sequence[str]) -> str:
    room = LONGEST_NAMES
    for shown, name in enumerate(names):
        room -= len(name.encode()) + len(", ")
        if room < 0:
            return ", ".join((*names[:shown], "..."))
    return ", ".join(names)


def _frame(
    first: list[tuple[str, str]],
    rest: list[tuple[str, str]] | list[tuple[str, str | int]],
    original: bytes,
    server: str,
) -> bytes:
    action_id = [("ActionID", original)] if original and FORBIDDEN.isdisjoint(original) else []
    return encode(Frame.of(*first, *action_id, *rest, *([("Server", server)] if server else [])))

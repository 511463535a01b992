"""What amp itself says to a client, in Asterisk's words and header order.

Every function returns wire bytes, closing blank line included. ``action_id`` is the client's own, echoed
byte for byte; ``None`` or empty leaves the header out. Texts with CR, LF or NUL are refused with
`LocalProtocolError`, so nothing that a client said can become a header.
"""

from __future__ import annotations

from amp.core.ami.frame import Header, check_text

__all__ = [
    "challenge",
    "error",
    "events",
    "fully_booted",
    "goodbye",
    "pong",
    "proxy_reply",
    "reply",
    "success",
    "wait_event_done",
]


def reply(response: bytes, action_id: bytes | None, *headers: Header) -> bytes:
    """A frame ``Response``, then ``ActionID`` if there is one, then the headers."""
    return _frame((b"Response", response), action_id, headers)


def proxy_reply(response: bytes, action_id: bytes | None, *headers: Header) -> bytes:
    """The same with ``ProxyResponse``, the answer to a ProxyAction. astmanproxy echoed no ActionID there."""
    return _frame((b"ProxyResponse", response), action_id, headers)


def _frame(first: Header, action_id: bytes | None, others: tuple[Header, ...]) -> bytes:
    echo = ((b"ActionID", action_id),) if action_id else ()
    lines = [b"%s: %s" % header for header in (first, *echo, *others)]
    for line in lines:
        check_text(line, "a reply")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def success(action_id: bytes | None, message: bytes) -> bytes:
    """``Response: Success`` with a message."""
    return reply(b"Success", action_id, (b"Message", message))


def error(action_id: bytes | None, message: str | bytes, server: bytes | None = None) -> bytes:
    """``Response: Error`` with a message, and with ``Server`` last if it is about a server."""
    text = message.encode() if isinstance(message, str) else message
    about = ((b"Server", server),) if server else ()
    return reply(b"Error", action_id, (b"Message", text), *about)


def goodbye(action_id: bytes | None) -> bytes:
    """The answer to Logoff (recording logoff)."""
    return reply(b"Goodbye", action_id, (b"Message", b"Thanks for all the fish."))


def pong(action_id: bytes | None, wall: float) -> bytes:
    """The answer to Ping; ``wall`` is seconds since 1970, told with microseconds (recording ping)."""
    return reply(b"Success", action_id, (b"Ping", b"Pong"), (b"Timestamp", b"%.6f" % wall))


def challenge(action_id: bytes | None, digits: bytes) -> bytes:
    """The answer to Challenge (recording login-challenge-md5)."""
    return reply(b"Success", action_id, (b"Challenge", digits))


def events(action_id: bytes | None, on: bool) -> bytes:
    """The answer to Events (recording events-mask)."""
    return reply(b"Success", action_id, (b"Events", b"On" if on else b"Off"))


def wait_event_done(action_id: bytes | None) -> bytes:
    """The answer to WaitEvent and the event that ends it (recording waitevent-tcp)."""
    complete = b"Event: WaitEventComplete\r\n"
    if action_id:
        complete += b"ActionID: " + action_id + b"\r\n"
    return success(action_id, b"Waiting for Event completed.") + complete + b"\r\n"


def fully_booted(uptime_s: float) -> bytes:
    """The event behind a login (recording login-ok), about amp: it has run for ``uptime_s`` seconds."""
    return (
        b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: %d\r\nLastReload: %d\r\n"
        b"Status: Fully Booted\r\n\r\n" % (uptime_s, uptime_s)
    )

"""amp's own answers against a real Asterisk's, byte for byte, in any chunking."""

from __future__ import annotations

import re

import pytest

from core.ami.player import CHALLENGE, play, session
from replay import recording, without_clock

ALIKE = (
    "action-before-login",
    "actionid-odd",
    "blank-messages",
    "byte-by-byte",
    "events-mask",
    "filter-action",
    "half-message-then-close",
    "limit-headers",
    "limit-line",
    "limit-line-100k",
    "limit-line-no-end",
    "limit-message-total",
    "line-endings-cr",
    "line-endings-lf",
    "login-address-denied",
    "login-challenge-md5",
    "login-challenge-md5-wrong",
    "login-challenge-unknown-type",
    "login-events-call",
    "login-events-on",
    "login-no-actionid",
    "login-no-secret",
    "login-no-username",
    "login-odd-spelling",
    "login-ok",
    "login-timeout",
    "login-timeout-trickle",
    "login-unknown-user",
    "login-user-without-rights",
    "login-wrong-secret",
    "login-wrong-then-right",
    "logoff",
    "logoff-no-actionid",
    "malformed-lines",
    "ping",
    "readonly-denied",
    "split-at-crlf",
    "tls-login",
    "unknown-action",
    "waitevent-tcp",
)

NOT_THE_SESSIONS_OWN = {
    "actionid-odd": {b"list with spaces: and colon"},
    "byte-by-byte": {b"slow"},
    "readonly-denied": {b"r4", b"r9"},
    "unknown-action": {b"n1"},
}
"""ActionIDs of answers that come from a server, not from the session."""

MISSING = b"Response: Error\r\nMessage: Missing action in request"
DENIED = b"Response: Error\r\nMessage: Permission denied"
CONTROL = b"Response: Error\r\nMessage: Failed to parse message: CR or NUL in a line"
INVALID = b"Response: Error\r\nMessage: Invalid/unknown command: "


def expected(name: str) -> list[bytes]:
    """What Asterisk said, without what comes from elsewhere and with our deliberate differences."""
    frames = []
    for frame in recording(name).frames:
        action_id = re.search(rb"\r\nActionID: (.*)", frame)
        if action_id and action_id[1].strip(b"\r") in NOT_THE_SESSIONS_OWN.get(name, ()):
            continue
        broadcast = frame.startswith(b"Event:") and b"WaitEventComplete" not in frame
        if broadcast and not (frame.startswith(b"Event: FullyBooted") and name != "fully-booted"):
            continue
        frames.append(frame)
    return DIFFERENT.get(name, list)(frames)


def _no_missing(frames: list[bytes]) -> list[bytes]:
    """Blank messages are nothing to us; nor is the LF that 1023 bytes leave over."""
    return [frame for frame in frames if frame != MISSING]


def _refuse_cr(frames: list[bytes]) -> list[bytes]:
    """A CR inside a line is refused, also before Login; Asterisk takes it into the action's name."""
    return [CONTROL if frame == DENIED or frame.startswith(INVALID) else frame for frame in frames]


def _refuse_nul(frames: list[bytes]) -> list[bytes]:
    """A NUL is refused; Asterisk cuts the value there."""
    return [CONTROL if b"\r\nActionID: nul\r\n" in frame else frame for frame in frames]


def _no_unknown(frames: list[bytes]) -> list[bytes]:
    """An unknown action without ActionID is for the router."""
    return [frame for frame in frames if not frame.startswith(INVALID)]


DIFFERENT = {
    "action-before-login": _no_missing,
    "blank-messages": _no_missing,
    "limit-line": _no_missing,
    "line-endings-cr": _refuse_cr,
    "malformed-lines": _refuse_nul,
    "unknown-action": _no_unknown,
}


@pytest.mark.parametrize(
    ("name", "size"),
    [
        (name, size)
        for name in ALIKE
        for size in (1 << 20, 11, 1)
        if len(recording(name).sent) < 20_000 * size
    ],
)
def test_amp_answers_as_asterisk_did(name: str, size: int) -> None:
    """The same frames with the same bytes, clock and counters aside; and the same end."""
    recorded = recording(name)
    challenges = re.findall(rb"Challenge: (\d+)", recorded.received)
    conn = session(challenge=challenges[0] if challenges else CHALLENGE, login_timeout_s=30.2)
    output, closed_at = play(recorded, conn, size)
    greeting, _, rest = output.partition(b"\r\n")
    assert recorded.received.startswith(greeting + b"\r\n")
    assert without_clock(rest) == without_clock(b"".join(f + b"\r\n\r\n" for f in expected(name)))
    ends = [step.at_s for step in recorded.steps if step.what == "s2c-eof"]
    if ends:
        assert closed_at is not None
        assert closed_at == pytest.approx(ends[0], abs=0.8)  # of login timeouts; Asterisk takes 30 to 31 s
    else:
        assert closed_at is None

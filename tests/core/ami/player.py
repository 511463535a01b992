"""A client session in a test: time, reads, and what came out of it."""

from __future__ import annotations

from collections.abc import Iterable

from amp.core.ami.auth import Accounts, User
from amp.core.ami.framing import NEED_DATA
from amp.core.ami.session import ClientSession
from amp.core.ami.session_events import Closing, Greeting, LoggedIn, Reply, SessionEvent
from amp.core.policy.authorise import Policy
from replay import Recording, slices

GREETING = b"Asterisk Call Manager/11.0.0"
CHALLENGE = b"204891251"

# The users of the lab that made the recordings.
AMP = User(name="amp", secret="secret", policy=Policy(write=["all", "command"]))
READONLY = User(name="readonly", secret="secret", read=["system", "call"])
NOBODY = User(name="nobody", secret="secret", read=[])
ACCOUNTS = Accounts([AMP, READONLY, NOBODY])


def session(
    *,
    challenge: bytes = CHALLENGE,
    started: float = 0.0,
    login_timeout_s: float = 30.0,
    accounts: Accounts = ACCOUNTS,
) -> ClientSession:
    """A session that has just begun, at time 0."""
    return ClientSession(
        greeting=GREETING,
        authenticator=accounts,
        challenge=challenge,
        login_timeout_s=login_timeout_s,
        now=0.0,
        started=started,
    )


def drain(conn: ClientSession) -> list[SessionEvent]:
    """Everything it has to tell now."""
    events: list[SessionEvent] = []
    while (event := conn.next_event()) is not NEED_DATA:
        events.append(event)
    return events


def say(conn: ClientSession, *lines: bytes, now: float = 0.0) -> list[SessionEvent]:
    """Send one message, get what comes of it."""
    conn.receive_data(b"\r\n".join([*lines, b"", b""]), now, 1795292905.5)
    return drain(conn)


def signed_in(*lines: bytes) -> ClientSession:
    """A session of user amp; further header lines for the Login."""
    conn = session()
    events = say(conn, b"Action: Login", b"Username: amp", b"Secret: secret", *lines)
    assert isinstance(events[-1], LoggedIn)
    return conn


def play(recorded: Recording, conn: ClientSession, size: int) -> tuple[bytes, float | None]:
    """Replay a recording: its bytes at its times, events when there were some.

    Returns:
        All that the client got, and when the session closed (seconds, ``None`` if it did not).
    """
    output: list[bytes] = []
    closed_at: list[float] = []

    def take(events: Iterable[SessionEvent], at_s: float) -> None:
        for event in events:
            if isinstance(event, Greeting | Reply):
                output.append(event.data)
            elif isinstance(event, Closing):
                closed_at.append(at_s)

    take(drain(conn), 0.0)
    for step in recorded.steps:
        if (due := conn.next_deadline()) <= step.at_s:
            conn.handle_timeout(due)
            take(drain(conn), due)
        if step.what == "c2s":
            for piece in slices(step.data, size):
                conn.receive_data(piece, step.at_s, 1795292905.0 + step.at_s)
                take(drain(conn), step.at_s)
        elif step.what == "c2s-eof":
            conn.receive_data(b"", step.at_s, 0.0)
            take(drain(conn), step.at_s)
        elif b"\r\nPrivilege: " in step.data:
            conn.notify_event()
            take(drain(conn), step.at_s)
    return b"".join(output), closed_at[0] if closed_at else None

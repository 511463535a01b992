"""Our end of a session with an Asterisk: login, frames in any chunking, keepalive, every way to fail."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from amp.core.ami.frame import Frame
from amp.core.ami.framing import NEED_DATA
from amp.core.ami.states import UPSTREAM_TRANSITIONS, UpstreamState
from amp.core.ami.upstream import UpstreamConnection
from amp.core.ami.upstream_events import (
    Closed,
    FramesReceived,
    Greeted,
    LoginAccepted,
    LoginRefused,
    SendData,
    UpstreamEvent,
)
from amp.errors import LocalProtocolError, RemoteProtocolError
from replay import AMI_NAMES, chunks, recording, slices

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
CHALLENGE = b"Response: Success\r\nActionID: own-1\r\nChallenge: 204891251\r\n\r\n"
ACCEPTED = b"Response: Success\r\nActionID: own-2\r\nMessage: Authentication accepted\r\n\r\n"
LOGIN = (
    b"Action: Login\r\nActionID: own-2\r\nUsername: amp\r\nAuthType: MD5\r\n"
    b"Key: bfa998ec012cae478ad225bba5249219\r\nEvents: on\r\n\r\n"
)
PONG = b"Response: Success\r\nActionID: own-3\r\nPing: Pong\r\nTimestamp: 1.000000\r\n\r\n"


def connection(*, secret: str = "secret", max_frame_bytes: int = 16 << 20) -> UpstreamConnection:
    return UpstreamConnection(
        username="amp",
        secret=secret,
        own_prefix=b"own-",
        keepalive_s=15.0,
        login_timeout_s=30.0,
        max_frame_bytes=max_frame_bytes,
        now=0.0,
    )


def drain(conn: UpstreamConnection) -> list[UpstreamEvent]:
    events: list[UpstreamEvent] = []
    while (event := conn.next_event()) is not NEED_DATA:
        events.append(event)
    return events


def hear(conn: UpstreamConnection, *pieces: bytes, now: float = 0.0) -> list[UpstreamEvent]:
    """What the connection makes of these reads."""
    events: list[UpstreamEvent] = []
    for piece in pieces:
        conn.receive_data(piece, now)
        events += drain(conn)
    return events


def ready() -> UpstreamConnection:
    conn = connection()
    assert hear(conn, GREETING, CHALLENGE, ACCEPTED)[-1] == LoginAccepted()
    return conn


def frames(events: Iterable[UpstreamEvent]) -> list[bytes]:
    return [frame for event in events if isinstance(event, FramesReceived) for frame in event.frames]


def test_signing_in() -> None:
    """Greeting, Challenge, Login with the key that a real Asterisk took; then actions may go out."""
    conn = connection()
    assert hear(conn, GREETING) == [
        Greeted("11.0.0"),
        SendData(b"Action: Challenge\r\nActionID: own-1\r\nAuthType: MD5\r\n\r\n"),
    ]
    with pytest.raises(LocalProtocolError, match="AWAIT_CHALLENGE"):
        conn.send(b"Action: Ping\r\n\r\n")
    assert hear(conn, CHALLENGE) == [SendData(LOGIN)]
    assert hear(conn, ACCEPTED) == [LoginAccepted()]
    assert conn.state is UpstreamState.READY
    assert conn.send(b"Action: Ping\r\n\r\n") == b"Action: Ping\r\n\r\n"
    assert "secret" not in repr(conn)


@given(strategies.cuts)
def test_signing_in_with_any_chunking(cuts: list[int]) -> None:
    """Where reads end changes nothing, and frames right behind the login are not lost."""
    stream = GREETING + CHALLENGE + ACCEPTED + b"Event: A\r\n\r\nEvent: B\r\n\r\n"
    events = hear(connection(), *chunks(stream, cuts))
    assert [type(event) for event in events[:4]] == [Greeted, SendData, SendData, LoginAccepted]
    assert frames(events) == [b"Event: A", b"Event: B"]


@pytest.mark.parametrize(
    "refusal", [b"Response: Error\r\nActionID: own-1\r\nMessage: no", b"Response: Success\r\nActionID: own-1"]
)
def test_a_server_without_challenge_gets_the_secret(refusal: bytes) -> None:
    """What cannot do MD5 is signed in to in clear."""
    conn = connection()
    (login,) = hear(conn, GREETING, refusal + b"\r\n\r\n")[2:]
    assert login == SendData(
        b"Action: Login\r\nActionID: own-2\r\nUsername: amp\r\nSecret: secret\r\nEvents: on\r\n\r\n"
    )
    assert hear(conn, ACCEPTED) == [LoginAccepted()]


@pytest.mark.parametrize(
    ("message", "told"),
    [(b"Message: Authentication failed\r\n", "Authentication failed"), (b"", "no reason given")],
)
def test_a_refused_login(message: bytes, told: str) -> None:
    """It is told with the server's text; nothing is told behind it, and no time runs any more."""
    conn = connection()
    answer = b"Response: Error\r\nActionID: own-2\r\n" + message + b"\r\n"
    events = hear(conn, GREETING, CHALLENGE, answer + b"Event: Late\r\n\r\n", b"Event: Later\r\n\r\n", b"")
    assert events[3:] == [LoginRefused(told)]
    assert conn.state is UpstreamState.CLOSED
    assert conn.next_deadline() == math.inf
    with pytest.raises(LocalProtocolError):
        conn.send(b"x")


def test_only_our_own_answer_counts_before_the_login() -> None:
    """Events and strange answers before it are for nobody."""
    conn = connection()
    hear(conn, GREETING)
    assert hear(conn, b"Event: A\r\nActionID: own-1\r\n\r\nResponse: Success\r\nActionID: x\r\n\r\n") == []
    assert conn.state is UpstreamState.AWAIT_CHALLENGE


@pytest.mark.parametrize(
    "name", [name for name in AMI_NAMES if b"Authentication accepted" in recording(name).received]
)
def test_recordings_come_out_whole(name: str) -> None:
    """Every frame that a real Asterisk sent behind a login is handed on as it is, in any chunking."""
    recorded = recording(name)
    accepted = next(n for n, raw in enumerate(recorded.frames) if b"Authentication accepted" in raw)
    expected = recorded.frames[accepted + 1 :]
    rest = recorded.received.partition(b"Message: Authentication accepted\r\n\r\n")[2]
    sizes = (1, 5, 1448, 65536) if len(rest) < 20_000 else (1448, 65536)
    for size in sizes:
        conn = ready()
        assert frames(hear(conn, *slices(rest, size))) == expected
        assert hear(conn, b"") == [Closed(0)]


@pytest.mark.parametrize(
    ("version", "legacy"), [(b"1.1", True), (b"2.8.0", True), (b"11.0.0", False), (b"x", False)]
)
def test_old_servers_have_raw_command_output(version: bytes, legacy: bool) -> None:
    """Below interface version 3 a ``Response: Follows`` may hold blank lines."""
    conn = connection()
    hear(conn, b"Asterisk Call Manager/" + version + b"\r\n", CHALLENGE, ACCEPTED)
    follows = b"Response: Follows\r\nActionID: 1\r\none\r\n\r\ntwo\n--END COMMAND--"
    expected = [follows] if legacy else follows.split(b"\r\n\r\n")
    assert frames(hear(conn, follows + b"\r\n\r\n")) == expected


def test_a_greeting_without_version() -> None:
    assert hear(connection(), b"Asterisk Call Manager\n")[0] == Greeted("")


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"SSH-2.0-OpenSSH",
        b"\x15\x03",
        b"Asterisk Call Manager/" + b"1" * 1100,
    ],
)
def test_this_is_no_manager(line: bytes) -> None:
    """Another service's port is told at once, and every further call tells the same."""
    conn = connection()
    conn.receive_data(line, 0.0)
    with pytest.raises(RemoteProtocolError, match="greeting"):
        conn.next_event()
    conn.receive_data(GREETING, 0.0)
    with pytest.raises(RemoteProtocolError, match="greeting"):
        conn.next_event()
    assert conn.state is UpstreamState.ERROR
    assert conn.next_deadline() == math.inf
    conn.handle_timeout(1e9)


def test_a_frame_too_long() -> None:
    """What came whole before it in earlier reads was told; then the link is over."""
    conn = connection(max_frame_bytes=200)
    assert hear(conn, GREETING, CHALLENGE, ACCEPTED)[-1] == LoginAccepted()
    assert frames(hear(conn, b"Event: A\r\n\r\n")) == [b"Event: A"]
    conn.receive_data(b"x" * 300, 1.0)
    with pytest.raises(RemoteProtocolError, match="200 bytes"):
        conn.next_event()


@pytest.mark.parametrize(
    ("heard", "lost"),
    [((b"Aster",), 5), ((GREETING,), 0), ((GREETING, CHALLENGE, ACCEPTED, b"Event: Ha"), 9)],
)
def test_the_end_of_the_connection(heard: tuple[bytes, ...], lost: int) -> None:
    """Told once in any state; an unfinished frame is dropped and counted."""
    conn = connection()
    assert hear(conn, *heard, b"")[-1] == Closed(lost)
    assert hear(conn, b"") == []
    assert conn.state is UpstreamState.CLOSED


def test_silence_is_asked_about_and_the_answer_not_told() -> None:
    """After keepalive_s a Ping; its answer is swallowed among the frames that came with it."""
    conn = ready()
    hear(conn, b"Event: A\r\n\r\n", now=5.0)
    assert conn.next_deadline() == 20.0
    conn.handle_timeout(19.9)
    assert drain(conn) == []
    conn.handle_timeout(20.0)
    assert drain(conn) == [SendData(b"Action: Ping\r\nActionID: own-3\r\n\r\n")]
    others = b"Response: Success\r\nActionID: amp1.1.1-\r\n\r\nEvent: X\r\nActionID: own-3\r\n\r\n"
    assert len(frames(hear(conn, others + PONG + b"Event: B\r\n\r\n", now=21.0))) == 3
    assert conn.next_deadline() == 36.0
    assert frames(hear(conn, PONG, now=22.0)) == [PONG[:-4]]


def test_a_pong_alone_tells_nothing() -> None:
    conn = ready()
    conn.handle_timeout(15.0)
    drain(conn)
    assert hear(conn, PONG, now=15.1) == []


def test_a_refusal_that_repeats_our_proof_is_told_without_it() -> None:
    """The text goes to logs and to clients; a server that does so is broken or hostile, and may send much."""
    key = Frame.parse(LOGIN).get(b"Key") or b""
    answer = b"Response: Error\r\nActionID: own-2\r\nMessage: not %s, not %s %s\r\n\r\n" % (
        key,
        b"secret",
        b"x" * 500,
    )
    (refused,) = hear(connection(), GREETING, CHALLENGE, answer)[3:]
    assert isinstance(refused, LoginRefused)
    assert refused.message == ("not ***, not *** " + "x" * 500)[:200]


def test_a_silent_server_is_given_up() -> None:
    """After three times keepalive_s without a byte."""
    conn = ready()
    conn.handle_timeout(15.0)
    assert conn.next_deadline() == 45.0
    conn.handle_timeout(45.0)
    assert isinstance(conn.next_event(), SendData)
    with pytest.raises(RemoteProtocolError, match="no answer for 45 s"):
        conn.next_event()


def test_who_wakes_up_late_still_waits_for_the_pong() -> None:
    """After a pause of ours (a stopped process) the Ping goes out late; silence before it proves nothing."""
    conn = ready()
    conn.handle_timeout(100.0)
    assert isinstance(conn.next_event(), SendData)
    assert conn.next_deadline() == 130.0
    conn.handle_timeout(100.0)
    assert drain(conn) == []
    assert hear(conn, PONG, now=129.0) == []
    assert conn.next_deadline() == 144.0


def test_a_blocked_session_is_not_given_up() -> None:
    """While a synchronous Originate rings not even a Ping is answered."""
    conn = ready()
    conn.expect_silence(120.0)
    conn.expect_silence(60.0)
    conn.handle_timeout(15.0)
    drain(conn)
    assert conn.next_deadline() == 120.0
    conn.handle_timeout(45.0)
    assert drain(conn) == []
    conn.handle_timeout(120.0)
    with pytest.raises(RemoteProtocolError, match="no answer for 120 s"):
        conn.next_event()


@pytest.mark.parametrize("heard", [(), (GREETING,), (GREETING, CHALLENGE)])
def test_a_login_has_its_time(heard: tuple[bytes, ...]) -> None:
    """From the connection on, whatever trickles in."""
    conn = connection()
    hear(conn, *heard, now=29.0)
    assert conn.next_deadline() == 30.0
    conn.handle_timeout(30.0)
    with pytest.raises(RemoteProtocolError, match="no answer within 30 s in AWAIT_"):
        conn.next_event()


def test_every_state_is_in_the_table() -> None:
    """And leads only to states that there are; nothing follows the ends."""
    assert set(UPSTREAM_TRANSITIONS) == set(UpstreamState)
    assert all(after in UpstreamState for row in UPSTREAM_TRANSITIONS.values() for after in row.values())
    assert all(row.get(Closed) is UpstreamState.CLOSED for row in UPSTREAM_TRANSITIONS.values() if row)
    assert UPSTREAM_TRANSITIONS[UpstreamState.CLOSED] == UPSTREAM_TRANSITIONS[UpstreamState.ERROR] == {}


LIKELY = st.sampled_from(
    [GREETING, CHALLENGE, ACCEPTED, PONG, b"Response: Follows\r\n", b"Event: A\r\n\r\n", b""]
)


@given(
    st.lists(LIKELY | strategies.garbage, max_size=12), st.booleans(), st.lists(st.booleans(), max_size=12)
)
def test_garbage_gives_frames_or_a_protocol_error(
    pieces: list[bytes], greeted: bool, waits: list[bool]
) -> None:
    """Whatever a server says and whenever time passes; nothing else is raised, and frames are whole."""
    conn, now = connection(max_frame_bytes=300), 0.0
    events: list[UpstreamEvent] = hear(conn, GREETING) if greeted else []
    try:
        for number, piece in enumerate(pieces):
            events += hear(conn, piece, now=now)
            if number < len(waits) and waits[number]:
                now = min(conn.next_deadline(), now + 20.0)
                conn.handle_timeout(now)
                events += drain(conn)
    except RemoteProtocolError:
        assert conn.state is UpstreamState.ERROR
    assert all(frame and b"\r\n\r\n" not in frame for frame in frames(events))

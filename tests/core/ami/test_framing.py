"""The reader of clients' actions: as Asterisk reads them, in any chunking, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from amp.core.ami.frame import Frame
from amp.core.ami.framing import END_OF_STREAM, NEED_DATA, ActionReader, BadAction
from replay import AMI_NAMES, chunks, recording, slices

CRLF, LF = b"\r\n", b"\n"
TOO_LONG = b"Failed to parse message: line too long"
TOO_MANY = b"Too many lines in message or allocation failure"
MISSING = b"Missing action in request"
CONTROL = b"Failed to parse message: CR or NUL in a line"


def read(pieces: Iterable[bytes], reader: ActionReader | None = None) -> list[Frame | BadAction]:
    """Everything a reader makes of these reads."""
    reader = reader or ActionReader()
    found: list[Frame | BadAction] = []
    for piece in pieces:
        reader.receive_data(piece)
        while isinstance(event := reader.next_event(), Frame | BadAction):
            found.append(event)
    return found


def action(*lines: bytes) -> Frame:
    return Frame.parse(b"\r\n".join(lines))


@given(
    st.lists(strategies.actions(), max_size=4),
    st.lists(st.sampled_from([CRLF, LF]), min_size=1, max_size=9),
    strategies.cuts,
)
def test_any_chunking_gives_the_same_actions(sent: list[Frame], ends: list[bytes], cuts: list[int]) -> None:
    """Line ends mixed at will, stray blank lines between actions, reads that end anywhere."""
    stream = b""
    for number, frame in enumerate(sent):
        for index, header in enumerate((*frame.headers, None, None)):
            line = b"%s: %s" % header if header else b""
            stream += line + ends[(number + index) % len(ends)]
    assert read(chunks(stream, cuts)) == sent


@pytest.mark.parametrize("name", [name for name in AMI_NAMES if len(recording(name).sent) < 20_000])
@pytest.mark.parametrize("size", [1, 3, 16, 1400])
def test_recordings_in_small_reads(name: str, size: int) -> None:
    """What a client really sent means the same however it is cut, with all bytes of a frame kept."""
    sent = recording(name).sent
    whole = read([sent])
    pieces = read(slices(sent, size))
    assert pieces == whole
    assert [e.raw for e in pieces if isinstance(e, Frame)] == [e.raw for e in whole if isinstance(e, Frame)]


@pytest.mark.parametrize("name", ["limit-headers", "limit-line", "limit-line-100k", "limit-line-no-end"])
def test_limits_are_asterisks(name: str) -> None:
    """The same errors with the same ActionIDs, and the connection lives on."""
    recorded = [Frame.parse(raw) for raw in recording(name).frames]
    expected = [
        BadAction(frame.get(b"Message") or b"", frame.get(b"ActionID"))
        for frame in recorded
        if frame.name == b"Error" and frame.get(b"Message") != MISSING
    ]
    events = read(slices(recording(name).sent, 4096))
    assert [event for event in events if isinstance(event, BadAction)] == expected
    # At 1023 bytes Asterisk has its left-over LF answered as a message of its own; we do not.
    doubled = sum(frame.get(b"Message") == MISSING for frame in recorded)
    assert len(events) == len(recorded) - doubled


@pytest.mark.parametrize(
    ("lines", "message", "action_id"),
    [
        ([b"this is no header"], MISSING, None),
        ([b"ActionID: no action", b"Foo: bar"], MISSING, b"no action"),
        ([b"Action: ", b"ActionID: empty"], MISSING, b"empty"),
        ([b"Action:", b"Action: Ping"], MISSING, None),
        ([b" Action: Ping", b"ActionID: leading space"], MISSING, b"leading space"),
        ([b"Action : Ping", b"ActionID : space before colon"], MISSING, None),
        ([b"Action: Ping\rActionID: cr inside"], CONTROL, None),
        ([b"Action: Ping", b"ActionID: nul\0byte"], CONTROL, None),
        ([b"ActionID: fine", b"Action: Ping", b"Foo: \0"], CONTROL, b"fine"),
        ([b"Action: Ping", b"ActionID: 1", b"X: " + b"x" * 1020, b"ActionID: 2"], TOO_LONG, b"1"),
        ([b"Action: Ping", b"X: " + b"x" * 1020, b"ActionID: behind"], TOO_LONG, None),
        ([b"Action: Ping", *[b"X: y"] * 128, b"ActionID: behind"], TOO_MANY, None),
        ([b"x" * 2000, b"y" * 2000, *[b"X: y"] * 300], TOO_LONG, None),
        ([b"Action: Ping", b"ActionID: a\rb", b"x" * 2000], TOO_LONG, None),
    ],
)
def test_what_is_no_action(lines: list[bytes], message: bytes, action_id: bytes | None) -> None:
    """Each has its error, with the ActionID if that is known; the next action is read as ever."""
    stream = b"\r\n".join([*lines, b"", b"Action: Ping", b"", b""])
    for size in (len(stream), 7, 1):
        assert read(slices(stream, size)) == [BadAction(message, action_id), action(b"Action: Ping")]


def test_lines_up_to_the_limits_pass() -> None:
    """1022 bytes in a line, 128 lines."""
    lines = [b"Action: Ping", *[b"X: " + b"x" * 1019] * 127]
    assert read([b"\n".join(lines) + b"\n\n"]) == [action(*lines)]


def test_blank_messages_are_nothing() -> None:
    """Asterisk answers each of them (recording blank-messages); amp does not."""
    assert read([b"\r\n\r\n\n\n\r\nAction: Ping\r\n\r\n\r\n\r\n\n"]) == [action(b"Action: Ping")]


def test_action_comes_first() -> None:
    """Wherever the client put it; of several the first counts, and every other line keeps its place."""
    (frame,) = read([b"ActionID: 1\nno colon\nACTION: Ping\nX:y\naction: Status\n\n"])
    assert isinstance(frame, Frame)
    assert frame.name == b"Ping"
    assert frame.raw == b"ACTION: Ping\r\naction: Status\r\nActionID: 1\r\nno colon\r\nX: y"
    assert frame == Frame.parse(frame.raw)


def test_blanks_before_a_value_go() -> None:
    """All that Asterisk takes for blanks, so that what we check is what Asterisk will do."""
    (frame,) = read([b"Action:\x0b \t\x1fCommand\nCommand:core\n\n"])
    assert frame == Frame(((b"Action", b"Command"), (b"Command", b"core")))


def test_no_line_end_and_no_end_in_sight() -> None:
    """A line for ever is thrown away as it comes; no more than a line's length is ever kept."""
    reader = ActionReader()
    for _ in range(1000):
        assert read([b"z" * 1000], reader) == []
        assert len(reader._partial) <= 1024
    assert read([b"\r\n\r\nAction: Ping\r\n\r\n"], reader) == [
        BadAction(TOO_LONG, None),
        action(b"Action: Ping"),
    ]


def test_a_message_without_end_is_not_stored() -> None:
    """Lines for ever are thrown away too."""
    reader = ActionReader()
    for _ in range(100):
        assert read([b"X: y\r\n" * 1000], reader) == []
        assert len(reader._message) <= 128
    assert read([b"\r\n"], reader) == [BadAction(TOO_MANY, None)]


def test_end_of_stream() -> None:
    """What is whole is told first; half a message is dropped (recording half-message-then-close)."""
    reader = ActionReader()
    assert reader.next_event() is NEED_DATA
    reader.receive_data(b"Action: Ping\r\n\r\nAction: Pi")
    reader.receive_data(b"")
    assert reader.next_event() == action(b"Action: Ping")
    assert reader.next_event() is END_OF_STREAM
    assert reader.next_event() is END_OF_STREAM


@given(st.lists(strategies.garbage), strategies.cuts)
def test_garbage_gives_actions_or_bad_actions(pieces: list[bytes], cuts: list[int]) -> None:
    """Never an exception, and the same in any chunking; whatever passes can go to Asterisk as it is."""
    stream = b"".join(pieces)
    whole = read([stream])
    assert whole == read(chunks(stream, cuts))
    for event in whole:
        if isinstance(event, Frame):
            assert event.raw is not None
            assert event.headers[0][0].lower() == b"action"
            assert event.name
            assert b"\0" not in event.raw
            assert event.raw.count(b"\r") == event.raw.count(b"\n") == len(event.headers) - 1

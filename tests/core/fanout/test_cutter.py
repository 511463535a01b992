from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.fanout.cutter import FrameCutter
from amp.errors import RemoteProtocolError
from core.fanout.recordings import BUSY, chunks, frames, stream

CUTS = st.lists(st.integers(min_value=0))
LEGACY = (
    b"Event: A\r\nX: 1\r\n\r\n"
    b"\r\nResponse: Follows\r\nPrivilege: Command\r\nActionID: 7\r\n"
    b"one\n\r\n\r\n\r\ntwo\r\n\r\n\r\n\r\n--END COMMAND--\r\n\r\n"
    b"Event: B\r\n\r\n"
)
LEGACY_FRAMES = [
    b"Event: A\r\nX: 1",
    b"Response: Follows\r\nPrivilege: Command\r\nActionID: 7\r\n"
    b"one\n\r\n\r\n\r\ntwo\r\n\r\n\r\n\r\n--END COMMAND--",
    b"Event: B",
]


def cut(cutter: FrameCutter, pieces: list[bytes]) -> list[bytes]:
    return [frame for piece in pieces for frame in cutter.feed(piece)]


@pytest.mark.parametrize("name", BUSY)
@given(cuts=CUTS)
def test_any_chunking_of_a_recording_gives_the_same_frames(name: str, cuts: list[int]) -> None:
    """Where the reads end makes no difference, and no byte of a frame is changed."""
    assert list(frames(name)) == cut(FrameCutter(), list(chunks(stream(name), cuts)))


@pytest.mark.parametrize("name", ["event-odd-values", "queue-status", "userevent-odd"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7])
def test_a_recording_in_tiny_reads(name: str, size: int) -> None:
    """Reads of a few bytes, where every terminator is cut at every place."""
    data = stream(name)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert list(frames(name)) == cut(FrameCutter(), pieces)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"Event: A", b"x"])).map(b"".join), CUTS)
def test_any_chunking_of_line_ends_gives_the_same_frames(data: bytes, cuts: list[int]) -> None:
    """Runs of CR and LF are cut at the first place possible, as by one search over the whole stream."""
    cutter = FrameCutter()
    pieces = data.split(b"\r\n\r\n")
    whole = [piece.removeprefix(b"\r\n") for piece in pieces[:-1]]
    assert [frame for frame in whole if frame] == cut(cutter, list(chunks(data, cuts)))
    assert len(pieces[-1]) == cutter.tail_bytes


@given(CUTS)
def test_legacy_command_answers_run_to_their_end_mark(cuts: list[int]) -> None:
    """Blank lines in the raw output of an Asterisk before 14 do not end the answer."""
    cutter = FrameCutter(legacy_follows=True)
    assert cut(cutter, list(chunks(LEGACY, cuts))) == LEGACY_FRAMES
    assert cutter.tail_bytes == 0


def test_a_forged_follows_does_not_swallow_the_stream() -> None:
    """Unless the server is old, ``Response: Follows`` is a frame like any other."""
    assert FrameCutter().feed(b"Response: Follows\r\nA: 1\r\n\r\nEvent: B\r\n\r\n") == [
        b"Response: Follows\r\nA: 1",
        b"Event: B",
    ]


def test_blank_lines_of_an_old_server_are_dropped_too() -> None:
    assert FrameCutter(legacy_follows=True).feed(b"\r\n\r\n\r\n\r\nEvent: A\r\n\r\n") == [b"Event: A"]


def test_tail_bytes_counts_what_waits() -> None:
    """The unfinished part is counted whole, also inside a legacy answer."""
    cutter = FrameCutter(legacy_follows=True)
    cutter.feed(b"Event: A\r\n")
    assert cutter.tail_bytes == 10
    cutter.feed(b"\r\nResponse: Follows\r\nX: 1\r\n\r\nmore")
    assert cutter.tail_bytes == len(b"Response: Follows\r\nX: 1\r\n\r\nmore")


@given(CUTS)
def test_a_frame_of_the_greatest_length_passes(cuts: list[int]) -> None:
    """The limit is on the frame, its terminator does not count."""
    frame = b"Event: " + b"x" * 93
    assert cut(FrameCutter(100), list(chunks(frame + b"\r\n\r\n", cuts))) == [frame]


@given(CUTS)
def test_a_frame_that_is_too_long_is_an_error_in_any_chunking(cuts: list[int]) -> None:
    """One byte more closes the link, wherever the reads end."""
    data = b"Event: A\r\n\r\nEvent: " + b"x" * 94 + b"\r\n\r\n"
    with pytest.raises(RemoteProtocolError, match="at most 100 bytes"):
        cut(FrameCutter(100), list(chunks(data, cuts)))


def test_an_endless_frame_is_an_error_before_it_ends() -> None:
    """Memory is bounded whatever comes."""
    cutter = FrameCutter(100)
    cutter.feed(b"x" * 103)
    with pytest.raises(RemoteProtocolError):
        cutter.feed(b"x")


@given(CUTS)
def test_an_endless_legacy_answer_is_an_error(cuts: list[int]) -> None:
    """Blank lines do not get around the limit."""
    data = b"Response: Follows\r\nX: 1\r\n\r\n" + b"output\r\n\r\n" * 20
    with pytest.raises(RemoteProtocolError):
        cut(FrameCutter(100, legacy_follows=True), list(chunks(data, cuts)))

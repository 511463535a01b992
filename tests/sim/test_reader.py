"""The simulated Asterisk's own reader: same messages however the bytes are cut, small whatever comes."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.sim.reader import BadMessage, ManagerReader

pieces = st.sampled_from(
    [
        b"Action: Ping",
        b"ActionID: 1",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b":",
        b" ",
        b"x" * 500,
        b"x" * 1022,
        b"x" * 1023,
    ]
)


def read(*chunks: bytes) -> list[Frame | BadMessage]:
    reader, found = ManagerReader(), []
    for chunk in chunks:
        reader.feed(chunk)
        while (message := reader.next_message()) is not None:
            found.append(message)
    return found


@given(st.lists(pieces).map(b"".join), st.integers(min_value=1, max_value=50))
@example(b"A: " + b"x" * 1020 + b"\r\n\r\n", 1)
def test_any_chunking_gives_the_same_messages(data: bytes, size: int) -> None:
    assert read(*(data[at : at + size] for at in range(0, len(data), size))) == read(data)


@given(st.binary(max_size=5000))
def test_garbage_gives_messages_or_nothing(data: bytes) -> None:
    assert all(isinstance(message, Frame | BadMessage) for message in read(data))


def test_what_is_thrown_away_is_not_kept() -> None:
    """A line without an end costs no memory."""
    reader = ManagerReader()
    for _ in range(1000):
        reader.feed(b"x" * 10_000)
        assert reader.next_message() is None
        assert len(reader._buffer) < 1024

"""Bytes from an Asterisk into whole frames: the first and dearest step of the hot path.

The plan: one `split` on the terminator does the cutting, and everything that is not plain is found by
looking at the smallest and the largest frame of a read, which costs a tenth of the split. Well-formed frames
begin with ``E`` (Event) or ``R`` (Response), so an empty frame or a stray blank line makes the minimum small,
and a ``Response: Follows`` makes the maximum large. Only then are the frames gone through one by one.

What comes after the last terminator waits as a list of pieces without its last three bytes; those are put
before the next read, since a terminator may be cut there. So no other byte is ever searched twice, however
small the reads are.
"""

from __future__ import annotations

from itertools import chain

from amp.core.fanout.events import START, TERMINATOR, Events, Frames, Rest, find_odd, is_odd, split
from amp.errors import RemoteProtocolError

__all__ = ["FOLLOWS", "FOLLOWS_END", "TERMINATOR", "FrameCutter"]

FOLLOWS = b"Response: Follows\r\n"
"""The first line of a Command's answer before Asterisk 14, whose raw output may hold blank lines."""

FOLLOWS_END = b"--END COMMAND--"
"""What ends such an answer. Asterisk wrote it directly behind the output, so it is a line of its own only
if the output ended in a line end; a terminator always follows."""

EDGE_BYTES = len(TERMINATOR) - 1
CR = 13
FIRST_PRINTABLE = b"\x0e"  # greater than any frame that is empty or begins with CR

STREAM_BYTES = 16384
"""From here on a read is taken for a part of a stream of events. What that costs a read, 40,000 instructions,
twenty events earn."""

FEWEST_EVENTS = 8
"""Fewer in such a read are long ones, and no stream."""


class FrameCutter:
    """Cuts one server's byte stream into frames, whatever the reads were.

    Args:
        max_frame_bytes: the longest frame taken, terminator not counted.
        legacy_follows: join the pieces of a ``Response: Follows`` up to its ``--END COMMAND--``. Only for
            servers before Asterisk 14 (manager version below 3): elsewhere such a frame can only be forged
            by a value with raw line ends, and would swallow the stream behind it.
        streams: events are most of what comes, and mostly much at a time (`Events`).
    """

    def __init__(
        self, max_frame_bytes: int = 16 << 20, *, legacy_follows: bool = False, streams: bool = False
    ) -> None:
        self.legacy_follows = legacy_follows
        self._streams = streams
        self._max_bytes = max_frame_bytes
        self._pieces: list[bytes] = []
        self._pieces_bytes = 0
        self._edge = b""
        self._follows: list[bytes] = []
        self._follows_bytes = 0

    @property
    def tail_bytes(self) -> int:
        """How many bytes of an unfinished frame wait here."""
        return self._pieces_bytes + len(self._edge) + self._follows_bytes

    def feed(self, data: bytes) -> Frames:
        """Take what one read gave and return the frames that it completed.

        Args:
            data: any part of the stream after the greeting; may be empty.
        Returns:
            Frames in order with their bytes untouched, without the closing blank line; never an empty one.
            Blank lines too many (Asterisk sends some: recordings queue-status, stream-20calls) are dropped.
        Raises:
            RemoteProtocolError: a frame is longer than ``max_frame_bytes``. The frames of this read are
                lost, and the cutter must not be used again.
        """
        if self._streams and STREAM_BYTES <= len(data) <= self._max_bytes and not self.legacy_follows:
            pieces = split(data)
            if len(pieces) >= FEWEST_EVENTS and (odd := find_odd(data, pieces)) is not None:
                return self._take_events(pieces, odd)
        return self._cut(data)

    def _take_events(self, pieces: list[Rest], odd: list[int]) -> Frames:
        """The frames of a read that is nearly all events; what is odd, and both ends, are cut as ever.

        Args:
            pieces: the read, split at `BETWEEN`.
            odd: which of them may hold anything but one event.
        """
        exact = {index: _frames_in(START + bytes(pieces[index])) for index in odd}
        first, last = self._cut(bytes(pieces[0]) + TERMINATOR), self._cut(START + bytes(pieces[-1]))
        if any(len(several) > 1 for several in exact.values()) or not all(
            frame.startswith(START) for frame in (*first, *last)
        ):
            between = (exact.get(i) or [START + bytes(pieces[i])] for i in range(1, len(pieces) - 1))
            return [*first, *chain.from_iterable(between), *last]
        for index, (frame,) in exact.items():
            pieces[index] = frame[len(START) :]
        before, behind = len(first) - 1, len(first) + len(pieces) - 2
        pieces[:1] = [frame[len(START) :] for frame in first]
        pieces[-1:] = [frame[len(START) :] for frame in last]
        at_first = [index for index, frame in enumerate(first) if is_odd(frame)]
        at_last = [index for index, frame in enumerate(last, behind) if is_odd(frame)]
        return Events(pieces, [*at_first, *(index + before for index in odd), *at_last])

    def _cut(self, data: bytes) -> list[bytes]:
        edge = self._edge
        if TERMINATOR in edge + data[:EDGE_BYTES]:
            frames = (edge + data).split(TERMINATOR)
        else:  # nearly always, and a read need not be copied for the edge's sake
            frames = data.split(TERMINATOR)
            frames[0] = edge + frames[0]
        tail = frames.pop()
        if frames:
            if self._pieces:
                frames[0] = self._join_pieces(frames[0])
            if len(data) > self._max_bytes:
                self._check_size(max(map(len, frames)))
        self._keep(tail)
        if self._follows or (
            frames and (min(frames) < FIRST_PRINTABLE or (self.legacy_follows and max(frames) > FOLLOWS))
        ):
            return self._mend(frames)
        return frames

    def _join_pieces(self, last: bytes) -> bytes:
        self._pieces.append(last)
        frame = b"".join(self._pieces)
        self._pieces.clear()
        self._pieces_bytes = 0
        self._check_size(len(frame))
        return frame

    def _keep(self, tail: bytes) -> None:
        if len(tail) > EDGE_BYTES:
            self._pieces.append(tail[:-EDGE_BYTES])
            self._pieces_bytes += len(tail) - EDGE_BYTES
            # The edge may turn out to be the beginning of the terminator, so it does not count yet.
            self._check_size(self._pieces_bytes)
            self._edge = tail[-EDGE_BYTES:]
        else:
            self._edge = tail

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise RemoteProtocolError(
                f"expected a frame of at most {self._max_bytes} bytes, got {size} or more"
            )

    def _mend(self, frames: list[bytes]) -> list[bytes]:
        """Drop blank lines and put the pieces of legacy Command answers together again."""
        if not self._follows and not self.legacy_follows:
            return _cleaned(frames)
        mended: list[bytes] = []
        for piece in frames:
            frame = piece if self._follows else piece.removeprefix(b"\r\n")
            if self._follows or frame.startswith(FOLLOWS):
                self._continue_follows(frame, mended)
            elif frame:
                mended.append(frame)
        return mended

    def _continue_follows(self, piece: bytes, mended: list[bytes]) -> None:
        self._follows.append(piece)
        self._follows_bytes += len(piece) + len(TERMINATOR)
        self._check_size(self._follows_bytes - len(TERMINATOR))
        if piece.endswith(FOLLOWS_END):
            mended.append(TERMINATOR.join(self._follows))
            self._follows.clear()
            self._follows_bytes = 0


def _cleaned(frames: list[bytes]) -> list[bytes]:
    """The frames without blank lines too many."""
    cleaned = [frame if frame[0] != CR else frame.removeprefix(b"\r\n") for frame in frames if frame]
    return list(filter(None, cleaned))


def _frames_in(piece: bytes) -> list[bytes]:
    """The frames in what stands between two beginnings of events; a blank line at its end is one too many."""
    return _cleaned((piece + TERMINATOR).split(TERMINATOR)[:-1])

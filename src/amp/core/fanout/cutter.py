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

from amp.errors import RemoteProtocolError

__all__ = ["FOLLOWS", "FOLLOWS_END", "TERMINATOR", "FrameCutter"]

TERMINATOR = b"\r\n\r\n"

FOLLOWS = b"Response: Follows\r\n"
"""The first line of a Command's answer before Asterisk 14, whose raw output may hold blank lines."""

FOLLOWS_END = b"--END COMMAND--"
"""What ends such an answer. Asterisk wrote it directly behind the output, so it is a line of its own only
if the output ended in a line end; a terminator always follows."""

EDGE_BYTES = len(TERMINATOR) - 1
CR = 13
FIRST_PRINTABLE = b"\x0e"  # greater than any frame that is empty or begins with CR


class FrameCutter:
    """Cuts one server's byte stream into frames, whatever the reads were.

    Args:
        max_frame_bytes: the longest frame taken, terminator not counted.
        legacy_follows: join the pieces of a ``Response: Follows`` up to its ``--END COMMAND--``. Only for
            servers before Asterisk 14 (manager version below 3): elsewhere such a frame can only be forged
            by a value with raw line ends, and would swallow the stream behind it.
    """

    def __init__(self, max_frame_bytes: int = 16 << 20, *, legacy_follows: bool = False) -> None:
        self.legacy_follows = legacy_follows
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

    def feed(self, data: bytes) -> list[bytes]:
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
            cleaned = [frame if frame[0] != CR else frame.removeprefix(b"\r\n") for frame in frames if frame]
            return list(filter(None, cleaned))
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

"""The manager protocol in WebSocket messages: a wire for a client like any other.

Each message of amp holds whole frames; those of the client are read one behind the other, wherever they are
cut. amp writes as the client did last: text, where bytes that are no UTF-8 become U+FFFD, or binary, where
they stay what they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from amp.core.ws.close_codes import NORMAL
from amp.core.ws.framing import close_frame, message_frame
from amp.shell.websocket.messages import Messages
from amp.shell.wire import Wire

__all__ = ["AmiWire"]


class AmiWire:
    """A `Wire` whose bytes travel in messages. It takes what it is given whole, like one of TLS.

    Args:
        wire: of the connection.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._messages: Messages | None = None
        self._unsent: deque[memoryview] = deque()
        self._wake: Callable[[], None] = _nothing
        self._binary = False
        self._pushed = b""
        self._ended = False

    def read_from(self, messages: Messages) -> None:
        """Where the client's messages come from; told before anything is read."""
        self._messages = messages

    @property
    def sock(self) -> trio.socket.SocketType:
        """See `Wire`."""
        return self._wire.sock

    @property
    def tls(self) -> str:
        """See `Wire`."""
        return self._wire.tls

    @property
    def blocked(self) -> bool:
        """See `Wire.blocked`."""
        return bool(self._unsent) or self._wire.blocked

    def when_blocked(self, wake: Callable[[], None]) -> None:
        """See `Wire.when_blocked`."""
        self._wake = wake
        self._wire.when_blocked(wake)

    def speak(self, frame: bytes) -> None:
        """Send a frame that is no message: the handshake, a pong, the end.

        Raises:
            OSError: the connection is gone.
        """
        if not self._ended:
            self._unsent.append(memoryview(frame))
            self._flush()
            if self.blocked:
                self._wake()

    def write_now(self, data: bytes | memoryview) -> int:
        """See `Wire.write_now`; all or nothing."""
        self._flush()
        if self.blocked or not data:
            return 0
        text = bytes(data)
        if not self._binary:
            text = text.decode("utf-8", "replace").encode()
        self._unsent.append(memoryview(message_frame(text, binary=self._binary)))
        self._flush()
        return len(data)

    def write_many_now(self, buffers: Sequence[bytes | memoryview]) -> int:
        """See `Wire.write_many_now`."""
        taken = 0
        for buffer in buffers:
            taken += self.write_now(buffer)
            if self.blocked:
                break
        return taken

    async def receive(self) -> bytes:
        """See `Wire.receive`."""
        if self._pushed:
            data, self._pushed = self._pushed, b""
            return data
        assert self._messages is not None  # told before
        while (message := await self._messages.next()) is not None:
            self._binary = isinstance(message, bytes)
            if message:
                return message if isinstance(message, bytes) else message.encode()
        if self._messages.goodbye is not None:
            self.speak(self._messages.goodbye)
            self._ended = True
        return b""

    def receive_now(self) -> bytes | None:
        """See `Wire.receive_now`: whether there is a whole message cannot be told without waiting."""
        return None

    def push_back(self, data: bytes) -> None:
        """See `Wire.push_back`."""
        self._pushed = data + self._pushed

    def end_output(self) -> None:
        """See `Wire.end_output`: with the close frame."""
        with suppress(OSError):
            self.speak(close_frame(NORMAL))
        self._ended = True

    def close(self) -> None:
        """See `Wire.close`."""
        self._wire.close()

    def _flush(self) -> None:
        while self._unsent:
            taken = self._wire.write_now(self._unsent[0])
            if taken < len(self._unsent[0]):
                self._unsent[0] = self._unsent[0][taken:]
                return
            self._unsent.popleft()


def _nothing() -> None:
    """Nobody waits."""

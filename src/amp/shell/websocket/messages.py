"""Whole messages out of a WebSocket: fragments, pings, limits and the end are minded here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import trio
from wsproto import WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage

from amp.core.ws.close_codes import TOO_BIG
from amp.core.ws.framing import close_frame, ping_frame
from amp.shell.wire import Wire

__all__ = ["Messages"]

NO_ANSWER: Final = "did not answer a ping"
MOST_DISCARDED_BYTES: Final = 1 << 20

SLICE: Final = 50
"""Frames that are looked at in one go, a millisecond or two. One read may hold forty thousand."""

MOST_PINGS: Final = 1000
"""One behind the other that are answered while the other end takes nothing: each answer that waits costs
memory, however short it is."""


class Messages:
    """Reads one connection.

    Args:
        wire: nobody else reads there.
        protocol: behind the handshake.
        speak: takes whole frames for the other end.
        took: is told how many bytes came; gives the reason to stop, empty if there is none.
        most_bytes: of a message, unpacked.
        is_behind: whether the other end has not taken yet what it was sent.
        ping_interval_s: of silence, until the other end is asked whether it is there; so much more, and it
            is taken for gone.

    Attributes:
        reason: why there are no more, for people.
        left: whether the other end has said goodbye itself.
        goodbye: the close frame that is owed then; ``None`` if there is nobody to say it to.
    """

    def __init__(
        self, wire: Wire, protocol: WSConnection, speak: Callable[[bytes], None],
        took: Callable[[int], str], is_behind: Callable[[], bool], most_bytes: int, ping_interval_s: float,
    ) -> None:  # fmt: skip
        self._wire = wire
        self._protocol = protocol
        self._speak = speak
        self._took = took
        self._is_behind = is_behind
        self._most_bytes = most_bytes
        self._interval_s = ping_interval_s
        self._asked = False
        self._parts: list[str | bytes] = []
        self._size = 0
        self._pings = 0
        self._events: Iterator[Event] = iter(())
        self._whole: str | bytes | None = None
        self.reason = ""
        self.left = False
        self.goodbye: bytes | None = None

    async def next(self) -> str | bytes | None:
        """The next message, text as ``str``; ``None`` for ever when there are no more.

        Raises:
            OSError: the connection is lost.
        """
        while self._whole is None:
            if self.reason:
                return None
            if self._look_at_some():
                await trio.lowlevel.checkpoint()
            else:
                await self._read()
        message, self._whole = self._whole, None
        return message

    async def discard(self) -> None:
        """Read on to the end without looking: to close on unread bytes would reset the connection, and the
        reset may overtake our last words. Who goes on sending for too long is not waited for.
        """
        left = MOST_DISCARDED_BYTES
        while left > 0 and (data := await self._wire.receive()):
            left -= len(data)

    async def _read(self) -> None:
        with trio.move_on_after(self._interval_s) as patience:
            data = await self._wire.receive()
        if patience.cancelled_caught:
            if self._asked:
                self.reason = NO_ANSWER
            else:
                self._asked = True
                self._speak(ping_frame())
            return
        self._asked = False
        self.reason = self._took(len(data)) or ("" if data else "connection closed by the client")
        if not self.reason:
            self._protocol.receive_data(data)
            self._events = self._protocol.events()

    def _look_at_some(self) -> bool:
        """Go on in what was read, up to the next message: it may be small and unfold, so one waits at a time.

        Returns:
            Whether there may be more.
        """
        for _ in range(SLICE):
            event = next(self._events, None)
            if event is None:
                return False
            self._take(event)
            if self.reason or self._whole is not None:
                break
        return True

    def _take(self, event: Event) -> None:
        match event:
            case TextMessage() | BytesMessage():
                self._take_part(event)
            case Ping():
                self._take_ping(event)
            case CloseConnection(code, reason):
                self.left = asked = self._protocol.state is ConnectionState.REMOTE_CLOSING
                if code == TOO_BIG and not asked:
                    self._refuse_size()  # found out while it was unpacked
                    return
                self.reason = "closed by the client" if asked else f"protocol error: {reason}"
                # An answer has no reason: theirs, said back to them, would tell nothing.
                close = CloseConnection(code) if asked else event
                self.goodbye = self._protocol.send(close)

    def _take_ping(self, ping: Ping) -> None:
        self._pings = self._pings + 1 if self._is_behind() else 0
        if self._pings > MOST_PINGS:
            self.reason = "sends pings and does not take the answers"
        else:
            self._speak(self._protocol.send(ping.response()))

    def _take_part(self, event: TextMessage | BytesMessage) -> None:
        data = event.data
        self._size += len(data if isinstance(data, bytes | bytearray) else data.encode())
        if self._size > self._most_bytes:
            self._refuse_size()
            return
        if data:  # there may be any number of empty ones
            self._parts.append(data if isinstance(data, str) else bytes(data))
        if event.message_finished:
            parts, self._parts, self._size = self._parts, [], 0
            if isinstance(event, TextMessage):
                self._whole = "".join(part for part in parts if isinstance(part, str))
            else:
                self._whole = b"".join(part for part in parts if isinstance(part, bytes))

    def _refuse_size(self) -> None:
        self.reason = f"a message may have {self._most_bytes} bytes"
        self.goodbye = close_frame(TOO_BIG, self.reason)

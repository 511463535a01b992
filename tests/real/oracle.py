"""A small AMI client that shares no code with amp: what the tests compare amp with.

It frames by the blank line and nothing else, keeps every message with the time it was read, and
never interprets more than it is asked to.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property, partial

import attrs
import trio

from real.background import in_background

__all__ = ["Client", "Header", "Message", "connect", "signed_in"]

END = b"\r\n\r\n"
Header = tuple[str, str | bytes | int]


@attrs.define(slots=False, eq=False)
class Message:
    """One message as it came.

    Attributes:
        raw: its bytes without the closing blank line, and without stray blank lines before it.
        at: trio's time when the read that completed it returned, in seconds.
    """

    raw: bytes
    at: float

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Name in small letters and value, in order; a line without a colon has the name ``b""``."""
        found = []
        for line in self.raw.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            found.append((name.lower(), value.lstrip(b" ")) if colon else (b"", line))
        return found

    def get(self, name: str) -> bytes | None:
        """The first header of that name."""
        wanted = name.lower().encode()
        return next((value for name, value in self.headers if name == wanted), None)

    def is_response(self, kind: str | None = None) -> bool:
        """True for an answer (to be told by the first header alone), of that kind if one is given."""
        name, value = self.headers[0]
        return name == b"response" and (kind is None or value == kind.encode())

    def is_event(self, name: str | None = None) -> bool:
        """True for an event, of that name if one is given."""
        first, value = self.headers[0]
        return first == b"event" and (name is None or value == name.encode())


@attrs.define(eq=False)
class Client:
    """One connection. ``messages`` grows while the reader task runs; ``closed`` is set at its end."""

    _stream: trio.SocketStream
    greeting: bytes = b""
    messages: list[Message] = attrs.field(factory=list)
    closed: trio.Event = attrs.field(factory=trio.Event)
    _tail: bytes = b""
    _news: trio.Event = attrs.field(factory=trio.Event)
    _serial: int = 0

    @property
    def address(self) -> str:
        """Our own ``host:port``, as the peer logs it."""
        host, port = self._stream.socket.getsockname()
        return f"{host}:{port}"

    async def read_greeting(self) -> None:
        """Read the one line that comes without a blank line behind it."""
        while b"\r\n" not in self._tail:
            if not (data := await self._stream.receive_some()):
                raise AssertionError(f"closed instead of a greeting, after {self._tail!r}")
            self._tail += data
        self.greeting, self._tail = self._tail.split(b"\r\n", 1)

    async def read(self) -> None:
        """Read until the end of the stream; a task of its own."""
        try:
            self._take(b"")
            while data := await self._stream.receive_some(1 << 18):
                self._take(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        self.closed.set()
        self._wake()

    def _take(self, data: bytes) -> None:
        now = trio.current_time()
        *whole, self._tail = (self._tail + data).split(END)
        pieces = (piece.lstrip(b"\r\n") for piece in whole)
        self.messages.extend(Message(piece, now) for piece in pieces if piece)
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def send(self, raw: bytes) -> None:
        """Send these very bytes."""
        await self._stream.send_all(raw)

    async def send_action(self, name: str, *headers: Header) -> None:
        """Send an action with these headers, and no ActionID unless it is among them."""
        await self.send(encoded(("Action", name), *headers))

    async def ask(self, name: str, *headers: Header, timeout: float = 60) -> Message:
        """Send an action with an ActionID of our own and wait for its answer."""
        self._serial += 1
        action_id, start = f"ask-{id(self):x}-{self._serial}", len(self.messages)
        await self.send_action(name, ("ActionID", action_id), *headers)
        return await self.wait_for(partial(answers, action_id.encode()), start=start, timeout=timeout)

    async def ask_list(self, name: str, *headers: Header, timeout: float = 60) -> list[Message]:
        """Send an action that is answered by a list; its items without the first and the last message."""
        first = await self.ask(name, *headers, timeout=timeout)
        assert first.get("EventList") == b"start", first.raw
        action_id, start = first.get("ActionID"), self.messages.index(first)
        last = await self.wait_for(
            lambda m: m.get("ActionID") == action_id and m.get("EventList") == b"Complete",
            start=start,
            timeout=timeout,
        )
        members = self.messages[start + 1 : self.messages.index(last)]
        return [message for message in members if message.get("ActionID") == action_id]

    async def wait_for(
        self, wanted: Callable[[Message], bool], *, start: int = 0, timeout: float = 60
    ) -> Message:
        """The first message from index ``start`` on that is ``wanted``, now or when it comes."""
        with trio.move_on_after(timeout):
            while True:
                news = self._news
                for message in self.messages[start:]:
                    if wanted(message):
                        return message
                start = len(self.messages)
                if self.closed.is_set():
                    raise AssertionError(f"closed while waiting; last came {self._last_raw()}")
                await news.wait()
        raise AssertionError(f"not within {timeout} s: last came {self._last_raw()}")

    def _last_raw(self) -> Sequence[bytes]:
        return [message.raw for message in self.messages[-3:]]

    async def wait_closed(self, timeout: float = 60) -> None:
        """Wait until the peer has ended the connection."""
        with trio.fail_after(timeout):
            await self.closed.wait()


def encoded(*headers: Header) -> bytes:
    """The bytes of one action; the caller answers for their being valid."""
    lines = [b"%s: %s\r\n" % (name.encode(), _bytes(value)) for name, value in headers]
    return b"".join(lines) + b"\r\n"


def _bytes(value: str | bytes | int) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def answers(action_id: bytes, message: Message) -> bool:
    """True if this is the answer (no event) that carries the ActionID."""
    return message.is_response() and message.get("ActionID") == action_id


@asynccontextmanager
async def connect(port: int, *, receive_buffer: int | None = None) -> AsyncIterator[Client]:
    """Connect, read the greeting, and leave everything else to the caller (`Client.read` included)."""
    sock = trio.socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, receive_buffer)
    with trio.fail_after(60):
        await sock.connect(("127.0.0.1", port))
    async with trio.SocketStream(sock) as stream:
        client = Client(stream)
        with trio.fail_after(60):
            await client.read_greeting()
        yield client


@asynccontextmanager
async def signed_in(
    port: int, *, user: str = "oracle", secret: str = "secret", events: str = "on"
) -> AsyncIterator[Client]:
    """A connection that is signed in and read from; closed at the end of the block."""
    async with connect(port) as client, in_background(client.read):
        answer = await client.ask("Login", ("Username", user), ("Secret", secret), ("Events", events))
        assert answer.is_response("Success"), answer.raw
        yield client


def longest_pause(times: Sequence[float], *, begin: float = -math.inf, end: float = math.inf) -> float:
    """The longest gap in seconds between neighbours among the times in the window."""
    inside = [begin] * (begin > -math.inf) + [at for at in times if begin <= at <= end]
    return max((late - early for early, late in itertools.pairwise(inside)), default=0.0)

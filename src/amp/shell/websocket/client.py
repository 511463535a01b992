"""The client behind a WebSocket: a client of this process whose events go to the socket itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio

from amp.core.admission.admission import Visit
from amp.core.ami.pin import Pin
from amp.core.ami.session import ClientSession
from amp.core.fanout.batch import Span
from amp.core.fanout.catchup import Position
from amp.core.ws.close_codes import code_for
from amp.core.ws.formats import format_name
from amp.core.ws.framing import close_frame, deflated_frame, text_frame
from amp.core.ws.selection import Selection
from amp.shell.crowd import Crowd
from amp.shell.outlet import OVERRUN, OutletLimits
from amp.shell.secret_checks import SecretChecks
from amp.shell.subscriber import LAST_WORDS_S, Subscriber, SubscriberOutlet
from amp.shell.wire import Wire

if TYPE_CHECKING:
    from amp.shell.switchboard import Switchboard

__all__ = ["WebSocketClient"]


class WebSocketOutlet(SubscriberOutlet):
    """An outlet whose events are whole WebSocket frames."""

    __slots__ = ("_on_overrun", "_said_goodbye")

    def __init__(
        self, wire: Wire, limits: OutletLimits, on_cut: Callable[[str], None], crowd: Crowd | None = None,
        client: int = 0, *, answers: Callable[[bytes], None], on_overrun: Callable[[str], None],
    ) -> None:  # fmt: skip
        super().__init__(wire, limits, on_cut, crowd, client, answers=answers)
        self._on_overrun = on_overrun
        self._said_goodbye = False

    def speak(self, data: bytes) -> None:
        """Send a whole frame that is no event; nothing any more behind a close frame."""
        if not self._said_goodbye:
            super().speak(data)

    def say_goodbye(self, frame: bytes) -> None:
        """Send the close frame: nothing comes behind it, no event either."""
        self.speak(frame)
        self._said_goodbye = True

    def cut(self, reason: str) -> None:
        """See `Outlet.cut`. Who has too much waiting still reads, if slowly, and is told in its place."""
        if self.dead or self._said_goodbye or not reason.startswith(OVERRUN):
            super().cut(reason)
            return
        self._forget_unbegun()
        self.say_goodbye(close_frame(code_for(reason), reason))
        self._on_overrun(reason)

    def descriptor(self) -> int:
        """See `Outlet.descriptor`."""
        return -1 if self._said_goodbye else super().descriptor()

    def _send(self, data: bytes, span: Span | None) -> None:
        if span is None or not self._said_goodbye:
            super()._send(data, span)


class WebSocketClient(Subscriber):
    """A client of this process that shows its events to a WebSocket.

    Args:
        wire: of the connection; nobody else writes there.
        deflate: the client takes compressed messages.

    Attributes:
        by_cookie: who it is was shown by the cookie of a login, whatever else it says.
    """

    outlet: WebSocketOutlet
    protocol = "websocket"

    def __init__(
        self, number: int, address: str, session: ClientSession, owner: Switchboard, limits: OutletLimits,
        visit: Visit, checks: SecretChecks, pin: Pin | None = None, *,
        quiet: bool = False, tls: str = "", wire: Wire, deflate: bool = False,
    ) -> None:  # fmt: skip
        del quiet
        super().__init__(
            number, address, session, owner, limits, visit, checks, pin,
            tls=tls, wire=wire, outlet=partial(WebSocketOutlet, on_overrun=self._overrun),
        )  # fmt: skip
        self.by_cookie = False
        self._deflate = deflate
        self._frame = deflated_frame if deflate else text_frame
        self._batch = False
        self._busy = 0
        self._idle = trio.Event()

    def say(self, message: bytes) -> None:
        """Send a text message."""
        self.outlet.speak(self._frame(message))

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something is to be answered meanwhile; a client that ends waits for that."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._idle.set()

    def introduction(self) -> dict[str, object]:
        """Who it is, what it may, and which servers there are for it."""
        user, board = self.user, self._switchboard
        assert user is not None  # it has signed in
        kinds = [("asterisk", name, side.up) for name, side in board.servers.items()]
        sniffers = board.desk.sniffers if board.desk is not None else {}
        kinds += [("voipmonitor", name, not sniffer.problem) for name, sniffer in sniffers.items()]
        open_to = user.bound_to
        return {
            "user": user.name,
            "read": sorted(user.read),
            "write": sorted(user.write),
            "servers": [
                {"name": name, "kind": kind, "up": up}
                for kind, name, up in kinds
                if open_to is None or name in open_to
            ],
        }

    @property
    def event_format(self) -> str:
        """See `Subscriber.event_format`."""
        return format_name(deflate=self._deflate, batch=self._batch)

    def hear(
        self, selection: Selection | None, since: Mapping[bytes, Position] | None = None, *, batch: bool
    ) -> None:
        """See `Subscriber.show`; ``batch``: events may share messages."""
        self._batch = batch
        self.show(selection, since)

    def _overrun(self, reason: str) -> None:
        self._was_cut = True
        self.close_soon(reason)

    async def _say_last_words(self) -> None:
        """Answer what is owed, and say why it ends."""
        with trio.move_on_after(LAST_WORDS_S):
            while self._busy:
                self._idle = trio.Event()
                await self._idle.wait()
        self.outlet.say_goodbye(close_frame(code_for(self.reason), self.reason))

"""What can be made to go wrong in a simulated sniffer."""

from __future__ import annotations

import attrs
import trio

__all__ = ["Faults"]


@attrs.define(eq=False)
class Faults:
    """The switches. Set them freely; they are asked when it matters.

    Attributes:
        starting: every request is closed without a reply, as in the first 50 ms of a real one.
        delay_s: every reply begins so much later.
        cut_after: replies end after so many bytes, with a close that looks like any other.
        reset: a cut reply ends with a reset instead.
        piece_bytes: replies are written in pieces of so many bytes.
        piece_pause_s: the pause between them.
        garbage: every reply is this instead, as it is.
    """

    starting: bool = False
    delay_s: float = 0.0
    cut_after: int | None = None
    reset: bool = False
    piece_bytes: int = 65536
    piece_pause_s: float = 0.0
    garbage: bytes | None = None

    _freed: trio.Event | None = attrs.field(default=None, init=False)

    def clear(self) -> None:
        """Everything works again."""
        self.resume()
        for field in attrs.fields(Faults):
            setattr(self, field.name, field.default)

    def hang(self) -> None:
        """Read requests and answer none, as when the database is down."""
        if self._freed is None:
            self._freed = trio.Event()

    def resume(self) -> None:
        """Answer what was held back, and everything from now on."""
        if self._freed is not None:
            self._freed.set()
            self._freed = None

    async def before_reply(self) -> None:
        """Whatever a reply has to wait for."""
        await trio.sleep(self.delay_s)
        while self._freed is not None:
            await self._freed.wait()

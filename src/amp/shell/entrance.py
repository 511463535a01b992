"""Where connections come in: what `amp.core.admission` decides, in sockets, words and log lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import trio

from amp.core.admission.admission import Admission, Refusal, Visit
from amp.core.admission.limits import AdmissionLimits
from amp.shell.descriptors import SpareDescriptor
from amp.shell.log import get_logger

__all__ = ["Entrance", "host_of"]

BREATH_S: Final = 0.05
"""When there was no room to be made, until the next connection is tried."""

MOMENT_S: Final = 0.001
"""When there was: until a displaced connection has closed its socket."""

NO_ROOM: Final = "Too many connections"
GAVE_WAY: Final = "gave way: too many clients that have not signed in"


Say = Callable[[str], bytes]
"""What to write to a client that is refused for this reason; ``b""`` if it could not be understood."""


class Entrance:
    """Takes, refuses and displaces connections.

    Args:
        limits: the bounds; `Admission.limits` may be replaced later.

    Attributes:
        admission: the decisions and the counters.
    """

    def __init__(self, limits: AdmissionLimits) -> None:
        self.admission = Admission(limits)
        self._spare = SpareDescriptor()
        self._ways_out: dict[Visit, Callable[[str], None]] = {}

    @contextmanager
    def admit(self, client: int, sock: trio.socket.SocketType, say: Say) -> Iterator[Visit | None]:
        """A connection came; the block is its stay, and may be cancelled to make room.

        Args:
            client: its number.
            sock: the connection.
            say: how a refused client is told why.

        Returns:
            (Into the block) its visit, or ``None`` if it was refused; then there is nothing more to do.

        Raises:
            OSError: it is gone already.
        """
        with self.admit_from(client, host_of(sock)) as visit:
            if isinstance(visit, Visit):
                yield visit
                return
            self._log_refusal(visit)
            _tell(sock, say(visit.words))
            yield None

    @contextmanager
    def admit_from(self, client: int, host: str | None) -> Iterator[Visit | Refusal]:
        """Somebody comes from there, with or without a connection; see `admit`.

        Args:
            client: its number.
            host: where from; ``None`` for a unix socket.
        """
        visit = self.admission.enter(client, host, trio.current_time())
        if isinstance(visit, Refusal):
            yield visit
            return
        with trio.CancelScope() as scope:
            self._ways_out[visit] = lambda _: scope.cancel()
            if (oldest := self.admission.gives_way()) is not None:
                self._displace(oldest)
            try:
                yield visit
            finally:
                del self._ways_out[visit]
                visit.leave()

    def leaves_by(self, visit: Visit, cut: Callable[[str], None]) -> None:
        """Call ``cut`` with a reason, rather than cancel the block, when the visit has to make room."""
        self._ways_out[visit] = cut

    def way_out(self, visit: Visit) -> Callable[[str], None]:
        """What ends the visit; cancels the block, unless `leaves_by` has said otherwise."""
        return self._ways_out[visit]

    async def on_shortage(self, say: Say, listener: trio.SocketListener, error: OSError) -> None:
        """There is no descriptor for the connection that waits: make room, or refuse it in words.

        Who is in stays in, but for the oldest stranger, if there is any.

        Args:
            say: as in `admit`.
        """
        self._log("out_of_descriptors", ("shortage", error.errno), error=error.strerror, level="error")
        oldest = self.admission.oldest_stranger()
        if oldest is not None:
            self.admission.stats.strangers_displaced += 1
            self._displace(oldest)
        await trio.sleep(MOMENT_S if oldest or await self._refuse_one(say, listener) else BREATH_S)

    async def _refuse_one(self, say: Say, listener: trio.SocketListener) -> bool:
        stream = await self._spare.accept(listener)
        if stream is not None:
            self.admission.stats.refused_descriptors += 1
            _tell(stream.socket, say(NO_ROOM))
            stream.socket.close()
        self._spare.keep()
        return stream is not None

    def _displace(self, visit: Visit) -> None:
        self._log("strangers_give_way", ("strangers",), limit=self.admission.limits.strangers)
        self._ways_out[visit](GAVE_WAY)

    def _log_refusal(self, refusal: Refusal) -> None:
        key = (refusal.reason, refusal.origin.key)
        self._log("connection_refused", key, reason=refusal.reason, address=refusal.origin.key)

    def _log(self, event: str, key: tuple[object, ...], *, level: str = "warning", **facts: object) -> None:
        """Once a minute for each key: whoever floods amp must not flood its log as well."""
        unsaid = self.admission.quiet.speak((event, *key), trio.current_time())
        if unsaid is not None:
            getattr(get_logger(), level)(event, **facts, **({"times_before": unsaid} if unsaid else {}))


def _tell(sock: trio.socket.SocketType, data: bytes) -> None:
    """One try: the socket is new, so there is room, unless the client is gone."""
    with suppress(OSError):
        os.write(sock.fileno(), data)


def host_of(sock: trio.socket.SocketType) -> str | None:
    """The address at its other end; ``None`` for a unix socket.

    Raises:
        OSError: the connection is gone.
    """
    name: object = sock.getpeername()
    return str(name[0]) if isinstance(name, tuple) else None

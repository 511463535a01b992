"""A reply on its way out: as fast as its reader takes it, and no slower than a reader may be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from amp.core.admission.slowness import Slowness
from amp.shell.outlet import OVERRUN, Outlet, OutletLimits

__all__ = ["Delivery"]


class Delivery:
    """Waits for a reader behind each piece of a reply, and cuts one that is slower than the least rate.

    ``stall_timeout`` finds who takes nothing. Who takes a little, now and then, would otherwise keep what its
    reply occupies (a turn at a sniffer, memory) for as long as it likes.

    Args:
        outlet: what the reply is offered to; nothing else waits there.
        limits: ``slowest_bytes_per_second`` is the least rate, ``stall_timeout`` the window.
    """

    def __init__(self, outlet: Outlet, limits: OutletLimits) -> None:
        self._outlet = outlet
        self._per_second = limits.slowest_bytes_per_second
        self._slowness = Slowness(self._per_second, limits.stall_timeout)
        self._bytes_out = outlet.bytes_out

    async def settle(self, write: Callable[[], Awaitable[None]]) -> None:
        """Wait until all that was offered is on its way, or the outlet is dead.

        Args:
            write: does the waiting: `Outlet.flush`, or `Outlet.drain` where something else flushes.
        """
        outlet = self._outlet
        deadline = self._slowness.wait(
            outlet.bytes_out - self._bytes_out, outlet.pending_bytes, trio.current_time()
        )
        with trio.move_on_at(deadline) as patience:
            await write()
        self._slowness.taken(trio.current_time())
        self._bytes_out = outlet.bytes_out
        if patience.cancelled_caught:
            outlet.cut(f"{OVERRUN}: took fewer than {self._per_second} bytes a second of its reply")

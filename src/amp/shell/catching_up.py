"""What clients missed: feeding it to those that resume, and letting go of what has grown old."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from amp.core.fanout.catchup import Catchup
from amp.core.fanout.hub import Hub
from amp.shell.outlet import Outlet

__all__ = ["catch_up", "let_age"]

TICKS: Final = 60
"""How often in its time a journal is looked at: events live that part longer at most."""
SHORTEST_TICK_S: Final = 0.1


async def catch_up(catchup: Catchup, outlet: Outlet) -> None:
    """Feed it until it is attached or gone. Others have their turn between two pieces.

    Args:
        outlet: where its sink's bytes go in the end; a piece is offered when there is nothing to write.
    """
    while not catchup.feed():
        await outlet.drain()
        await trio.lowlevel.checkpoint()


async def let_age(hub: Hub, age_s: Callable[[], float]) -> None:
    """Let the journals forget what is older than so many seconds, until cancelled."""
    while True:
        age = age_s()
        await trio.sleep(max(age / TICKS, SHORTEST_TICK_S))
        hub.expire(trio.current_time(), age)

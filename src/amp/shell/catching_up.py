"""Feeds a client that resumes, as fast as it takes it."""

from __future__ import annotations

import trio

from amp.core.fanout.catchup import Catchup
from amp.shell.outlet import Outlet

__all__ = ["catch_up"]


async def catch_up(catchup: Catchup, outlet: Outlet) -> None:
    """Feed it until it is attached or gone. Others have their turn between two pieces.

    Args:
        outlet: where its sink's bytes go in the end; a piece is offered when there is nothing to write.
    """
    while not catchup.feed():
        await outlet.drain()
        await trio.lowlevel.checkpoint()

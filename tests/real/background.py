"""Tasks that live as long as a block, without hiding what failed in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

__all__ = ["in_background"]


@asynccontextmanager
async def in_background(task: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Run the task until the block ends; the block's exception comes out as it is.

    A bare nursery would wrap it in a group of its own. A test opens a dozen such blocks inside each
    other, and a failed assertion a dozen groups deep is not even shown.
    """
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(task)
        try:
            yield
        except Exception as error:
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure

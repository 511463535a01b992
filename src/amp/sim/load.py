"""Load that a simulated Asterisk makes by itself: random calls, and bursts of numbered events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from amp.sim.events import USER_EVENT
from amp.sim.flows import random_plan

if TYPE_CHECKING:
    from amp.sim.asterisk import SimAsterisk

__all__ = ["make_calls", "numbered_events"]

STEP: Final = 64
"""Events published together in a burst: about what a busy Asterisk gives per read (MEASURED)."""
FULL_BYTES: Final = 4 << 20
"""A burst waits while more than this is queued for some client, so that it cannot overrun a slow one."""


async def make_calls(server: SimAsterisk) -> None:
    """Begin calls at random moments, ``calls_per_second`` on average, for ever."""
    while server.calls_per_second > 0:
        await trio.sleep(server.rng.expovariate(server.calls_per_second))
        server.start_call(random_plan(server.rng, server.call_seconds))


async def numbered_events(server: SimAsterisk, count: int, *, per_second: float | None, size: int) -> None:
    """Publish UserEvents ``Burst`` with ``Number: 0`` and up, padded to about ``size`` bytes."""
    bare = len(server.pbx.event(USER_EVENT, b"UserEvent: Burst\r\nNumber: 0000000\r\nPadding: \r\n").wire)
    body = b"UserEvent: Burst\r\nNumber: %%d\r\nPadding: %s\r\n" % (b"x" * max(0, size - bare))
    begun = trio.current_time()
    done = 0
    while done < count:
        step = min(STEP, count - done)
        if per_second is not None:
            # The millionth is for a virtual clock, which wakes us at the very moment, rounding included.
            due = int((trio.current_time() - begun) * per_second + 1e-6) + 1
            step = min(step, due - done)
        if step > 0:
            event = server.pbx.event
            server.publish([event(USER_EVENT, body % number) for number in range(done, done + step)])
            done += step
        if per_second is None or step > 0:
            await _room(server)
        else:
            await trio.sleep_until(begun + done / per_second)


async def _room(server: SimAsterisk) -> None:
    for session in server.sessions:
        await session.outbox.drained(FULL_BYTES)
    await trio.lowlevel.checkpoint()

"""An alarm rings once, at the moment that was set last. Virtual time."""

from __future__ import annotations

import math

import pytest
import trio
from trio.testing import MockClock

from amp.shell.alarm import Alarm


@pytest.mark.parametrize(
    ("moments", "rings"),
    [((5.0,), [5.0]), ((5.0, 3.0), [3.0]), ((3.0, 5.0), [5.0]), ((3.0, math.inf), []), ((math.inf,), [])],
)
async def test_the_last_moment_counts(
    autojump_clock: MockClock, moments: tuple[float, ...], rings: list[float]
) -> None:
    del autojump_clock
    began, rung = trio.current_time(), list[float]()
    alarm = Alarm(lambda: rung.append(round(trio.current_time() - began, 6)))
    async with trio.open_nursery() as nursery:
        for moment in moments:
            alarm.set(began + moment, nursery)
        await trio.sleep(100)
        assert rung == rings
        alarm.set(began + 200, nursery)
        await trio.sleep(101)
        assert rung == [*rings, 200.0]
        nursery.cancel_scope.cancel()

"""Calls: what they are planned to do, and the task that lets it happen as time passes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator

import attrs
import trio

from amp.sim import events as ev
from amp.sim.channels import UP
from amp.sim.pbx import Pbx
from amp.sim.script import Script

__all__ = ["Call", "Flow", "Plan"]


@attrs.frozen(kw_only=True)
class Plan:
    """What a call is to do.

    Attributes:
        flow: makes it happen; see `Flow`.
        talk_s: seconds of talk once it is answered.
        num, person: who calls.
        target: who is called: an extension, a queue's or a phone's name.
        variables: set on every Local leg.
    """

    flow: Flow
    talk_s: float = 10.0
    num: bytes = b"3001"
    person: bytes = b"Ann"
    target: bytes = b"1001"
    variables: tuple[tuple[bytes, bytes], ...] = ((b"__TENANT", b"7"), (b"__SOURCE", b"sim"))


class Call(Script):
    """One call. ``run`` it in a task, or take its events step by step from ``steps``.

    Attributes:
        over: set when the last channel is gone.
    """

    def __init__(self, pbx: Pbx, plan: Plan) -> None:
        super().__init__(pbx)
        self.plan = plan
        self.over = trio.Event()
        self._ending = trio.Event()
        self._cause = 16

    async def run(self) -> None:
        """Let the call happen, till it ends or is ended."""
        self.pbx.calls_begun += 1
        with contextlib.closing(self.plan.flow(self)) as flow:
            for wait_s in flow:
                self.pbx.publish(self.take_events())
                with trio.move_on_after(wait_s):
                    await self._ending.wait()
                if self._ending.is_set():
                    break
        self.end_now()

    def steps(self) -> Iterator[list[ev.Event]]:
        """The events of the whole call, step after step, without the time between."""
        self.pbx.calls_begun += 1
        for _ in self.plan.flow(self):
            yield self.take_events()
        self.finish()
        yield self.take_events()

    def end(self, cause: int = 16) -> None:
        """Ask the call to end, e.g. for action Hangup; its last events come in a moment."""
        for channel in self.channels:
            self.request_hangup(channel, cause)
        self._cause = cause
        self._ending.set()

    def end_now(self) -> None:
        """End the call in this very moment; does nothing to one that is over."""
        if not self.over.is_set():
            self.finish()
            self.pbx.publish(self.take_events())
            self._ending.set()
            self.over.set()

    def finish(self) -> None:
        """Hang up what is still up: bridges first, then the channels from the last to the first."""
        for bridge in list(self.bridges):
            self.part(bridge)
        if self.channels and self.channels[0].state == UP:
            peer = self.channels[-1] if len(self.channels) > 1 else None
            self.record(self.channels[0], peer, answered=True)
        for channel in reversed(self.channels[:]):
            if channel is not self.channels[0]:
                self.request_hangup(channel, self._cause)
            self.hang_up(channel, self._cause)


Flow = Callable[[Call], Generator[float, None, None]]
"""Changes the call and yields the seconds till its next step; when it ends the call is hung up.

Whatever it yields may be its last moment: somebody may hang up.
"""

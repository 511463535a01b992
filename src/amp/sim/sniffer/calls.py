"""The calls that a simulated sniffer sees: they come and go with time, without a task for each."""

from __future__ import annotations

import math
import random
from typing import Final

import attrs

__all__ = ["Calls", "SimCall"]

RING_S: Final = (1.0, 6.0)
CODECS: Final = (0, 8, 9)
"""PCMU, PCMA, G.722."""
FIRST_ADDRESS: Final = 0x0A000001
"""10.0.0.1"""


@attrs.define(eq=False)
class SimCall:
    """One call. Times are wall-clock seconds.

    Attributes:
        reference: where it lies in the sniffer's memory.
        answered_at: from when on it talks.
        ends_at: when it is gone; infinity for one that stays until somebody ends it.
    """

    reference: int
    callid: str
    caller: str
    called: str
    caller_ip: int
    called_ip: int
    started_at: float
    answered_at: float
    ends_at: float
    codec: int
    caller_name: str = ""
    agent: str = "LabPhone/1.0"
    domain: str = "lab.example"

    def talks(self, now: float) -> bool:
        """Whether it is answered."""
        return now >= self.answered_at

    def response(self, now: float) -> int:
        """The last SIP response."""
        return 200 if self.talks(now) else 180

    def mos(self, now: float) -> int:
        """Its score times ten; it wanders a little."""
        return 45 - int(now + self.reference) % 3 if self.talks(now) else 45


class Calls:
    """The calls of one sniffer; call `live` with a time that only grows.

    Args:
        rng: draws everything.
        per_second: how many calls begin on their own, on average.
        seconds: the shortest and longest talk of those.
    """

    def __init__(self, rng: random.Random, per_second: float, seconds: tuple[float, float]) -> None:
        self._rng = rng
        self._per_second = per_second
        self._seconds = seconds
        self._calls: dict[int, SimCall] = {}
        self._next_at: float | None = None
        self._made = 0
        self._memory = 0x7F0000000000 + rng.randrange(1 << 30) * 0x10

    def live(self, now: float) -> list[SimCall]:
        """The calls of this moment, newest first."""
        self._arrive(now)
        gone = [reference for reference, call in self._calls.items() if call.ends_at <= now]
        for reference in gone:
            del self._calls[reference]
        return sorted(self._calls.values(), key=lambda call: call.started_at, reverse=True)

    def find(self, reference: str, now: float) -> SimCall | None:
        """The live call at an address (``0x7f...``)."""
        try:
            place = int(reference, 0)
        except ValueError:
            return None
        self.live(now)
        return self._calls.get(place)

    def add(
        self,
        now: float,
        *,
        caller: str | None = None,
        called: str | None = None,
        callid: str | None = None,
        ring_s: float | None = None,
        talk_s: float | None = None,
    ) -> SimCall:
        """Begin a call now; what is not given is drawn."""
        self._made += 1
        number = self._made % 9000
        self._memory += 0x10 * self._rng.randrange(0x100, 0x2000)
        answered = now + (self._rng.uniform(*RING_S) if ring_s is None else ring_s)
        talk = self._rng.uniform(*self._seconds) if talk_s is None else talk_s
        call = SimCall(
            reference=self._memory,
            callid=callid or f"{self._made}-{self._rng.randrange(10**6)}@sim.example",
            caller=caller or str(1000 + number),
            called=called or str(7000 + self._rng.randrange(1000)),
            caller_ip=FIRST_ADDRESS + number % 250,
            called_ip=FIRST_ADDRESS + 0x100 + self._rng.randrange(250),
            started_at=now,
            answered_at=answered,
            ends_at=answered + talk,
            codec=self._rng.choice(CODECS),
            caller_name=f"User {number}",
        )
        self._calls[call.reference] = call
        return call

    def fill(self, count: int, now: float) -> None:
        """Have so many calls already running, each somewhere in its talk.

        They stay where no others begin by themselves: who asked for a number of calls finds it at any time.
        """
        for _ in range(count):
            call = self.add(now, ring_s=0.0)
            passed = self._rng.random() * (call.ends_at - now)
            call.started_at -= passed
            call.answered_at -= passed
            call.ends_at = call.ends_at - passed if self._per_second else math.inf

    def end(self, call: SimCall) -> None:
        """End a call at once."""
        self._calls.pop(call.reference, None)

    def forget(self) -> None:
        """Lose everything, as a restart does; memory begins somewhere else."""
        self._calls.clear()
        self._memory = 0x7F0000000000 + self._rng.randrange(1 << 30) * 0x10

    def _arrive(self, now: float) -> None:
        if not self._per_second:
            return
        if self._next_at is None:
            self._next_at = now + self._rng.expovariate(self._per_second)
        while self._next_at <= now:
            self.add(self._next_at)
            self._next_at += self._rng.expovariate(self._per_second)

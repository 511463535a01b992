"""The queues of the simulated exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amp.sim.events import block_template

if TYPE_CHECKING:
    from amp.sim.channels import Channel

__all__ = ["Member", "Queue", "default_queues"]

MEMBER_EVENT: Final = block_template(
    *b"Queue MemberName Interface StateInterface Membership Penalty CallsTaken LastCall LastPause LoginTime"
    b" InCall Status Paused PausedReason Ringinuse Wrapuptime".split()
)
MEMBER_ITEM: Final = block_template(
    *b"Queue Name Location StateInterface Membership Penalty CallsTaken LastCall LastPause LoginTime"
    b" InCall Status Paused PausedReason Wrapuptime".split()
)
NOT_IN_USE, IN_USE, RINGING = 1, 2, 6


class Member:
    """Who answers a queue's calls.

    Attributes:
        interface: what is dialled, e.g. ``Local/agent1@agents/n``.
        status: a device state: 1 not in use, 2 in use, 6 ringing.
    """

    def __init__(self, name: bytes, interface: bytes, *, since: int, dynamic: bool = False) -> None:
        self.name = name
        self.interface = interface
        self.membership = b"dynamic" if dynamic else b"static"
        self.penalty = self.calls_taken = self.last_call = self.last_pause = 0
        self.since = since
        self.status = NOT_IN_USE
        self.paused = False
        self.reason = b""

    def event_block(self, queue: bytes) -> bytes:
        """The header lines of QueueMember* events."""
        return MEMBER_EVENT % (queue, *self._values(), b"0", b"0")

    def item_block(self, queue: bytes) -> bytes:
        """The header lines of a QueueStatus item; names differ from the event's."""
        return MEMBER_ITEM % (queue, *self._values(), b"0")

    def _values(self) -> tuple[bytes, ...]:
        numbers = (self.penalty, self.calls_taken, self.last_call, self.last_pause, self.since)
        state = (self.status == IN_USE, self.status, self.paused)
        return (
            self.name,
            self.interface,
            self.interface.removesuffix(b"/n"),
            self.membership,
            *(b"%d" % number for number in (*numbers, *state)),
            self.reason,
        )


class Queue:
    """A queue with its members and its waiting callers (channel, wall-clock second of joining)."""

    def __init__(self, name: bytes, strategy: bytes, members: list[Member]) -> None:
        self.name = name
        self.strategy = strategy
        self.members = members
        self.callers: list[tuple[Channel, int]] = []
        self.completed = 0

    def free_member(self) -> Member | None:
        """The first member who could take a call now."""
        return next((m for m in self.members if m.status == NOT_IN_USE and not m.paused), None)

    def find(self, interface: bytes) -> Member | None:
        """The member with this interface."""
        return next((member for member in self.members if member.interface == interface), None)


def default_queues(since: int) -> dict[bytes, Queue]:
    """A queue with six agents, one with three, one with none."""

    def members(*numbers: int) -> list[Member]:
        return [
            Member(b"Agent %d" % number, b"Local/agent%d@agents/n" % number, since=since)
            for number in numbers
        ]

    queues = (
        Queue(b"support", b"random", members(1, 2, 3, 4, 5, 6)),
        Queue(b"sales", b"ringall", members(7, 8, 9)),
        Queue(b"empty", b"leastrecent", []),
    )
    return {queue.name: queue for queue in queues}

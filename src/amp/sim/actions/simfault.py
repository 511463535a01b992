"""Action SimFault: the faults of a simulated Asterisk, for who runs it as a process of its own.

``Fault`` names one of `FAULTS`; ``Seconds`` undoes a lasting one after so long. The answer comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import trio

from amp.core.ami.frame import Frame
from amp.sim.actions.registry import Actions

if TYPE_CHECKING:
    from amp.sim.session import ManagerSession

__all__ = ["FAULTS", "SIMFAULT"]

SIMFAULT: Final = Actions()
Start = Callable[["ManagerSession", Frame], None]


@SIMFAULT.add("SimFault", "system", "Make something go wrong (simulated servers only).")
async def sim_fault(session: ManagerSession, request: Frame) -> None:
    """Answer, then let it happen."""
    name = (request.get(b"Fault") or b"").lower()
    seconds = _number(request, b"Seconds")
    if name == b"block":
        # The only one that is this session's alone: like a slow action, it holds back events and answers.
        await trio.sleep(seconds)
        session.ack(request, b"Blocked")
        return
    start = FAULTS.get(name)
    if start is None:
        known = b", ".join(sorted([*FAULTS, b"block"]))
        session.error(request, b"Unknown fault; known are %s" % known)
        return
    session.ack(request, b"Fault begins")
    start(session, request)
    if seconds:
        session.server.run_later(seconds, session.server.faults.clear)


def _burst(session: ManagerSession, request: Frame) -> None:
    rate = _number(request, b"PerSecond")
    count, size = int(_number(request, b"Count") or 1000), int(_number(request, b"Size") or 390)
    session.server.start_burst(count, per_second=rate or None, size=size)


def _delay(session: ManagerSession, request: Frame) -> None:
    session.server.faults.action_delay_s = _number(request, b"Delay")


def _switch(name: str) -> Start:
    def start(session: ManagerSession, request: Frame) -> None:
        setattr(session.server.faults, name, True)

    return start


FAULTS: Final[dict[bytes, Start]] = {
    b"stall": lambda session, _: session.server.faults.stall(),
    b"clear": lambda session, _: session.server.faults.clear(),
    b"drop": lambda session, _: session.server.faults.drop(),
    b"drop-others": lambda session, _: session.server.faults.drop(spare=session),
    b"cut-frame": lambda session, _: session.server.faults.cut_frame(),
    b"garbage": lambda session, _: session.server.faults.send_raw(),
    b"refuse-logins": _switch("refuse_logins"),
    b"refuse-second-login": _switch("refuse_second_login"),
    b"mute": _switch("mute"),
    b"delay": _delay,
    b"burst": _burst,
    b"stop": lambda session, _: session.server.stop(),
}
"""Name: what starts it."""


def _number(request: Frame, name: bytes) -> float:
    try:
        return max(0.0, float(request.get(name) or 0))
    except ValueError:
        return 0.0

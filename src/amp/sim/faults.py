"""What can be made to go wrong in a simulated Asterisk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from amp.sim.session import ManagerSession

__all__ = ["GARBAGE", "Faults"]

GARBAGE: Final = bytes(range(256)) * 8 + b"Response: Success\r\nEvent\r\n:\r\n\r\n\xff\xfe\r\r\n\n\r\n"
"""Every byte, half headers, stray line ends; no valid frame."""
CUT: Final = b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Cut\r\nNever: seen\r\n\r\n"


class Faults:
    """The switches. Set attributes freely; they are asked when it matters.

    Attributes:
        refuse_logins: every Login fails, as with a wrong secret (one second, then closed).
        refuse_second_login: as ``allowmultiplelogin = no``: a user who is signed in cannot sign in again.
        mute: actions are worked, but never answered.
        action_delay_s: every action takes so much longer, and holds its session's events as long.
    """

    def __init__(self, sessions: Callable[[], Iterable[ManagerSession]]) -> None:
        self._sessions = sessions
        self._stalled: trio.Event | None = None
        self.refuse_logins = False
        self.refuse_second_login = False
        self.mute = False
        self.action_delay_s = 0.0

    @property
    def stalled(self) -> bool:
        """Whether the server is frozen."""
        return self._stalled is not None

    def clear(self) -> None:
        """Everything works again."""
        self.refuse_logins = self.refuse_second_login = self.mute = False
        self.action_delay_s = 0.0
        self.resume()

    def stall(self) -> None:
        """Freeze: connections stay, nothing is read, written or greeted (as after SIGSTOP)."""
        if self._stalled is None:
            self._stalled = trio.Event()
        for session in self._sessions():
            session.freeze()

    def resume(self) -> None:
        """Thaw: what gathered meanwhile is worked and sent."""
        if self._stalled is not None:
            self._stalled.set()
            self._stalled = None
        for session in self._sessions():
            session.thaw()

    def drop(self, *, spare: ManagerSession | None = None) -> None:
        """Close every connection at once, but for one that may be spared."""
        for session in list(self._sessions()):
            if session is not spare:
                session.abort()

    def cut_frame(self, frame: bytes = CUT) -> None:
        """Send every client the first half of a frame and close."""
        for session in list(self._sessions()):
            session.outbox.send(frame[: len(frame) // 2])
            session.abort()

    def send_raw(self, data: bytes = GARBAGE) -> None:
        """Send every client bytes as they are: garbage, broken or forged frames."""
        for session in list(self._sessions()):
            session.outbox.send(data)

    async def unstalled(self) -> None:
        """Return when the server is not frozen."""
        while self._stalled is not None:
            await self._stalled.wait()

    async def before_action(self) -> None:
        """Whatever an action has to wait for before it is worked."""
        await self.unstalled()
        if self.action_delay_s:
            await trio.sleep(self.action_delay_s)

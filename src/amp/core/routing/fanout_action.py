"""One action for several servers: their answers one after the other, and the frame that closes them.

Each server's answer is kept till it is whole and then goes out in one piece, in the order in which they
become whole: a list's items stand together, and a slow server holds up no other one's. What is kept has a
bound; beyond it frames go out as they come, each with its ``Server:`` as always.
"""

from __future__ import annotations

import attrs

from amp.core.routing.client import Client
from amp.core.routing.commands import Command, SendToClient
from amp.core.routing.error_frames import error_response, fanout_complete, not_sent
from amp.core.routing.pending import Pending

__all__ = ["FanoutAction", "Part"]


@attrs.define(eq=False, slots=True)
class Part:
    """What one server is asked, and has said so far.

    Attributes:
        fanout: of which it is a part.
        pending: the action as that server got it.
        kept: frames of its answer that the client was not sent yet.
        heard: something came.
        is_error: and began with ``Response: Error``.
    """

    fanout: FanoutAction
    pending: Pending
    kept: list[bytes] = attrs.field(factory=list)
    heard: bool = False
    is_error: bool = False

    def take(self, frame: bytes, out: list[Command]) -> None:
        """The server says something, or the rest of it comes behind its end."""
        if not self.heard:
            self.heard, self.is_error = True, frame.startswith(b"Response: Error")
        self.fanout.take(self, frame, out)


@attrs.define(eq=False, slots=True)
class FanoutAction:
    """A merged answer, from the action's arrival to its closing frame.

    Attributes:
        client: who asked; shares its bound of kept bytes between all of its merged answers.
        n: the how-manieth action of that client, which is that of the first part.
        original: the client's ActionID; empty if it had none, and then nothing is said before all earlier
            actions of the client are answered.
        timeout_s: seconds it may take altogether.
        deadline: when they are over, in monotonic seconds; infinity once they were.
        most_bytes: how much of the client's may be kept.
        parts: what is not over, by server.
        ready: frames that only wait for their turn.
        streams: too much was kept, and nothing is any more.
        closed: the closing frame is out.
    """

    client: Client
    n: int
    original: bytes
    timeout_s: float
    deadline: float
    most_bytes: int
    parts: dict[str, Part] = attrs.field(factory=dict)
    ready: list[bytes] = attrs.field(factory=list)
    streams: bool = False
    closed: bool = False
    _answers: int = 0
    _errors: int = 0
    _missing: list[str] = attrs.field(factory=list)

    def ask(self, pending: Pending) -> None:
        """One more server is asked."""
        pending.part = self.parts[pending.server] = Part(self, pending)

    def miss(self, server: str, why: str) -> None:
        """A server cannot be asked."""
        self._missing.append(server)
        self._keep(self.ready, error_response(self.original, not_sent(why), server))

    def take(self, part: Part, frame: bytes, out: list[Command]) -> None:
        """Keep a frame for its turn, or let everything go if that is too much."""
        self._keep(part.kept if part.pending.server in self.parts else self.ready, frame)
        if self.client.kept_bytes > self.most_bytes:
            self.streams = True
        if self.streams:
            for each in self.parts.values():
                self._make_ready(each)
            self._say(out)

    def end(self, part: Part, error: bytes) -> None:
        """A server's answer is whole, or ends with a frame by amp because the rest will not come."""
        del self.parts[part.pending.server]
        self._make_ready(part)
        if error:
            self._missing.append(part.pending.server)
            self._keep(self.ready, error)
        elif part.is_error:
            self._errors += 1
        else:
            self._answers += 1

    def speak(self, out: list[Command]) -> None:
        """Say what is ready if it is its turn, and with the last of it that it was the last."""
        if not self._has_turn():
            return
        if not self.parts:
            self.closed = True
            self._keep(self.ready, fanout_complete(self.original, self._answers, self._errors, self._missing))
        self._say(out)

    def _has_turn(self) -> bool:
        return bool(self.original) or next(iter(self.client.unanswered)) == self.n

    def _keep(self, where: list[bytes], frame: bytes) -> None:
        where.append(frame)
        self.client.kept_bytes += len(frame)

    def _make_ready(self, part: Part) -> None:
        self.ready += part.kept
        part.kept.clear()

    def _say(self, out: list[Command]) -> None:
        data = b"".join(self.ready)
        self.ready.clear()
        if data:
            self.client.kept_bytes -= len(data)
            out.append(SendToClient(self.client.number, data))

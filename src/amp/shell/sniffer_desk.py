"""Where clients' sniffer commands are taken, judged, asked and answered; and the audit log of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Final, NamedTuple, Protocol

import trio

from amp.core.ami.auth import User
from amp.core.ami.frame import Frame
from amp.core.routing.error_frames import not_sent, plain
from amp.core.voipmonitor.action import failure_text, sniffer_error, sniffer_reply
from amp.core.voipmonitor.command import Command, parse_command
from amp.core.voipmonitor.exchange_events import ExchangeFailed
from amp.core.voipmonitor.hiding import hider_for
from amp.core.voipmonitor.rights import SnifferGrant
from amp.errors import LocalProtocolError
from amp.shell.log import get_logger
from amp.shell.sniffer import Sniffer

__all__ = ["Asker", "SnifferDesk", "audit"]

SHOWN_ARGUMENTS: Final = 60
"""Bytes of arguments that the log shows; of content commands none, as they name files and people."""


ENDLESS: Final = frozenset(("login_screen_popup",))


class Asker(Protocol):
    """A client that has sent a SnifferCommand."""

    @property
    def user(self) -> User | None:
        """Who it is."""

    def late_answer(self, data: bytes, action_id: bytes | None) -> None:
        """The answer to its command; nothing if it is gone."""


class SnifferDesk:
    """Answers SnifferCommands.

    Args:
        sniffers: by name, in the order of the configuration.
        is_server: whether a name is that of another kind of server.
        most_bytes: of a reply in a frame.
        most_at_once: commands of one client.
        beside: what has to run as long as the sniffers are asked.
    """

    def __init__(
        self,
        sniffers: MutableMapping[str, Sniffer],
        is_server: Callable[[str], bool],
        most_bytes: int,
        most_at_once: int,
        beside: Callable[[], Awaitable[None]],
    ) -> None:
        self.sniffers = sniffers
        self._is_server = is_server
        self._most_bytes = most_bytes
        self._most_at_once = most_at_once
        self._beside = beside
        self._asking: dict[Asker, int] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._beside)
            for sniffer in self.sniffers.values():
                await nursery.start(sniffer.run)
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def take(self, asker: Asker, frame: Frame, action_id: bytes | None) -> None:
        """A client sent a SnifferCommand; its answer comes by `Asker.late_answer`, perhaps at once."""
        named = (frame.get(b"Server") or b"").strip().decode("utf-8", "replace")
        chosen = self._choose(named, asker.user)
        waiting = self._asking.get(asker, 0)
        if isinstance(chosen, str):
            asker.late_answer(sniffer_error(action_id or b"", not_sent(chosen), ""), action_id)
        elif waiting >= self._most_at_once:
            why = not_sent(f"{waiting} commands of this client are unanswered already")
            asker.late_answer(sniffer_error(action_id or b"", why, chosen.name), action_id)
        else:
            assert self._nursery is not None  # clients come after `run`
            self._asking[asker] = waiting + 1
            self._nursery.start_soon(self._answer, asker, chosen, frame, action_id)

    async def add(self, sniffer: Sniffer) -> None:
        """A sniffer that came while amp runs; its name must be free."""
        assert self._nursery is not None  # nothing comes before `run`
        await self._nursery.start(sniffer.run)
        self.sniffers[sniffer.name] = sniffer

    def drop(self, name: str) -> None:
        """A sniffer went: nobody is asked any more, and whoever waits for it gets an error."""
        self.sniffers.pop(name).retire()

    def find(self, named: str) -> Sniffer | None:
        """The sniffer of that name, or the only one at that host."""
        found = self.sniffers.get(named)
        if found is None:
            there = [one for one in self.sniffers.values() if one.reach.host.lower() == named.lower()]
            found = there[0] if len(there) == 1 and named else None
        return found

    def _choose(self, named: str, user: User | None) -> Sniffer | str:
        """The sniffer for a command, or why there is none."""
        bound_to = user.bound_to if user is not None else None
        text = plain(named[:64])
        if not named:
            open_to = [name for name in self.sniffers if bound_to is None or name in bound_to]
            return self.sniffers[open_to[0]] if len(open_to) == 1 else "the action has no Server: header"
        found = self.find(named)
        if bound_to is not None and (found is None or found.name not in bound_to):
            return f"Server: {text} is not open to this user"
        if found is None:
            return f"server {text} is no sniffer" if self._is_server(named) else f"unknown server {text}"
        return found

    async def _answer(self, asker: Asker, sniffer: Sniffer, frame: Frame, action_id: bytes | None) -> None:
        try:
            user = asker.user
            name, grant = (user.name, user.sniffers) if user is not None else ("", SnifferGrant())
            outcome = await self.perform(sniffer, frame.get(b"Command") or b"", name, grant)
            original = action_id or b""
            if outcome.problem:
                answer = sniffer_error(original, outcome.problem, sniffer.name)
            else:
                answer = sniffer_reply(original, outcome.reply, sniffer.name)
            asker.late_answer(answer, action_id)
        except Exception:
            get_logger().exception("sniffer_command_failed", sniffer=sniffer.name)
            answer = sniffer_error(action_id or b"", "internal error", sniffer.name)
            asker.late_answer(answer, action_id)
        finally:
            left = self._asking.pop(asker) - 1
            if left:
                self._asking[asker] = left

    async def perform(self, sniffer: Sniffer, line: bytes, user: str, grant: SnifferGrant) -> Outcome:
        """Ask a sniffer something for somebody, and log it.

        Args:
            line: the command as it was written.
            user: for the log.
            grant: what the asker may do and see.
        """
        begun = trio.current_time()
        try:
            command = parse_command(line)
        except LocalProtocolError as error:
            problem = not_sent(error.reply_hint)
            audit(sniffer, user, None, problem, 0, begun)
            return Outcome(b"", problem)
        refusal = grant.refusal(command.spec)
        if refusal is not None or command.name in ENDLESS:
            endless = not_sent(f"{command.name}: its reply has no end, so no action can give it")
            problem = f"Permission denied: {refusal}" if refusal is not None else endless
            audit(sniffer, user, command, problem, 0, begun)
            return Outcome(b"", problem)
        reply, failed = await self._ask(sniffer, command, grant)
        problem = failure_text(failed) if failed is not None else ""
        audit(sniffer, user, command, problem or "done", len(reply), begun)
        return Outcome(reply, problem)

    async def _ask(
        self, sniffer: Sniffer, command: Command, grant: SnifferGrant
    ) -> tuple[bytes, ExchangeFailed | None]:
        hider = hider_for(command, grant)
        async with sniffer.ask(command, unpack=True) as answer:
            reply = await answer.whole(self._most_bytes)
            if hider is not None and answer.failure is None:
                reply = hider.feed(reply) + hider.finish()
            return reply, answer.failure


class Outcome(NamedTuple):
    """The reply, or what went wrong in words for the asker."""

    reply: bytes
    problem: str


def audit(
    sniffer: Sniffer, user: str, command: Command | None, result: str, reply_bytes: int, begun: float
) -> None:
    """The line of the audit log: who asked which sniffer what, and what came of it."""
    shown = "unknown" if command is None else command.name
    if command is not None and command.arguments and command.spec.read_only:
        text = command.arguments[:SHOWN_ARGUMENTS].decode("utf-8", "replace")
        shown += f" {text}{'...' if len(command.arguments) > SHOWN_ARGUMENTS else ''}"
    elif command is not None and command.arguments:
        shown += " ..."
    get_logger().info(
        "sniffer_command",
        user=user, sniffer=sniffer.name, command=shown, result=result, bytes=reply_bytes,
        seconds=round(trio.current_time() - begun, 3),
    )  # fmt: skip

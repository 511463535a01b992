"""Where clients' sniffer commands are taken, judged, asked and answered; and the audit log of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Final

import attrs
import trio

from amp.core.ami.frame import Frame
from amp.core.ami.mask import TRUE
from amp.core.routing.directory import SEVERAL, Directory, Selection
from amp.core.routing.error_frames import not_sent, plain
from amp.core.routing.fanouts import NO_RIGHT
from amp.core.voipmonitor.action import failure_text, sniffer_error, sniffer_reply
from amp.core.voipmonitor.command import Command, parse_command
from amp.core.voipmonitor.exchange_events import Failure
from amp.core.voipmonitor.hiding import Hider, hider_for, shown_problem
from amp.core.voipmonitor.rights import SnifferGrant
from amp.errors import LocalProtocolError
from amp.shell.log import get_logger
from amp.shell.sniffer import Sniffer
from amp.shell.sniffer_answer import Budget
from amp.shell.sniffer_gather import Asker, Gather, Outcome

__all__ = ["DeskLimits", "SnifferDesk", "audit"]

HIDDEN_AT_ONCE: Final = 262_144
"""So many bytes of a reply are searched in one go, which takes a millisecond or two."""

SHOWN_ARGUMENTS: Final = 60
"""Bytes of arguments that the log shows; of content commands none, as they name files and people."""

REFUSALS: Final = frozenset((Failure.WRONG_KEY, Failure.NEED_KEY, Failure.UNSENDABLE))
"""Failures that are an answer: the sniffer said no, or there is nothing that could be sent to it."""


@attrs.frozen(kw_only=True)
class DeskLimits:
    """Bounds of what clients ask.

    Attributes:
        reply_bytes: of a reply in a frame, and of the replies that one command for several sniffers holds at
            the same time.
        at_once: commands of one client.
        servers: sniffers of one command.
        timeout_s: of a command for several.
    """

    reply_bytes: int
    at_once: int
    servers: int
    timeout_s: float


class SnifferDesk:
    """Answers SnifferCommands.

    Args:
        sniffers: by name, in the order of the configuration.
        is_server: whether a name is that of another kind of server.
        limits: of what clients ask.
        beside: what has to run as long as the sniffers are asked.
    """

    def __init__(
        self,
        sniffers: MutableMapping[str, Sniffer],
        is_server: Callable[[str], bool],
        limits: DeskLimits,
        beside: Callable[[], Awaitable[None]],
    ) -> None:
        self.sniffers = sniffers
        self._is_server = is_server
        self._limits = limits
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
        waiting = self._asking.get(asker, 0)
        chosen = self._choose(asker, frame, action_id)
        if waiting >= self._limits.at_once:
            chosen = not_sent(f"{waiting} commands of this client are unanswered already")
        if isinstance(chosen, str):
            asker.late_answer(sniffer_error(action_id or b"", chosen, ""), action_id)
            return
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
        """The sniffer of that name, or the only one with that host or sensor number."""
        found = self.sniffers.get(named)
        if found is None:
            there = [
                one for one in self.sniffers.values() if named.lower() in (host.lower() for host in one.hosts)
            ]
            found = there[0] if len(there) == 1 else None
        return found

    def _choose(self, asker: Asker, frame: Frame, action_id: bytes | None) -> Sniffer | Gather | str:
        """Who shall be asked, or why nobody."""
        server, user = (frame.get(b"Server") or b"").strip(), asker.user
        named, merges = server.decode("utf-8", "replace"), _yes(frame.get(b"Merge"))
        if named in self.sniffers or SEVERAL.isdisjoint(server):
            one = self._choose_one(named, asker)
            if isinstance(one, str):
                return not_sent(one)
            if not merges:
                return one
            selection = Selection((one.name,), {})
        elif user is None or "fanout" not in user.write:
            asker.stats.denials += 1
            return NO_RIGHT
        else:
            selection = Directory(self.sniffers, "none").select(server, user.server, user.servers)
        try:
            return self._gather(asker, frame, action_id, selection, merges=merges)
        except LocalProtocolError as error:
            return not_sent(error.reply_hint)

    def _gather(
        self, asker: Asker, frame: Frame, action_id: bytes | None, selection: Selection, *, merges: bool
    ) -> Gather:
        """Several at once.

        Raises:
            LocalProtocolError: that cannot be; its text is for the asker.
        """
        count = len(selection.found) + len(selection.missing)
        if selection.refusal or not count:
            raise LocalProtocolError(selection.refusal or "Server: names no server")
        if count > self._limits.servers:
            raise LocalProtocolError(f"Server: names {count} servers, at most {self._limits.servers} at once")
        command = parse_command(frame.get(b"Command") or b"") if merges else None
        if command is not None and command.name != "listcalls":
            raise LocalProtocolError(f"Merge: only listcalls can be merged, not {command.name}")
        return Gather(
            asker=asker,
            action_id=action_id,
            sniffers=tuple(self.sniffers[name] for name in selection.found),
            missing=selection.missing,
            timeout_s=self._limits.timeout_s,
            most_bytes=self._limits.reply_bytes,
            merge=command,
        )

    def _choose_one(self, named: str, asker: Asker) -> Sniffer | str:
        """The sniffer for a command, or why there is none."""
        user = asker.user
        bound_to = user.bound_to if user is not None else None
        text = plain(named[:64])
        if not named:
            open_to = [name for name in self.sniffers if bound_to is None or name in bound_to]
            return self.sniffers[open_to[0]] if len(open_to) == 1 else "the action has no Server: header"
        found = self.find(named)
        if bound_to is not None and (found is None or found.name not in bound_to):
            asker.stats.denials += 1
            return f"Server: {text} is not open to this user"
        if found is None:
            return f"server {text} is no sniffer" if self._is_server(named) else f"unknown server {text}"
        return found

    async def _answer(
        self, asker: Asker, asked: Sniffer | Gather, frame: Frame, action_id: bytes | None
    ) -> None:
        server = asked.name if isinstance(asked, Sniffer) else ""
        try:
            answer = await self._answer_of(asker, asked, frame, action_id or b"")
        except Exception:
            get_logger().exception("sniffer_command_failed", sniffer=server)
            answer = sniffer_error(action_id or b"", "internal error", server)
        finally:
            left = self._asking.pop(asker) - 1
            if left:
                self._asking[asker] = left
        asker.late_answer(answer, action_id)

    async def _answer_of(self, asker: Asker, asked: Sniffer | Gather, frame: Frame, original: bytes) -> bytes:
        user, line = asker.user, frame.get(b"Command") or b""
        name, grant = (user.name, user.sniffers) if user is not None else ("", SnifferGrant())
        if isinstance(asked, Gather):
            return await asked.run(lambda one, budget: self.perform(one, line, name, grant, budget))
        outcome = await self.perform(asked, line, name, grant)
        asker.stats.denials += outcome.denied
        if outcome.problem:
            return sniffer_error(original, outcome.problem, asked.name)
        return sniffer_reply(original, outcome.reply, asked.name)

    async def perform(
        self, sniffer: Sniffer, line: bytes, user: str, grant: SnifferGrant, budget: Budget | None = None
    ) -> Outcome:
        """Ask a sniffer something for somebody, and log it.

        Args:
            line: the command as it was written.
            user: for the log.
            grant: what the asker may do and see.
            budget: what the reply counts for, if not for itself alone.
        """
        begun, command, outcome = trio.current_time(), None, Outcome(b"", "given up")
        try:
            command = parse_command(line)
            denial = grant.refusal(command.spec)
            refusal = f"Permission denied: {denial}" if denial else _refusal(command)
            outcome = (
                Outcome(b"", refusal, refused=True, denied=bool(denial))
                if refusal
                else await self._ask(sniffer, command, grant, budget or Budget(self._limits.reply_bytes))
            )
        except LocalProtocolError as error:
            outcome = Outcome(b"", not_sent(error.reply_hint), refused=True)
        finally:
            audit(sniffer, user, command, outcome.problem or "done", len(outcome.reply), begun)
        return attrs.evolve(outcome, problem=shown_problem(outcome.problem, grant))

    async def _ask(self, sniffer: Sniffer, command: Command, grant: SnifferGrant, budget: Budget) -> Outcome:
        hider = hider_for(command, grant)
        async with sniffer.ask(command, unpack=True) as answer:
            reply = await answer.whole(budget)
            if answer.failure is not None:
                budget.give_back(len(reply))
                refused = answer.failure.failure in REFUSALS
                return Outcome(b"", failure_text(answer.failure), refused=refused)
            return Outcome(reply if hider is None else await _hidden(hider, reply))


async def _hidden(hider: Hider, reply: bytes) -> bytes:
    """A whole reply without what is to be hidden; others have a turn between its pieces."""
    shown: list[bytes] = []
    for start in range(0, len(reply), HIDDEN_AT_ONCE):
        shown.append(hider.feed(reply[start : start + HIDDEN_AT_ONCE]))
        await trio.lowlevel.checkpoint()
    return b"".join((*shown, hider.finish()))


def _refusal(command: Command) -> str:
    """Why nobody is given an answer, in full; empty if there is no reason."""
    if command.spec.endless:
        return not_sent(f"{command.name}: its reply has no end, so no action can give it")
    return ""


def _yes(value: bytes | None) -> bool:
    return (value or b"").strip().lower() in TRUE


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

"""Where AddServer and DropServer are carried out: one at a time, by the rules of the configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import trio

from amp.config.checks import cross_problems
from amp.config.drop_ins import DropIns
from amp.config.run_time import read_server, server_table
from amp.config.schema import AsteriskServer, VoipmonitorServer
from amp.core.ami.replies import proxy_reply
from amp.core.proxy_actions.changes import SETTINGS, AddServer, DropServer, ServerChange, added, dropped
from amp.errors import ConfigError
from amp.shell.client import Client
from amp.shell.log import get_logger
from amp.shell.servers import ServerMaker, links_config
from amp.shell.switchboard import Switchboard

__all__ = ["ServerDesk"]

MOST_WAITING: Final = 100
"""Changes of all clients together that may wait for their turn."""

MOST_SERVERS: Final = 1000
"""Each costs descriptors and a journal; whoever needs more has them in the configuration."""

KEY: Final = re.compile("^[a-z_]+")

NOT_FOR_BOUND: Final = "a user bound to servers adds none"
TOO_MANY_WAIT: Final = "too many changes are waiting"
NOWHERE: Final = "Save: amp was started without a configuration file, so there is no place for it"


class _Asked(NamedTuple):
    client: Client
    user: str
    bound_to: frozenset[str] | None
    change: ServerChange
    action_id: bytes | None


class ServerDesk:
    """Lets servers come and go. Await `run` beside the clients.

    Nobody else changes which servers there are, and it does so outside of everybody's callbacks: whatever
    tells of a link or delivers an event is never in the middle of it.

    Args:
        switchboard: where servers are put to work.
        maker: made those that are at work already.
        servers: their configurations.
        sniffers: theirs as of now, for the sake of the names.
        path: the configuration file, beside which servers are saved and from whose folder relative paths
            count; ``None`` if there is none.
        saved: told what the next start will find beside the configuration's own: another server, or by
            name one that is no more.
        follow: told how many more links there may be than at the start, less than none if servers went.
    """

    def __init__(
        self, switchboard: Switchboard, maker: ServerMaker, servers: Sequence[AsteriskServer],
        sniffers: Callable[[], Sequence[VoipmonitorServer]], path: Path | None,
        follow: Callable[[int], None], saved: Callable[[AsteriskServer | str], None],
    ) -> None:  # fmt: skip
        self.servers = {server.name: server for server in servers}
        self._switchboard = switchboard
        self._maker = maker
        self._sniffers = sniffers
        self._folder = path.parent if path else Path()
        self._drop_ins = DropIns(path) if path else None
        self._saved = saved
        self._follow = follow
        self._links_at_start = self._links()
        self._asked, self._due = trio.open_memory_channel[_Asked](MOST_WAITING)
        self._log = get_logger()

    def take(self, client: Client, change: ServerChange, action_id: bytes | None) -> None:
        """A client that may do so wants this; it gets one `Client.late_answer`."""
        user = client.user
        asked = _Asked(client, user.name if user else "", user.bound_to if user else None, change, action_id)
        try:
            self._asked.send_nowait(asked)
        except trio.WouldBlock:
            self._answer(asked, TOO_MANY_WAIT)

    async def run(self) -> None:
        """Carry out what comes; never returns."""
        async for asked in self._due:
            try:
                problem = await self._carry_out(asked)
            except Exception:
                self._log.exception("server_change_failed", name=asked.change.name, user=asked.user)
                problem = "internal error"
            self._answer(asked, problem)

    def _answer(self, asked: _Asked, problem: str) -> None:
        answer = added if isinstance(asked.change, AddServer) else dropped
        response, message = answer(asked.change.name, problem)
        facts = {"name": asked.change.name, "user": asked.user, "address": asked.client.address}
        if problem:
            self._log.warning(
                "server_change_refused", action=type(asked.change).__name__, reason=problem, **facts
            )
        else:
            self._log.info(message.split()[0].decode().lower() + "_server", **facts)
        data = proxy_reply(response, asked.action_id, (b"Message", message))
        asked.client.late_answer(data, asked.action_id)

    async def _carry_out(self, asked: _Asked) -> str:
        """Do it; returns why not, empty if it was done."""
        if isinstance(asked.change, DropServer):
            return await self._drop(asked.change, asked.bound_to)
        if asked.bound_to is not None:
            return NOT_FOR_BOUND
        return await self._add(asked.change)

    async def _add(self, change: AddServer) -> str:
        if len(self.servers) >= MOST_SERVERS:
            return f"there are {MOST_SERVERS} servers already"
        table = server_table({SETTINGS[header]: text for header, text in change.settings.items()})
        others: list[AsteriskServer | VoipmonitorServer] = [*self.servers.values(), *self._sniffers()]
        try:
            # In a thread, since it may read certificates.
            server = await trio.to_thread.run_sync(partial(read_server, table, others, self._folder))
            side = self._maker.make(server)
        except ConfigError as error:
            return _told(error.problems)
        except ValueError as error:
            return str(error)
        if change.save and (problem := await self._save(server, table)):
            self._maker.forget(server.name)
            return problem
        self.servers[server.name] = server
        self._follow(self._links() - self._links_at_start)
        self._switchboard.add_server(side, links_config(server))
        return ""

    async def _save(self, server: AsteriskServer, table: dict[str, object]) -> str:
        if self._drop_ins is None:
            return NOWHERE
        problem = await trio.to_thread.run_sync(self._drop_ins.save, table, cross_problems)
        if not problem:
            self._saved(server)
        return problem

    async def _drop(self, change: DropServer, bound_to: frozenset[str] | None) -> str:
        names = [name for name in self._find(change.name) if bound_to is None or name in bound_to]
        if not names:
            return "Does Not Exist"
        if len(names) > 1:
            return f"the host is that of several servers: {', '.join(names)}"
        (name,) = names
        if change.save:
            if self._drop_ins is None:
                return NOWHERE
            if problem := await trio.to_thread.run_sync(self._drop_ins.remove, name):
                return problem
            self._saved(name)
        self._switchboard.drop_server(name)
        self._maker.forget(name)
        del self.servers[name]
        self._follow(self._links() - self._links_at_start)
        return ""

    def _links(self) -> int:
        return sum(server.max_sessions + 1 for server in self.servers.values())

    def _find(self, text: str) -> list[str]:
        """By name, or by host as ``Server:`` finds them."""
        if text in self.servers:
            return [text]
        wanted = text.lower()
        return [
            name
            for name, server in self.servers.items()
            if wanted in (host.lower() for host in server.addresses)
        ]


def _told(problems: Sequence[str]) -> str:
    """Problems of keys as those of the headers that set them."""
    headers = {key: header for header, key in SETTINGS.items()} | {"hosts": "Host"}
    return "; ".join(KEY.sub(lambda match: headers.get(match[0], match[0]), text, 1) for text in problems)

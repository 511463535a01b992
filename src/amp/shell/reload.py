"""SIGHUP: read the configuration again and take over what can change while amp runs.

In two steps, so that a bad file changes nothing: first everything that can fail is prepared, by all parts;
only if nobody had a problem do all of them carry it out. What cannot change is told, and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from amp.config.advice import advice
from amp.config.load import load
from amp.config.schema import AsteriskServer, Config, VoipmonitorServer, key_of
from amp.errors import ConfigError
from amp.shell.log import get_logger

__all__ = ["Outcome", "Reloadable", "Reloader", "needs_restart", "running_with"]

Servers = tuple[AsteriskServer | VoipmonitorServer, ...]

Reloadable = Callable[[Config], Callable[[], None]]
"""A part that follows the configuration. It is called with the one that is to come, does whatever can fail
(read files, make contexts) and changes nothing; what it returns is then called and must not fail.

Raises ``OSError`` or ``ValueError``, with a text for the log, if it cannot follow."""

FOLLOWED_LIMITS: Final = (
    "outlet_bytes",
    "stall_timeout_s",
    "slowest_bytes_per_second",
    "journal_age_s",
    "order_hold_bytes",
    "login_timeout_s",
    "connections",
    "connections_per_address",
    "connections_per_user",
    "strangers",
    "login_failures",
    "login_failures_within_s",
    "login_delay_s",
    "ban_s",
    "exempt",
    "actions_per_second",
    "user_actions_per_second",
    "line_bytes",
    "headers",
    "drain_timeout_s",
    "http_request_timeout_s",
    "http_idle_timeout_s",
    "http_body_bytes",
    "http_requests",
    "http_sessions",
    "http_session_timeout_s",
    "http_session_bytes",
    "http_login_timeout_s",
)
"""Of ``[limits]``: those that are asked for anew at each connection. The router, the journals and the links
have the others for good."""

RELOADED_PROXY: Final = ("proxy_key", "proxy_key_user", "anonymous_user")
"""Of ``[proxy]``: what says who clients are."""

FIXED_SECTIONS: Final = ("listen", "server", "database", "simulate")


def needs_restart(running: Config, wanted: Config) -> Iterator[str]:
    """The paths of what differs and cannot change while amp runs.

    Args:
        running: what amp runs with, with the servers that it is known to find in the files.
        wanted: what the files say now.
    """
    for field in attrs.fields(type(running.proxy)):
        if field.name not in RELOADED_PROXY and _differ(running.proxy, wanted.proxy, field.name):
            yield f"proxy.{key_of(field.name)}"
    for section in FIXED_SECTIONS:
        same_servers = section == "server" and not _servers_differ(running.server, wanted.server)
        if _differ(running, wanted, section) and not same_servers:
            yield section
    for field in attrs.fields(type(running.limits)):
        if field.name not in FOLLOWED_LIMITS and _differ(running.limits, wanted.limits, field.name):
            yield f"limits.{key_of(field.name)}"


def running_with(running: Config, wanted: Config) -> Config:
    """The configuration after a reload: the wanted one, but for what needs a restart."""
    limits = {name: getattr(wanted.limits, name) for name in FOLLOWED_LIMITS}
    reloaded = {name: getattr(wanted.proxy, name) for name in RELOADED_PROXY}
    return attrs.evolve(
        running,
        proxy=attrs.evolve(running.proxy, **reloaded),
        user=wanted.user,
        metrics=wanted.metrics,
        limits=attrs.evolve(running.limits, **limits),
        log=wanted.log,
    )


def _servers_differ(ones: Servers, others: Servers) -> bool:
    """Their order means nothing but for the first, which is the default."""
    first = [servers[0].name if servers else "" for servers in (ones, others)]
    return {one.name: one for one in ones} != {one.name: one for one in others} or first[0] != first[1]


def _differ(one: object, other: object, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


@attrs.frozen
class Outcome:
    """What came of a reload.

    Attributes:
        problems: why nothing was changed, one sentence each; none if the file was taken over.
        restart_needed: what differs in the file and goes on as it was.
        advice: what is allowed there and probably not meant.
    """

    problems: tuple[str, ...] = ()
    restart_needed: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


@attrs.define
class Reloader:
    """Reads the file and tells the parts.

    Attributes:
        path: the file; ``None`` if there is none, then a reload is refused.
        config: what amp runs with.
        parts: everybody who follows it, in the order in which they carry it out.
        read_timeout_s: seconds that reading the file may take.
        servers: those that stand in the files, as far as amp knows: it writes some itself.
    """

    path: Path | None
    config: Config
    parts: list[Reloadable] = attrs.field(factory=list)
    read_timeout_s: float = 10.0
    servers: Servers = attrs.field(
        default=attrs.Factory(lambda self: self.config.server, takes_self=True), init=False
    )
    _log: Any = attrs.field(factory=get_logger, init=False)
    _turn: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    async def reload(self) -> Outcome:
        """Take over what can change, one reload after the other; the log says what came of it, too."""
        async with self._turn:
            return await self._reload()

    async def _reload(self) -> Outcome:
        try:
            if self.path is None:
                raise ConfigError("amp", ["was started without a configuration file"])
            wanted = await self._read(self.path)
            problems, steps = self._prepare(running_with(self.config, wanted))
        except ConfigError as error:
            wanted, problems, steps = self.config, list(error.problems), []
        if problems:
            self._refuse(problems)
            return Outcome(tuple(problems))
        restart = list(needs_restart(attrs.evolve(self.config, server=self.servers), wanted))
        self.config = running_with(self.config, wanted)
        for step in steps:
            step()
        return self._tell(restart)

    def follow_saved(self, server: AsteriskServer | str) -> None:
        """AddServer has saved one, which runs already; or DropServer has removed the one of this name."""
        name = server if isinstance(server, str) else server.name
        others = tuple(one for one in self.servers if one.name != name)
        self.servers = others if isinstance(server, str) else (*others, server)

    async def _read(self, path: Path) -> Config:
        """Read and check the file in a thread, which is left behind if the file keeps it (a FIFO, say).

        Raises:
            ConfigError: what is wrong with it, or that it could not be read in time.
        """
        with trio.move_on_after(self.read_timeout_s):
            return await trio.to_thread.run_sync(load, path, abandon_on_cancel=True)
        raise ConfigError(str(path), [f"could not be read within {self.read_timeout_s:g} s"])

    def _prepare(self, wanted: Config) -> tuple[list[str], list[Callable[[], None]]]:
        problems, steps = [], []
        for part in self.parts:
            try:
                steps.append(part(wanted))
            except (OSError, ValueError) as error:
                problems.append(str(error))
        return problems, steps

    def _refuse(self, problems: list[str]) -> None:
        for problem in problems:
            self._log.error("reload_problem", file=str(self.path), problem=problem)
        self._log.error("reload_refused", file=str(self.path), problems=len(problems))

    def _tell(self, restart: list[str]) -> Outcome:
        if restart:
            self._log.warning("restart_needed", changed=restart)
        doubtful = advice(self.config)
        for sentence in doubtful:
            self._log.warning("advice", about=sentence)
        self._log.info("reloaded", file=str(self.path))
        return Outcome((), tuple(restart), doubtful)

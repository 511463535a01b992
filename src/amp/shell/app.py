"""From a configuration to a running proxy, and to its orderly end.

With `amp.shell.servers` and `amp.shell.sniffer_setup` the only place that turns configuration into core
objects.
"""

from __future__ import annotations

import gc
import os
import random
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import attrs
import trio

from amp.config.advice import advice
from amp.config.descriptors import SPARE_DESCRIPTORS, server_descriptors
from amp.config.formats import installed
from amp.config.schema import AsteriskServer, Config, Proxy
from amp.config.schema import User as ConfiguredUser
from amp.config.secret import Secret
from amp.core.admission.limits import AdmissionLimits
from amp.core.ami.auth import User
from amp.core.ami.ids import ActionIds
from amp.core.ami.renewal import Membership
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.hub import Hub
from amp.core.fanout.view import ViewKey
from amp.core.formats.registry import Formats
from amp.core.http.event_stream import EVENT_STREAM
from amp.core.policy.authorise import Policy
from amp.core.policy.calls.call_filter import BRIDGES, CDRS, TRANSFERS, VARIABLES, CallFilter
from amp.core.policy.calls.own_calls import OwnCalls
from amp.core.policy.event_filter import EventFilter
from amp.core.router import Router
from amp.core.routing.settings import RouterLimits
from amp.core.voipmonitor.rights import SnifferGrant
from amp.core.ws.formats import WEBSOCKET_FORMATS
from amp.shell import hangup, log
from amp.shell.activation import InheritedSockets
from amp.shell.catching_up import let_age
from amp.shell.console.desk import ConsoleDesk
from amp.shell.console.listening import serve_console
from amp.shell.descriptors import descriptor_limit, raise_limit
from amp.shell.doors import Doors
from amp.shell.entrance import Entrance
from amp.shell.http.setup import fill_site
from amp.shell.http.site import Site
from amp.shell.listener import open_listeners
from amp.shell.members import Members
from amp.shell.overview import Overview
from amp.shell.reload import Outcome, Reloadable, Reloader
from amp.shell.secret_checks import SecretChecks
from amp.shell.server_desk import ServerDesk
from amp.shell.servers import ServerMaker, links_config
from amp.shell.service_manager import ServiceManager
from amp.shell.sniffers import Sniffers
from amp.shell.switchboard import Switchboard
from amp.shell.tracing import DEBUG, Tracing
from amp.shell.unison import write_to_all

__all__ = ["App", "run"]

SHUTTING_DOWN = b"ProxyMessage: Proxy Shutting Down\r\n\r\n"


def run(config: Config, path: Path | None = None, tracing: Tracing | None = None) -> int:
    """Run the proxy until a signal ends it.

    Args:
        config: what to run.
        path: where it came from; read again at SIGHUP.
        tracing: what to tell beyond the configured log.

    Returns:
        The process's exit code: 0 stopped on request, 1 it could not listen or not open its log.
    """
    code = 0
    raise_limit()
    try:
        tracing = tracing or Tracing()
        logging = log.Logging(config.log, path, debug=tracing.level >= DEBUG)
        app = App(config, path, tracing=tracing)
        app.reloadables.append(lambda config: logging.follow(config.log))
        with closing(logging):
            trio.run(app.run)
    except* OSError as group:
        code = 1
        for error in _leaves(group):
            log.get_logger().error("cannot_start", error=str(error))
    return code


def _leaves(group: BaseExceptionGroup[OSError]) -> Iterator[OSError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


class App:
    """One amp: everything a configuration asks for, wired together.

    Args:
        config: what it asks for.
        path: where it came from.
        formats: those that clients can have; what is installed if not given.

    Attributes:
        members: who clients can be.
        entrance: takes connections.
        secret_checks: looks at secrets that are kept as hashes.
        hub: where the events of all servers meet their clients.
        site: what is offered by HTTP; whoever adds to it does so before `run`.
        overview: what the console and HTTP show.
    """

    def __init__(
        self,
        config: Config,
        path: Path | None = None,
        formats: Formats | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing or Tracing()
        self.formats = formats or installed()[0]
        formats = Formats((*self.formats, *WEBSOCKET_FORMATS, EVENT_STREAM))
        self.hub = Hub(formats, self._on_failed_format, write_to_all)
        self.members = Members(_membership(config))
        self.entrance = Entrance(_admission_limits(config))
        self._reloader = Reloader(path, config)
        self.secret_checks = SecretChecks(lambda: self.config.limits.login_timeout_s)
        self._started = 0.0
        self._more_links = self._sensor_links = 0
        self._told_connections = 0
        self._board: Switchboard | None = None
        self._asterisks: Mapping[str, AsteriskServer] = {}
        self._sniffers = Sniffers(config, lambda: self._asterisks.values(), self._follow_sensors)
        self.site = Site()
        self.overview = Overview(
            name=lambda: self.config.proxy.name,
            board=lambda: self._board,
            entrance=self.entrance,
            site=self.site,
        )
        fill_site(self.overview, lambda: self.config, self.formats, self.members, lambda: self._sniffers.desk)
        self._manager = ServiceManager(os.environ)
        self._log = log.get_logger()

    @property
    def config(self) -> Config:
        """What amp runs with; a reload replaces it."""
        return self._reloader.config

    @property
    def reloadables(self) -> list[Reloadable]:
        """Everybody who follows a reload; whoever has something that can change adds itself."""
        return self._reloader.parts

    async def run(self, *, task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until SIGTERM or SIGINT; a second signal ends it at once.

        ``started`` gets the addresses that clients can connect to, as ``HOST:PORT``.
        """
        self._started = trio.current_time()
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with self._simulated() as simulated, trio.open_nursery() as everything:
                switchboard = self._switchboard((*self.config.asterisks, *simulated), everything)
                everything.start_soon(switchboard.mind_deadlines)
                everything.start_soon(self._manager.mind_watchdog)
                everything.start_soon(let_age, self.hub, lambda: self.config.limits.journal_age_s)
                switchboard.desk = await self._sniffers.start(switchboard.hub, everything)
                switchboard.carry_out(switchboard.router.start(trio.current_time()))
                self.reloadables.extend((partial(self._follow_users, switchboard), self._follow_limits))
                await everything.start(self._mind_reloads)
                await everything.start(self._serve_console, switchboard)
                self._give_advice()
                await self._serve(switchboard, signals, task_status)
                everything.cancel_scope.cancel()

    @asynccontextmanager
    async def _simulated(self) -> AsyncIterator[tuple[AsteriskServer, ...]]:
        """The servers of the simulated fleet, which runs as long as the block."""
        if self.config.simulate is None:
            yield ()
            return
        from amp.sim.fleet import serve_fleet  # only who simulates pays for it

        async with trio.open_nursery() as nursery:
            yield tuple(
                AsteriskServer(
                    name=sim.name,
                    host=sim.host,
                    port=sim.port,
                    username=sim.username,
                    secret=Secret(sim.secret),
                )
                for sim in await nursery.start(serve_fleet, self.config.simulate)
            )
            nursery.cancel_scope.cancel()

    async def _serve(
        self, switchboard: Switchboard, signals: AsyncIterator[int], task_status: trio.TaskStatus[list[str]]
    ) -> None:
        async with trio.open_nursery() as sessions:
            doors = self._doors(switchboard)
            for service in doors.site.services:
                await sessions.start(service)
            async with trio.open_nursery() as intake:
                addresses = []
                inherited = InheritedSockets(os.environ)
                for index, listen in enumerate(self.config.listen):
                    listeners = await open_listeners(listen, inherited)
                    addresses += listeners.addresses
                    gate = doors.gate(index, listen)
                    handler = doors.handler(gate, listen)
                    on_shortage = partial(self.entrance.on_shortage, gate.refusal)
                    await intake.start(listeners.serve, handler, sessions, on_shortage)
                if unused := inherited.close_rest():
                    self._log.warning("unused_sockets", names=unused)
                _let_garbage_collector_rest()
                self._log.info("ready", name=self.config.proxy.name, listen=addresses)
                self._manager.ready(f"listening on {', '.join(addresses)}")
                task_status.started(addresses)
                number = await anext(signals)
                self._log.info("stopping", signal=signal.Signals(number).name)
                self._manager.stopping()
                intake.cancel_scope.cancel()
            self._say_goodbye(switchboard, doors.site)
            sessions.start_soon(self._end_at_second_signal, signals, sessions.cancel_scope)
            with trio.move_on_after(self.config.limits.drain_timeout_s):
                while switchboard.clients:
                    await switchboard.client_left()
                await doors.site.drained()
            sessions.cancel_scope.cancel()
        self._log.info("stopped")

    def _doors(self, switchboard: Switchboard) -> Doors:
        return Doors(
            config=lambda: self.config,
            members=self.members,
            entrance=self.entrance,
            switchboard=switchboard,
            reloadables=self.reloadables,
            started=self._started,
            formats=self.formats,
            secret_checks=self.secret_checks,
            tracing=self._tracing,
            site=self.site,
        )

    def _say_goodbye(self, switchboard: Switchboard, site: Site) -> None:
        switchboard.carry_out(switchboard.router.shutdown())
        site.close()
        for client in list(switchboard.clients.values()):
            client.send(SHUTTING_DOWN)
            client.close_soon("proxy shutting down")

    async def _end_at_second_signal(self, signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        await anext(signals)
        self._log.warning("stopping_at_once")
        scope.cancel()

    async def _mind_reloads(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Reload at each SIGHUP; never returns."""
        with trio.open_signal_receiver(signal.SIGHUP) as signals:
            task_status.started()
            if hangup.was_held():
                await self._reload()
            async for _ in signals:
                await self._reload()

    async def _reload(self) -> Outcome:
        self._manager.reloading()
        outcome = await self._reloader.reload()
        self._manager.ready("reload refused: the log says why" if outcome.problems else "reloaded")
        return outcome

    async def _serve_console(
        self, switchboard: Switchboard, *, task_status: trio.TaskStatus[Path | None]
    ) -> None:
        desk = ConsoleDesk(overview=self.overview, board=switchboard, reload=self._reload)
        folder = self._reloader.path.parent if self._reloader.path else Path()
        await serve_console(desk, self.config.proxy.control, folder, os.environ, task_status=task_status)

    def _follow_users(self, switchboard: Switchboard, config: Config) -> Callable[[], None]:
        new = _membership(config)

        def follow() -> None:
            switchboard.hub.remember_calls(always=_follows_calls(new))
            self.members.replace(new, list(switchboard.clients.values()))

        return follow

    def _follow_limits(self, config: Config) -> Callable[[], None]:
        """Who is in stays in; outlets and readers keep the limits that they began with."""
        limits = _admission_limits(config, self._more_links + self._sensor_links)
        return partial(setattr, self.entrance.admission, "limits", limits)

    def _follow_links(self, more: int) -> None:
        """Servers came and went: their links leave another number of descriptors for clients."""
        self._more_links = more
        self._follow_limits(self.config)()

    def _follow_sensors(self, links: int) -> None:
        """The same of the sensors that the database names now."""
        self._sensor_links = links
        self._follow_limits(self.config)()
        self._tell_shortage()

    def _tell_shortage(self) -> None:
        """Once for each number of connections there is room for."""
        wanted, possible = self.config.limits.connections, self.entrance.admission.limits.connections
        if wanted > possible != self._told_connections:
            self._log.warning("few_descriptors", connections=possible, configured=wanted)
        self._told_connections = possible

    def _give_advice(self) -> None:
        for sentence in advice(self.config):
            self._log.warning("advice", about=sentence)
        self._tell_shortage()

    def _switchboard(self, servers: tuple[AsteriskServer, ...], nursery: trio.Nursery) -> Switchboard:
        ids = ActionIds(secrets.token_hex(4).encode())
        router = Router(
            ids,
            {server.name: links_config(server) for server in servers},
            default_server=self.config.proxy.default_server,
            limits=self._router_limits(),
            jitter=random.random,
        )
        self.hub.remember_calls(always=_follows_calls(_membership(self.config)))
        maker = ServerMaker(
            hub=self.hub,
            ids=ids,
            config=lambda: self.config,
            reloadables=self.reloadables,
            tracing=self._tracing,
        )
        sides = {server.name: maker.make(server) for server in servers}
        self._board = switchboard = Switchboard(router, self.hub, sides, ids, nursery)
        desk = ServerDesk(
            switchboard,
            maker,
            servers,
            self._sniffers.servers,
            self._reloader.path,
            self._follow_links,
            self._reloader.follow_saved,
        )
        self._asterisks = desk.servers
        switchboard.change_servers = desk.take
        nursery.start_soon(desk.run)
        return switchboard

    def _on_failed_format(self, view: ViewKey, error: Exception) -> None:
        self._log.error("format_failed", format=view.format, exc_info=error)

    def _router_limits(self) -> RouterLimits:
        limits = self.config.limits
        return RouterLimits(
            actions_per_client=limits.actions_per_client,
            actions_per_server=limits.actions_per_server,
            action_timeout_s=limits.action_timeout_s,
            order_hold_s=limits.order_hold_s,
            fanout_timeout_s=limits.fanout_timeout_s,
            fanout_servers=limits.fanout_servers,
            fanout_bytes=limits.fanout_bytes,
        )


def _membership(config: Config) -> Membership:
    users = {user.name: _user(user) for user in config.user}
    return Membership(
        users=users.values(),
        key_user=_key_user(config.proxy, users),
        anonymous=_anonymous_user(config.proxy, users),
    )


def _admission_limits(config: Config, more_links: int = 0) -> AdmissionLimits:
    """As configured, but for no more connections than there are descriptors for.

    Args:
        more_links: those of servers that came at run time, without those of servers that went.
    """
    limits = config.limits
    links = more_links + server_descriptors(config)
    room = max(1, descriptor_limit() - SPARE_DESCRIPTORS - links)
    return AdmissionLimits(
        connections=min(limits.connections, room),
        connections_per_address=limits.connections_per_address,
        connections_per_user=limits.connections_per_user,
        strangers=limits.strangers,
        login_failures=limits.login_failures,
        login_failures_within_s=limits.login_failures_within_s,
        login_delay_s=limits.login_delay_s,
        ban_s=limits.ban_s,
        actions_per_second=limits.actions_per_second,
        user_actions_per_second=limits.user_actions_per_second,
        exempt=tuple(ip_network(text) for text in limits.exempt),
    )


def _user(user: ConfiguredUser) -> User:
    event_filter, _ = EventFilter.from_settings(user.eventfilter)
    return User(
        name=user.name,
        secret=user.secret.reveal() if user.secret else b"",
        secret_hash=user.secret_hash.reveal() if user.secret_hash else "",
        read=user.read,
        policy=_policy(user),
        event_filter=event_filter,
        calls=_calls(user),
        server=user.server,
        servers=user.servers,
        input_format=user.input_format,
        output_format=user.output_format,
        autofilter=Autofilter.of(user.autofilter) if user.autofilter else None,
        sniffers=SnifferGrant.of(_sniffer_words(user), admin="admin" in user.write),
        on_server_loss=user.on_server_loss,
        slow_client=user.slow_client,
    )


def _sniffer_words(user: ConfiguredUser) -> tuple[str, ...] | None:
    """Sniffers know everybody's calls: who has channels of its own is shown none unless it is said."""
    if user.sniffer_commands is None and (user.channel or user.in_context):
        return ()
    return user.sniffer_commands


def _policy(user: ConfiguredUser) -> Policy:
    """What a user may do. Its own context is the one that its ``contexts`` are if nothing else is said."""
    contexts = user.contexts
    if contexts is None and user.out_context is not None:
        contexts = (user.out_context,)
    own = OwnCalls(
        channel=(user.channel or "").lower().encode(),
        out_context=(user.out_context or "").encode(),
        account=(user.account or "").encode(),
        filter_local=user.filter_local,
    )
    restricts = own.fences or own.account
    return Policy(write=user.write, contexts=contexts, commands=user.commands, own=own if restricts else None)


def _calls(user: ConfiguredUser) -> CallFilter | None:
    """What a user sees of the events, beside its classes and event filters."""
    only = [(user.cdronly, CDRS), (user.brionly, BRIDGES), (user.xfronly, TRANSFERS)]
    calls = CallFilter(
        channel=(user.channel or "").encode(),
        in_context=(user.in_context or "").encode(),
        more_events=user.more_events,
        only=frozenset[bytes]().union(*(names for wanted, names in only if wanted)),
        hidden=VARIABLES if user.novar else frozenset(),
        account=(user.account or "").encode(),
    )
    return calls or None


def _follows_calls(membership: Membership) -> bool:
    """Whether anybody sees their own calls only, so that the others must be known."""
    everybody = [*membership.users.values(), membership.key_user, membership.anonymous]
    return any(user is not None and user.calls and user.calls.follows_calls for user in everybody)


def _key_user(proxy: Proxy, users: Mapping[str, User]) -> User | None:
    """Who comes in by the proxy key: reads all and writes nothing, unless a user is named."""
    if proxy.proxy_key is None:
        return None
    user = users[proxy.proxy_key_user] if proxy.proxy_key_user else User(name="proxy key")
    return attrs.evolve(user, secret=proxy.proxy_key.reveal())


def _anonymous_user(proxy: Proxy, users: Mapping[str, User]) -> User | None:
    """Who everybody is that has not logged in; the same holds for it."""
    if proxy.authentication == "required":
        return None
    return users[proxy.anonymous_user] if proxy.anonymous_user else User(name="anonymous")


def _let_garbage_collector_rest() -> None:
    """What is there when all is set up stays, and need not be gone through again and again."""
    gc.collect()
    gc.freeze()

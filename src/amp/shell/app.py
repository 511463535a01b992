"""From a configuration to a running proxy, and to its orderly end.

The only file that turns configuration into core objects.
"""

from __future__ import annotations

import itertools
import random
import secrets
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio

from amp.config.schema import AsteriskServer, Config, Proxy
from amp.config.schema import User as ConfiguredUser
from amp.config.secret import Secret
from amp.core.ami.auth import Accounts, User
from amp.core.ami.framing import ActionReader
from amp.core.ami.ids import ActionIds
from amp.core.ami.session import ClientSession
from amp.core.ami.upstream import UpstreamConnection
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.hub import Hub
from amp.core.fanout.journal import Journal
from amp.core.policy.authorise import Policy
from amp.core.policy.event_filter import EventFilter
from amp.core.router import Router
from amp.core.routing.commands import LinkRole, OpenLink
from amp.core.routing.settings import LinksConfig, RouterLimits
from amp.core.stats import ServerStats
from amp.shell import log
from amp.shell.client import Client
from amp.shell.link import LinkSettings
from amp.shell.listener import address_text, open_listeners, serve
from amp.shell.outlet import OutletLimits
from amp.shell.switchboard import ServerSide, Switchboard
from amp.shell.wire import PlainWire

__all__ = ["App", "run"]

SHUTTING_DOWN = b"ProxyMessage: Proxy Shutting Down\r\n\r\n"


def run(config: Config) -> int:
    """Run the proxy until a signal ends it.

    Returns:
        The process's exit code: 0 stopped on request, 1 it could not listen.
    """
    log.configure(config.log.level, config.log.format)
    code = 0
    try:
        trio.run(App(config).run)
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
    """One amp: everything a configuration asks for, wired together."""

    def __init__(self, config: Config) -> None:
        self.config = config
        users = {user.name: _user(user) for user in config.user}
        self.accounts = Accounts(users.values(), _key_user(config.proxy, users))
        self.anonymous = _anonymous_user(config.proxy, users)
        self._numbers = itertools.count(1)
        self._started = 0.0
        self._log = log.get_logger()

    async def run(self, *, task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until SIGTERM or SIGINT; a second signal ends it at once.

        ``started`` gets the addresses that clients can connect to, as ``HOST:PORT``.
        """
        self._started = trio.current_time()
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with self._simulated() as simulated, trio.open_nursery() as everything:
                switchboard = self._switchboard((*self.config.server, *simulated), everything)
                everything.start_soon(switchboard.mind_deadlines)
                switchboard.carry_out(switchboard.router.start(trio.current_time()))
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
            async with trio.open_nursery() as intake:
                addresses = []
                for listen in self.config.listen:
                    listeners = await open_listeners(listen.address, listen.port)
                    addresses += [address_text(each.socket.getsockname()) for each in listeners]
                    handler = partial(self._handle, switchboard)
                    await intake.start(serve, listeners, handler, sessions)
                self._log.info("ready", name=self.config.proxy.name, listen=addresses)
                task_status.started(addresses)
                number = await anext(signals)
                self._log.info("stopping", signal=signal.Signals(number).name)
                intake.cancel_scope.cancel()
            self._say_goodbye(switchboard)
            sessions.start_soon(self._end_at_second_signal, signals, sessions.cancel_scope)
            with trio.move_on_after(self.config.limits.drain_timeout_s):
                while switchboard.clients:
                    await switchboard.client_left()
            sessions.cancel_scope.cancel()
        self._log.info("stopped")

    def _say_goodbye(self, switchboard: Switchboard) -> None:
        switchboard.carry_out(switchboard.router.shutdown())
        for client in list(switchboard.clients.values()):
            client.send(SHUTTING_DOWN)
            client.close_soon("proxy shutting down")

    async def _end_at_second_signal(self, signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        await anext(signals)
        self._log.warning("stopping_at_once")
        scope.cancel()

    async def _handle(self, switchboard: Switchboard, stream: trio.SocketStream) -> None:
        """One accepted connection."""
        wire = PlainWire(stream.socket)
        limits = self.config.limits
        if len(switchboard.clients) >= limits.connections:
            self._log.warning("connection_refused", reason="too many connections", limit=limits.connections)
            wire.close()
            return
        address = address_text(stream.socket.getpeername())
        client = Client(
            next(self._numbers),
            wire,
            address,
            self._session(switchboard),
            switchboard,
            self._outlet_limits(),
            switchboard.crowd,
        )
        switchboard.add_client(client)
        try:
            await client.run()
        finally:
            switchboard.remove_client(client)

    def _session(self, switchboard: Switchboard) -> ClientSession:
        limits = self.config.limits
        return ClientSession(
            greeting=self.config.proxy.greeting.encode(),
            authenticator=self.accounts,
            challenge=str(secrets.randbelow(900_000_000) + 100_000_000).encode(),
            login_timeout_s=limits.login_timeout_s,
            now=trio.current_time(),
            started=self._started,
            anonymous=self.anonymous,
            autofilter=Autofilter[self.config.proxy.autofilter.upper()],
            world=switchboard.world,
            reader=ActionReader(limits.line_bytes, limits.headers),
        )

    def _outlet_limits(self) -> OutletLimits:
        limits = self.config.limits
        return OutletLimits(
            outlet_bytes=limits.outlet_bytes,
            stall_timeout=limits.stall_timeout_s,
            order_hold_bytes=limits.order_hold_bytes,
        )

    def _switchboard(self, servers: tuple[AsteriskServer, ...], nursery: trio.Nursery) -> Switchboard:
        ids = ActionIds(secrets.token_hex(4).encode())
        router = Router(
            ids,
            {server.name: _links_config(server) for server in servers},
            default_server=self.config.proxy.default_server,
            limits=self._router_limits(),
            jitter=random.random,
        )
        hub = Hub()
        sides = {server.name: self._server_side(server, hub, ids) for server in servers}
        return Switchboard(router, hub, sides, ids, nursery)

    def _router_limits(self) -> RouterLimits:
        limits = self.config.limits
        return RouterLimits(
            actions_per_client=limits.actions_per_client,
            actions_per_server=limits.actions_per_server,
            action_timeout_s=limits.action_timeout_s,
            order_hold_s=limits.order_hold_s,
        )

    def _server_side(self, server: AsteriskServer, hub: Hub, ids: ActionIds) -> ServerSide:
        epoch = secrets.token_hex(6).encode()
        stats = ServerStats()
        hub.add_server(server.name.encode(), epoch, Journal(self.config.limits.journal_bytes), stats)
        settings = LinkSettings(
            host=server.host,
            port=server.port,
            connect_timeout_s=server.connect_timeout_s,
            connection=partial(self._connection, server, ids),
            limits=attrs.evolve(self._outlet_limits(), stall_timeout=server.keepalive_s * 3),
        )
        return ServerSide(server.name, epoch, settings, stats, server.username, server.events)

    def _connection(
        self, server: AsteriskServer, ids: ActionIds, command: OpenLink, now: float
    ) -> UpstreamConnection:
        return UpstreamConnection(
            username=server.username,
            secret=server.secret.reveal(),
            events=server.events if command.role is LinkRole.EVENTS else "off",
            own_prefix=b"own-" + ids.prefix,
            keepalive_s=server.keepalive_s,
            login_timeout_s=server.login_timeout_s,
            max_frame_bytes=self.config.limits.max_frame_bytes,
            now=now,
        )


def _user(user: ConfiguredUser) -> User:
    event_filter, _ = EventFilter.from_settings(user.eventfilter)
    return User(
        name=user.name,
        secret=user.secret.reveal(),
        read=user.read,
        policy=Policy(write=user.write, contexts=user.contexts, commands=user.commands),
        event_filter=event_filter,
        server=user.server,
        servers=user.servers,
    )


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


def _links_config(server: AsteriskServer) -> LinksConfig:
    return LinksConfig(
        name=server.name,
        host=server.host,
        sessions=server.sessions,
        max_sessions=server.max_sessions,
        idle_s=server.idle_timeout_s,
        backoff_first_s=server.reconnect_first_s,
        backoff_cap_s=server.reconnect_max_s,
    )

"""The shell's side of each server, made from its configuration."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

import attrs

from amp.config.certificates import client_context
from amp.config.schema import AsteriskServer, Config, Limits
from amp.core.ami.ids import ActionIds
from amp.core.ami.upstream import UpstreamConnection
from amp.core.fanout.hub import Hub
from amp.core.fanout.journal import Journal
from amp.core.routing.commands import LinkRole, OpenLink
from amp.core.routing.settings import LinksConfig
from amp.core.stats import ServerStats
from amp.shell.contexts import ReloadableContext
from amp.shell.link import LinkSettings
from amp.shell.outlet import OutletLimits
from amp.shell.reach import Reach
from amp.shell.reload import Reloadable
from amp.shell.server_side import ServerSide
from amp.shell.tracing import Tracing

__all__ = ["ServerMaker", "links_config", "outlet_limits"]


@attrs.define(kw_only=True, eq=False)
class ServerMaker:
    """Makes server sides, and makes them known to the hub.

    Attributes:
        hub: knows each server from `make` to `forget`.
        ids: how our ActionIDs look.
        config: the configuration of today.
        reloadables: who follows a reload; servers with certificates join.
        tracing: what is told of the links.
    """

    hub: Hub
    ids: ActionIds
    config: Callable[[], Config]
    reloadables: list[Reloadable]
    tracing: Tracing = attrs.field(factory=Tracing)
    _followers: dict[str, Reloadable] = attrs.field(factory=dict, init=False)

    def make(self, server: AsteriskServer) -> ServerSide:
        """The side of a server that is not known yet.

        Raises:
            ValueError: its certificates cannot be used; with what and why. Nothing was changed.
        """
        epoch = secrets.token_hex(6).encode()
        stats, limits = ServerStats(), self.config().limits
        settings = LinkSettings(
            reach=self._reach(server),
            connection=partial(self._connection, server),
            limits=attrs.evolve(outlet_limits(limits), stall_timeout=server.keepalive_s * 3),
            stats=stats,
            tracing=self.tracing,
        )
        self.hub.add_server(server.name.encode(), epoch, Journal(limits.journal_bytes), stats)
        return ServerSide(server.name, epoch, settings, stats, server.username, server.events)

    def forget(self, name: str) -> None:
        """The server is gone: nothing is told of it any more, and its certificates are nobody's."""
        self.hub.remove_server(name.encode())
        if (follower := self._followers.pop(name, None)) is not None:
            self.reloadables.remove(follower)

    def _reach(self, server: AsteriskServer) -> Reach:
        context = None
        if server.tls != "off":
            build = partial(client_context, server.ca, verify=server.tls == "verify")
            context = ReloadableContext(build, f"server {server.name}")
            self._followers[server.name] = follower = partial(_prepare, context)
            self.reloadables.append(follower)
        return Reach(
            hosts=server.addresses,
            port=server.port,
            timeout_s=server.connect_timeout_s,
            context=context,
            server_name=server.server_name,
        )

    def _connection(self, server: AsteriskServer, command: OpenLink, now: float) -> UpstreamConnection:
        return UpstreamConnection(
            username=server.username,
            secret=server.secret.reveal(),
            events=server.events if command.role is LinkRole.EVENTS else "off",
            own_prefix=b"own-" + self.ids.prefix,
            keepalive_s=server.keepalive_s,
            login_timeout_s=server.login_timeout_s,
            max_frame_bytes=self.config().limits.max_frame_bytes,
            now=now,
        )


def _prepare(context: ReloadableContext, _: Config) -> Callable[[], None]:
    return context.prepare()


def outlet_limits(limits: Limits) -> OutletLimits:
    """Those of a client's output; a link's has its own patience."""
    return OutletLimits(
        outlet_bytes=limits.outlet_bytes,
        stall_timeout=limits.stall_timeout_s,
        slowest_bytes_per_second=limits.slowest_bytes_per_second,
        order_hold_bytes=limits.order_hold_bytes,
    )


def links_config(server: AsteriskServer) -> LinksConfig:
    """What the router has to know of a server."""
    return LinksConfig(
        name=server.name,
        hosts=server.addresses,
        sessions=server.sessions,
        max_sessions=server.max_sessions,
        idle_s=server.idle_timeout_s,
        backoff_first_s=server.reconnect_first_s,
        backoff_cap_s=server.reconnect_max_s,
    )

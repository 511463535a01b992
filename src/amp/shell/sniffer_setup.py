"""From the configuration to sniffers; with `amp.shell.app` the only place that turns one into the other."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

import attrs

from amp.config.schema import Config, Listen, VoipmonitorServer
from amp.config.sniffers import NO_CIPHER
from amp.core.ami.auth import User
from amp.core.fanout.hub import Hub
from amp.core.fanout.journal import Journal
from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.exchange import ExchangeLimits
from amp.core.voipmonitor.key_forms import from_base64
from amp.core.voipmonitor.pool import Pool, PoolLimits
from amp.core.voipmonitor.watch import Watch, WatchTimes
from amp.core.voipmonitor.watch_events import WatchEvents
from amp.shell.database_thread import DatabaseThread
from amp.shell.gui_database import GuiDatabase
from amp.shell.outlet import OutletLimits
from amp.shell.sniffer import Sniffer
from amp.shell.sniffer_desk import DeskLimits, SnifferDesk
from amp.shell.sniffer_keys import KeyRing, key_sources
from amp.shell.sniffer_listener import SnifferDoor
from amp.shell.sniffer_popup import PopupFollower
from amp.shell.sniffer_reach import SnifferReach, TcpReach, UnixReach
from amp.shell.sniffer_watch import Watcher
from amp.shell.ssh_tunnel import SshLogin, SshTunnels

__all__ = ["SnifferMaker", "WatcherMaker", "make_desk", "make_door"]

GOLDEN: Final = 0.618034
"""Multiples of it fall into the gaps between each other, however many there will be."""


@attrs.define(eq=False)
class SnifferMaker:
    """Makes sniffers from their configurations.

    Attributes:
        database: the GUI's, if there is one.
        tunnels: to the hosts that are reached by SSH; run them beside the sniffers.
    """

    database: DatabaseThread | None = None
    tunnels: SshTunnels = attrs.field(factory=SshTunnels)

    @classmethod
    def of(cls, config: Config) -> SnifferMaker:
        """For the sniffers of a configuration."""
        return cls(DatabaseThread(GuiDatabase(config.database)) if config.database is not None else None)

    def make(self, server: VoipmonitorServer) -> Sniffer:
        """One sniffer, not yet running."""
        return Sniffer(
            name=server.name,
            reach=self.reach(server),
            cipher=None if server.encryption == NO_CIPHER else server.encryption,
            keys=KeyRing(list(key_sources(server, self.database))),
            limits=ExchangeLimits(
                connect_s=server.connect_timeout_s,
                first_byte_s=server.answer_timeout_s,
                progress_s=server.progress_timeout_s,
                whole_s=server.whole_timeout_s,
                reply_bytes=server.reply_bytes,
            ),
            pool=Pool(
                PoolLimits(exchanges=server.exchanges, waiting=server.waiting, wait_s=server.wait_timeout_s),
                server.freshness,
            ),
            sensor_id=server.sensor_id,
        )

    def reach(self, server: VoipmonitorServer) -> SnifferReach:
        """The way to it."""
        if server.ssh is not None:
            login = SshLogin(server.ssh, server.ssh_port, server.ssh_identity, server.ssh_known_hosts)
            return self.tunnels.reach(login, str(server.socket or f"[{server.host}]:{server.port}"))
        if server.socket is not None:
            return UnixReach(str(server.socket))
        assert server.host is not None  # the configuration has one of the two
        return TcpReach(server.host, server.port)


def make_desk(
    config: Config, maker: SnifferMaker, simulated: Iterable[VoipmonitorServer] = ()
) -> SnifferDesk:
    """All sniffers of a configuration, and who takes commands for them."""
    names = {server.name for server in config.asterisks}
    names.update(config.simulate.names if config.simulate is not None else ())
    sniffers = {server.name: maker.make(server) for server in (*config.sniffers, *simulated)}
    limits = config.limits
    bounds = DeskLimits(
        reply_bytes=limits.max_frame_bytes,
        at_once=limits.actions_per_client,
        servers=limits.fanout_servers,
        timeout_s=limits.fanout_timeout_s,
    )
    return SnifferDesk(sniffers, names.__contains__, bounds, maker.tunnels.run)


@attrs.define(eq=False, kw_only=True)
class WatcherMaker:
    """Makes those who watch sniffers, and makes the sniffers known to the hub.

    Attributes:
        hub: tells who looks, and gets the events.
        journal_bytes: of the events of each sniffer.
    """

    hub: Hub
    journal_bytes: int
    _secret: bytes = attrs.field(factory=partial(secrets.token_bytes, 32), init=False, repr=False)
    _made: int = attrs.field(default=0, init=False)

    def make(self, server: VoipmonitorServer, sniffer: Sniffer) -> Watcher:
        """Who watches that sniffer; `Watching.drop` makes the hub forget it again."""
        epoch = secrets.token_hex(6).encode()
        self.hub.add_server(server.name.encode(), epoch, Journal(self.journal_bytes))
        phase = self._made * GOLDEN % 1.0
        self._made += 1
        times = WatchTimes(calls_s=server.watch["calls"], stat_s=server.watch["stat"], phase=phase)
        events = WatchEvents(server.name, epoch, self._secret)
        popups = None
        if server.popup is not None:
            login = parse_command(b"login_screen_popup " + server.popup.reveal().encode())
            popups = PopupFollower(sniffer, login, events, self.hub)
        return Watcher(sniffer, Watch(times, events), self.hub, popups)


def make_door(
    listen: Listen,
    find: Callable[[str], Sniffer | None],
    users: Callable[[], Mapping[bytes, User]],
    limits: Callable[[], OutletLimits],
) -> SnifferDoor:
    """What a listener with ``protocols = ["voipmonitor"]`` offers.

    Args:
        find: gives the sniffer of a name; sensors of a database come and go.
        users: those of today; a reload replaces them.
        limits: likewise.
    """
    name, server = (listen.user or "").encode(), listen.server or ""
    key = None
    if listen.key is not None and listen.iv is not None:
        key = from_base64(listen.key.reveal(), listen.iv.reveal(), source=f"listener {listen.place}")
    return SnifferDoor(
        server=server,
        sniffer=lambda: find(server),
        user=lambda: users().get(name),
        key=key,
        local=listen.unix is not None,
        limits=limits,
    )

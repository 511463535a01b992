"""All sniffers of one amp: those of the file, of the simulated fleet and of the GUI's database."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs
import trio

from amp.config.schema import AsteriskServer, Config, VoipmonitorServer
from amp.core.fanout.hub import Hub
from amp.shell.sensor_fleet import SensorFleet
from amp.shell.sniffer_desk import SnifferDesk
from amp.shell.sniffer_setup import SnifferMaker, WatcherMaker, make_desk
from amp.shell.sniffer_watch import Watching

__all__ = ["Sniffers"]


@attrs.define(eq=False)
class Sniffers:
    """Puts them to work.

    Attributes:
        config: what amp was started with.
        others: the servers of another kind, as of now.
        follow: told how many descriptors the sensors of the database may take.
    """

    config: Config
    others: Callable[[], Iterable[AsteriskServer]]
    follow: Callable[[int], None]
    _simulated: tuple[VoipmonitorServer, ...] = attrs.field(default=(), init=False)
    _fleet: SensorFleet | None = attrs.field(default=None, init=False)
    _desk: SnifferDesk | None = attrs.field(default=None, init=False)

    @property
    def desk(self) -> SnifferDesk:
        """Where they take commands; there is none before `start`."""
        assert self._desk is not None
        return self._desk

    def servers(self) -> list[VoipmonitorServer]:
        """Their configurations, as of now."""
        of_database = self._fleet.servers.values() if self._fleet is not None else ()
        return [*self.config.sniffers, *self._simulated, *of_database]

    async def start(self, hub: Hub, nursery: trio.Nursery) -> SnifferDesk:
        """Put all of them to work, and whoever watches them; gives where they take commands."""
        self._simulated = await self._simulate(nursery)
        maker = SnifferMaker.of(self.config)
        desk = self._desk = make_desk(self.config, maker, self._simulated)
        await nursery.start(desk.run)
        watchers = WatcherMaker(hub=hub, journal_bytes=self.config.limits.journal_bytes)
        watching = Watching(hub)
        for server in self.servers():
            watching.add(watchers.make(server, desk.sniffers[server.name]))
        nursery.start_soon(watching.run)

        async def add(server: VoipmonitorServer) -> None:
            sniffer = maker.make(server)
            await desk.add(sniffer)
            watching.add(watchers.make(server, sniffer))

        def drop(name: str) -> None:
            watching.drop(name)
            desk.drop(name)

        self._fleet = SensorFleet.of(self.config, maker.database, add, drop, self._fixed, self.follow)
        if self._fleet is not None:
            nursery.start_soon(self._fleet.run)
        return desk

    async def _simulate(self, nursery: trio.Nursery) -> tuple[VoipmonitorServer, ...]:
        if self.config.simulate is None:
            return ()
        from amp.sim.fleet import serve_sniffers  # only who simulates pays for it

        return tuple(
            VoipmonitorServer(kind="voipmonitor", name=name, host=host, port=port, encryption="none")
            for name, host, port in await nursery.start(serve_sniffers, self.config.simulate)
        )

    def _fixed(self) -> Iterable[AsteriskServer | VoipmonitorServer]:
        """All servers but the sensors of the database."""
        return (*self.others(), *self.config.sniffers, *self._simulated)

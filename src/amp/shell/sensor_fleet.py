"""The sniffers that the GUI's table of sensors names: put to work and taken out as it changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import attrs
import trio

from amp.config.descriptors import descriptors_of
from amp.config.schema import AsteriskServer, Config, Listen, VoipmonitorServer
from amp.config.sensors import Fleet, read_sensors
from amp.errors import ConfigError
from amp.shell.database_thread import DatabaseThread
from amp.shell.log import get_logger

__all__ = ["SensorFleet"]


@attrs.define(eq=False, kw_only=True)
class SensorFleet:
    """Await `run` beside the desk.

    Attributes:
        template: what all of the sensors have in common.
        database: where the table is.
        add: puts one to work.
        drop: takes one out, by its name.
        others: all other servers, as of now.
        listens: amp's own listeners.
        follow: told how many descriptors they may take, whenever that may have changed.
        interval_s: between two looks.
        servers: those at work, by name.
    """

    template: VoipmonitorServer
    database: DatabaseThread
    add: Callable[[VoipmonitorServer], Awaitable[None]]
    drop: Callable[[str], None]
    others: Callable[[], Iterable[AsteriskServer | VoipmonitorServer]]
    follow: Callable[[int], None]
    listens: tuple[Listen, ...] = ()
    interval_s: float = 30.0
    servers: dict[str, VoipmonitorServer] = attrs.field(factory=dict, init=False)
    _problems: tuple[str, ...] = attrs.field(default=(), init=False)
    _renamed: tuple[str, ...] = attrs.field(default=(), init=False)
    _unread: str = attrs.field(default="", init=False)
    _log: Any = attrs.field(factory=get_logger, init=False)

    @classmethod
    def of(
        cls,
        config: Config,
        database: DatabaseThread | None,
        add: Callable[[VoipmonitorServer], Awaitable[None]],
        drop: Callable[[str], None],
        others: Callable[[], Iterable[AsteriskServer | VoipmonitorServer]],
        follow: Callable[[int], None],
    ) -> SensorFleet | None:
        """That of a configuration; ``None`` if it takes no sensors from the database."""
        if config.fleet is None or config.database is None or database is None:
            return None
        return cls(
            template=config.fleet,
            database=database,
            add=add,
            drop=drop,
            others=others,
            follow=follow,
            listens=config.listen,
            interval_s=config.database.sensors_interval_s,
        )

    async def run(self) -> None:
        """Follow the table until cancelled."""
        while True:
            try:
                rows = await self.database.call(self.database.database.sensors)
            except ConfigError as error:
                self._tell_unread("; ".join(error.problems))
            else:
                self._tell_unread("")
                await self._follow(read_sensors(rows, self.template, self.others(), self.listens))
            await trio.sleep(self.interval_s)

    async def _follow(self, fleet: Fleet) -> None:
        for event, told, now in (
            ("sensor_refused", self._problems, fleet.problems),
            ("sensor_renamed", self._renamed, fleet.renamed),
        ):
            for reason in now:
                if reason not in told:
                    self._log.warning(event, reason=reason)
        self._problems, self._renamed = fleet.problems, fleet.renamed
        if fleet.servers != self.servers:
            self.follow(descriptors_of(fleet.servers.values()))
        old = self.servers
        for name in [name for name in old if old[name] != fleet.servers.get(name)]:
            self.drop(name)
            if name not in fleet.servers:
                self._log.info("sensor_removed", name=name)
        for name, server in fleet.servers.items():
            if old.get(name) != server:
                await self.add(server)
                event = "sensor_changed" if name in old else "sensor_added"
                self._log.info(event, name=name, id=server.sensor_id, place=server.place)
        self.servers = fleet.servers

    def _tell_unread(self, why: str) -> None:
        if why and why != self._unread:
            self._log.warning("sensors_unread", reason=why, database=self.database.database.place)
        elif self._unread and not why:
            self._log.info("sensors_read_again", database=self.database.database.place)
        self._unread = why

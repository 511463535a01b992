"""Looks at everything that a configuration names, several places at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import attrs
import trio

from amp.config.schema import AsteriskServer, Config, Database, VoipmonitorServer
from amp.config.sensors import read_sensors
from amp.core.doctor.clock import judge_clock
from amp.core.doctor.finding import Finding, fail, ok, warn
from amp.errors import ConfigError
from amp.shell.doctor.asterisks import Tell, look_at_asterisk
from amp.shell.doctor.machine import look_at_machine
from amp.shell.doctor.sniffers import look_at_sniffer
from amp.shell.sniffer_setup import SnifferMaker
from amp.shell.ssh_tunnel import SshTunnel

__all__ = ["Progress", "examine"]

Progress = Callable[[int, int], None]
"""Told how many places are done, and how many there are."""

Look = Callable[[Tell], Awaitable[None]]

T = TypeVar("T", bound=AsteriskServer | VoipmonitorServer | Database)

AT_ONCE: Final = 16
"""So many places at a time: enough for a fleet, few enough for a small machine's descriptors."""

WHOLE: Final = 3
"""A sniffer's whole exchange may take so many times what a step may: its deadline must not come first."""

DATABASE_ADVICE: Final = "see whether it runs, and whether [database] has its place, user and password"


async def examine(config: Config, path: Path, timeout_s: float, progress: Progress) -> list[Finding]:
    """All findings: this machine first, then the servers as they are configured.

    Args:
        path: of the configuration.
        timeout_s: what a connection, and a login, may take; shorter ones of the configuration hold.
    """
    config = _impatient(config, timeout_s)
    maker = SnifferMaker.of(config)
    sensors, told = await _database(config, maker)
    findings = await trio.to_thread.run_sync(lambda: list(look_at_machine(config, path, sensors)))
    sniffers = (*config.sniffers, *sensors)
    for sniffer in sniffers:
        maker.reach(sniffer)  # makes its way known before the tunnels are opened
    looks: list[Look] = [partial(look_at_asterisk, server, config) for server in config.asterisks]
    looks += [partial(look_at_sniffer, sniffer, maker) for sniffer in sniffers]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(maker.tunnels.run)
        seen = await _all(looks, progress)
        seen += [_judge_tunnel(tunnel) for tunnel in maker.tunnels.tunnels.values()]
        nursery.cancel_scope.cancel()
    return [*findings, *told, *seen]


async def _all(looks: list[Look], progress: Progress) -> list[Finding]:
    """What they tell, in their order."""
    told: list[list[Finding]] = [[] for _ in looks]
    limiter, done = trio.CapacityLimiter(AT_ONCE), 0

    async def run(index: int) -> None:
        nonlocal done
        async with limiter:
            await looks[index](told[index].append)
        done += 1
        progress(done, len(looks))

    async with trio.open_nursery() as nursery:
        for index in range(len(looks)):
            nursery.start_soon(run, index)
    return [finding for findings in told for finding in findings]


async def _database(
    config: Config, maker: SnifferMaker
) -> tuple[tuple[VoipmonitorServer, ...], list[Finding]]:
    """The sensors that it names, if amp takes them from there, and how it is."""
    if maker.database is None:
        return (), []
    thread, subject = maker.database, maker.database.database.place
    try:
        key = await thread.call(thread.database.key)
        skew = await thread.call(thread.database.clock)
        rows = await thread.call(thread.database.sensors) if config.fleet is not None else []
    except ConfigError as error:
        return (), [fail("database", subject, "; ".join(error.problems), DATABASE_ADVICE)]
    has = "has the sniffers' key" if key is not None else "has no key for the sniffers"
    findings = [ok("database", subject, f"answers, {has}"), judge_clock(subject, skew)]
    if config.fleet is None:
        return (), findings
    fleet = read_sensors(rows, config.fleet, config.server, config.listen)
    advice = "correct it in the GUI's list of sensors"
    findings += [warn("database", subject, problem, advice) for problem in (*fleet.problems, *fleet.renamed)]
    return tuple(fleet.servers.values()), findings


def _judge_tunnel(tunnel: SshTunnel) -> Finding:
    subject = f"ssh {tunnel.login.target}"
    if tunnel.is_open:
        return ok("ssh", subject, "signed in")
    advice = f"try it as amp's user: ssh -o BatchMode=yes {tunnel.login.target}"
    return fail("ssh", subject, tunnel.problem or "it did not sign in in time", advice)


def _impatient(config: Config, timeout_s: float) -> Config:
    """The same with no deadline above the given one."""
    database = config.database
    return attrs.evolve(
        config,
        server=tuple(_hurried(server, timeout_s) for server in config.server),
        database=_hurried(database, timeout_s) if database is not None else None,
    )


def _hurried(settings: T, timeout_s: float) -> T:
    names = (field.name for field in attrs.fields(type(settings)) if field.name.endswith("_timeout_s"))
    bounds = {name: timeout_s * WHOLE if name == "whole_timeout_s" else timeout_s for name in names}
    return attrs.evolve(settings, **{name: min(getattr(settings, name), bounds[name]) for name in bounds})

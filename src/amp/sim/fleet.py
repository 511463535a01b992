"""A fleet of simulated Asterisks and sniffers in this process."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, Protocol

import trio

from amp.sim.asterisk import SimAsterisk
from amp.sim.sniffer.sniffer import SimSniffer

__all__ = ["FleetPlan", "SimAddress", "SnifferPlan", "make_fleet", "serve_fleet", "serve_sniffers"]

SECRET = "sim-fleet"  # noqa: S105 -- guards nothing but made-up calls, on loopback
HOST = "127.0.0.1"
CALLS_AT_START = 10
"""Of a sniffer, so that there is something to see at once."""


class FleetPlan(Protocol):
    """What is asked of a fleet; the configuration's ``[simulate]`` is one."""

    @property
    def names(self) -> tuple[str, ...]:
        """One name per server."""

    @property
    def calls_per_second(self) -> float:
        """Calls that begin at each server."""

    @property
    def seed(self) -> int:
        """Equal seeds make equal fleets."""


class SimAddress(NamedTuple):
    """Where one server of a fleet is, and how to sign in."""

    name: str
    host: str
    port: int
    username: str
    secret: str


def make_fleet(plan: FleetPlan) -> list[SimAsterisk]:
    """The servers of a fleet, not yet serving. Each draws its own calls; none has a system name."""
    return [
        SimAsterisk(
            name=name,
            username="amp",
            secret=SECRET,
            seed=plan.seed * 1000 + number,
            calls_per_second=plan.calls_per_second,
        )
        for number, name in enumerate(plan.names)
    ]


async def serve_fleet(
    plan: FleetPlan, *, task_status: trio.TaskStatus[list[SimAddress]] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run a fleet until cancelled; ``started`` gets the addresses once every server takes clients."""
    async with trio.open_nursery() as nursery:
        addresses = []
        for server in make_fleet(plan):
            host, port = await nursery.start(partial(server.serve, HOST, 0))
            addresses.append(SimAddress(server.name, host, port, server.username, server.secret))
        task_status.started(addresses)


class SnifferPlan(Protocol):
    """What is asked of a fleet of sniffers; ``[simulate]`` is one, too."""

    @property
    def sniffer_names(self) -> tuple[str, ...]:
        """One name per sniffer."""

    @property
    def calls_per_second(self) -> float:
        """Calls that begin at each of them."""

    @property
    def seed(self) -> int:
        """Equal seeds make equal fleets."""


async def serve_sniffers(
    plan: SnifferPlan,
    *,
    task_status: trio.TaskStatus[list[tuple[str, str, int]]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run sniffers without a key until cancelled; ``started`` gets their names, hosts and ports."""
    async with trio.open_nursery() as nursery:
        addresses = []
        for number, name in enumerate(plan.sniffer_names, 1):
            sniffer = SimSniffer(
                name=name,
                sensor_id=number,
                seed=plan.seed * 1000 + number,
                calls_per_second=plan.calls_per_second,
                calls_at_start=CALLS_AT_START if plan.calls_per_second else 0,
            )
            host, port = await nursery.start(partial(sniffer.serve, HOST, 0))
            addresses.append((name, host, port))
        task_status.started(addresses)

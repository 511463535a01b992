"""Simulated sniffers behind a running amp, for the shell's tests."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

from amp.config.schema import Limits, Listen, User, VoipmonitorServer
from amp.config.secret import Secret
from amp.sim.sniffer.aes import Key
from amp.sim.sniffer.sniffer import SimSniffer
from shell.harness import ANNA, Lab, lab

KEY = Key(b"sixteen bytes ok", b"an initial value")
OTHER_KEY = Key(b"another key here", b"an initial value")

UNWATCHED = {"calls": 0.0, "stat": 0.0}

READER = User(name="rita", secret=Secret("rita's"))
GUI = User(name="gui", secret=Secret("gui's"), sniffer_commands=("gui",))
ADMIN = User(
    name="root", secret=Secret("root's"), write=("admin",), sniffer_commands=("manager_file", "getversion")
)


def secrets_of(key: Key) -> tuple[Secret, Secret]:
    """Key and IV as a configuration holds them."""
    return tuple(Secret(base64.b64encode(part).decode()) for part in (key.key, key.iv))  # type: ignore[return-value]  # two parts


def configured(name: str, port: int, key: Key | None = None, **more: Any) -> VoipmonitorServer:
    """A sniffer of the lab; asked encrypted if it has a key, and watched if it says so."""
    more.setdefault("watch", UNWATCHED)
    if key is not None:
        more["key"], more["iv"] = secrets_of(key)
    elif "key_conf" not in more:
        more["encryption"] = "none"
    if "socket" not in more:
        more["host"], more["port"] = "127.0.0.1", more.pop("at", port)
    return VoipmonitorServer(kind="voipmonitor", name=name, **more)


@asynccontextmanager
async def sniffer_lab(
    sniffer: SimSniffer,
    *names: str,
    users: tuple[User, ...] = (ANNA, READER, GUI, ADMIN),
    listen: tuple[Listen, ...] = (Listen(port=0),),
    key: Key | None = None,
    stall: float = 30.0,
    slowest: int = 4096,
    per_user: int = 100,
    **more: Any,
) -> AsyncIterator[Lab]:
    """amp in front of one simulated sniffer called ``s2``, and an Asterisk for each name."""
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sniffer.serve, "127.0.0.1", 0))
        extra = (configured("s2", port, key, **more),)
        limits = Limits(
            stall_timeout_s=stall, slowest_bytes_per_second=slowest, connections_per_user=per_user
        )
        async with lab(*names, users=users, listen=listen, extra=extra, limits=limits) as one:
            yield one
        nursery.cancel_scope.cancel()


async def take_slowly(stream: trio.abc.ReceiveStream) -> str:
    """Take a little at a time, often enough that it never looks stalled; says how it ended."""
    try:
        while await stream.receive_some(1 << 16):  # noqa: ASYNC110 - that it is slow is the point
            await trio.sleep(0.01)
    except trio.BrokenResourceError:
        return "reset"
    return "the end"

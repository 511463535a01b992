"""``amp sim``: one simulated Asterisk, or one simulated sniffer, as a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from amp.cli.sim_sniffer import SnifferWishes

if TYPE_CHECKING:
    import trio

__all__ = ["sim"]

Serve = Callable[..., Awaitable[None]]
"""``serve(host, port, task_status=...)``: runs until it is cancelled, or told to stop by a client."""


def sim(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 0,
    calls_per_second: Annotated[float, Parameter(validator=Number(gte=0, lte=1000))] = 0.0,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 1,
    user: str = "amp",
    secret: str = "secret",  # noqa: S107  # it guards nothing but made-up calls
    sniffer: Annotated[bool, Parameter(negative=())] = False,
    wishes: SnifferWishes | None = None,
) -> int:
    """Run one simulated Asterisk, or one simulated sniffer, until it is told to stop (SIGTERM, SIGINT).

    When it is ready it prints one line of JSON: {"host": "127.0.0.1", "port": 40123}.

    Parameters
    ----------
    host
        The address it listens on.
    port
        The port it listens on; 0 takes a free one.
    calls_per_second
        How many calls begin in a second.
    seed
        Equal seeds give equal calls.
    user
        The account that may log in (Asterisk).
    secret
        Its secret. Do not use a real one: it is visible in the list of processes.
    sniffer
        A VoIPmonitor sniffer instead of an Asterisk.
    """
    problem = _usage_problem(wishes, sniffer=sniffer)
    if problem:
        sys.stderr.write(f"amp sim: {problem}\n")
        return 2
    if sniffer:
        return _run((wishes or SnifferWishes()).server(seed, calls_per_second), host, port)
    from amp.sim.asterisk import SimAsterisk

    asterisk = SimAsterisk(
        name="sim", username=user, secret=secret, seed=seed, calls_per_second=calls_per_second
    )
    return _run(asterisk.serve, host, port)


def _run(serve: Serve, host: str, port: int) -> int:
    """Run it; gives the exit code."""
    import trio  # late, so that other commands do not wait for it

    code = 0
    try:
        trio.run(serve_until_told, serve, host, port)
    except* OSError as group:
        sys.stderr.write(f"amp sim: cannot listen on {host}, port {port}: {_first(group)}\n")
        code = 1
    return code


def _usage_problem(wishes: SnifferWishes | None, *, sniffer: bool) -> str:
    """What is wrong with the options, beyond what the parser saw."""
    if wishes is None:
        return ""
    return wishes.problem() if sniffer else "options of a sniffer without --sniffer"


def _first(group: BaseExceptionGroup[OSError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def serve_until_told(serve: Serve, host: str, port: int) -> None:
    """Serve, say where, and end with the first SIGTERM or SIGINT, or when a client says so."""
    import signal

    import orjson
    import trio

    async with trio.open_nursery() as nursery:

        async def run(*, task_status: trio.TaskStatus[tuple[str, int]]) -> None:
            await serve(host, port, task_status=task_status)
            nursery.cancel_scope.cancel()

        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            bound_host, bound_port = await nursery.start(run)
            ready = orjson.dumps({"host": bound_host, "port": bound_port}).decode()
            sys.stdout.write(f"{ready}\n")  # this line is what a caller waits for
            sys.stdout.flush()
            await anext(aiter(signals))
            nursery.cancel_scope.cancel()

"""``amp sim``: one simulated Asterisk as a process of its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from amp.sim.asterisk import SimAsterisk

__all__ = ["sim"]


def sim(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 0,
    calls_per_second: Annotated[float, Parameter(validator=Number(gte=0, lte=1000))] = 0.0,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 1,
    user: str = "amp",
    secret: str = "secret",  # noqa: S107  # it guards nothing but made-up calls
) -> int:
    """Run one simulated Asterisk until it is told to stop (SIGTERM, SIGINT).

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
        The account that may log in.
    secret
        Its secret. Do not use a real one: it is visible in the list of processes.
    """
    import trio  # late, so that other commands do not wait for it

    from amp.sim.asterisk import SimAsterisk

    asterisk = SimAsterisk(
        name="sim", username=user, secret=secret, seed=seed, calls_per_second=calls_per_second
    )
    code = 0
    try:
        trio.run(serve_until_told, asterisk, host, port)
    except* OSError as group:
        sys.stderr.write(f"amp sim: cannot listen on {host}, port {port}: {group.exceptions[0]}\n")
        code = 1
    return code


async def serve_until_told(asterisk: SimAsterisk, host: str, port: int) -> None:
    """Serve, say where, and end with the first SIGTERM or SIGINT, or when the Asterisk is told to stop."""
    import signal

    import orjson
    import trio

    async with trio.open_nursery() as nursery:

        async def serve(*, task_status: trio.TaskStatus[tuple[str, int]]) -> None:
            await asterisk.serve(host, port, task_status=task_status)
            nursery.cancel_scope.cancel()

        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            bound_host, bound_port = await nursery.start(serve)
            ready = orjson.dumps({"host": bound_host, "port": bound_port}).decode()
            sys.stdout.write(f"{ready}\n")  # this line is what a caller waits for
            sys.stdout.flush()
            await anext(aiter(signals))
            nursery.cancel_scope.cancel()

"""``python -m bench.standin floor|server|sink|asker|exchanger --option value ...``"""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable

import trio

from bench.standin import asker, exchanger, floor, server, sink
from bench.standin.common import Options

PROGRAMS: dict[str, Callable[[Options], Awaitable[None]]] = {
    "floor": floor.run,
    "server": server.run,
    "sink": sink.run,
    "asker": asker.run,
    "exchanger": exchanger.run,
}

if __name__ == "__main__":
    signal.alarm(180)  # nothing of the bench stays behind
    name, *words = sys.argv[1:]
    options = {key.removeprefix("--"): value for key, value in zip(words[::2], words[1::2], strict=True)}
    trio.run(PROGRAMS[name], options)

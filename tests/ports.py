"""Ports of this machine that are known before anybody listens there."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

__all__ = ["refusing_port", "unused_port"]

UNASSIGNED: Final = range(12_000, 30_000)
"""Below the ports that Linux gives to connections and to whoever asks for any (from 32768 on): what is free
there stays free until somebody asks for that very port."""


def unused_port() -> int:
    """One to listen at, soon or again."""
    for port in random.sample(UNASSIGNED, 100):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a hundred ports are all taken")


@contextmanager
def refusing_port() -> Iterator[int]:
    """One that refuses connections, and that nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]

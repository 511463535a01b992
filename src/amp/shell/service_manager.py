"""What a service manager that started amp wants to hear: systemd's protocol, sd_notify(3).

Datagrams of ``NAME=value`` lines to the unix socket that ``NOTIFY_SOCKET`` names: ``READY=1`` once
clients can connect, ``RELOADING=1`` with the monotonic time at the start of a reload (``Type=notify-reload``
waits for the READY behind it), ``STOPPING=1``, ``STATUS=`` for people, and ``WATCHDOG=1`` within each
``WATCHDOG_USEC``.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final

import trio

from amp.shell.log import get_logger

__all__ = ["ServiceManager"]

VARIABLES: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")

MICROSECONDS: Final = 1_000_000

PER_WATCHDOG: Final = 3
"""Signs of life within the time that the service manager allows: one may come late."""


class ServiceManager:
    """Tells whoever started amp how it is; without a ``NOTIFY_SOCKET`` it tells nobody.

    The variables are removed, so that no program that amp starts speaks in its name. A message that cannot be
    delivered is logged once and never ends amp: systemd itself gives up on a service that stays silent.

    Args:
        environ: the environment, ``os.environ`` but in tests.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        address, watchdog, pid = (environ.pop(name, "") for name in VARIABLES)
        self._address = "\0" + address[1:] if address.startswith("@") else address
        meant_for_us = not pid or pid == str(os.getpid())
        self.watchdog_s = int(watchdog) / MICROSECONDS if watchdog.isdecimal() and meant_for_us else 0.0
        """Seconds within which it wants a sign of life; 0 if it wants none."""
        self._told_of_failure = False

    def ready(self, status: str) -> None:
        """Clients can connect, or the reload is done."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1", "STATUS=stopping")

    async def mind_watchdog(self) -> None:
        """Give signs of life until cancelled, as long as the event loop turns; nothing if none are wanted."""
        while self._address and self.watchdog_s:
            self._send("WATCHDOG=1")
            await trio.sleep(self.watchdog_s / PER_WATCHDOG)

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        text = "\n".join(line.replace("\n", " ") for line in lines)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto(text.encode(), self._address)
        except OSError as error:
            if not self._told_of_failure:
                self._told_of_failure = True
                get_logger().warning("service_manager_not_told", message=lines[0], reason=str(error))

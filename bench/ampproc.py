"""amp as a process of its own, configured for the bench."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from bench.child import Child
from bench.scenario import Settings

__all__ = ["USER", "AmpProcess", "configuration"]

USER = "bench"
"""Name and secret of the one client account."""


UNPACED = "actions_per_second = 1000000\nuser_actions_per_second = 1000000\n"
"""Lines of ``[limits]``: the pace that a configuration allows is not what most scenarios measure."""


def configuration(server_ports: Sequence[int], extra: str = "", limits: str = UNPACED) -> str:
    """TOML for one listener on a free port, one user who may do all, and servers ``pbx1``, ``pbx2``, ..."""
    servers = "".join(
        f'[[server]]\nkind = "asterisk"\nname = "pbx{i}"\nhost = "127.0.0.1"\nport = {port}\n'
        'username = "amp"\nsecret = "amp"\n\n'
        for i, port in enumerate(server_ports, 1)
    )
    return (
        '[proxy]\nname = "bench"\n\n[log]\nformat = "json"\n\n'
        '[[listen]]\naddress = "127.0.0.1"\nport = 0\nprotocols = ["ami"]\n\n'
        f'{servers}[[user]]\nname = "{USER}"\nsecret = "{USER}"\nread = ["all"]\nwrite = ["all"]\n\n'
        f"[limits]\n{limits}\n{extra}"
    )


class AmpProcess:
    """``amp run``; inside the block it is ready.

    Attributes:
        port: where it listens for clients.
        ports: all its ports, in the order of the configuration.
        ready_s: seconds from its start until it said that it is ready.
    """

    def __init__(
        self, settings: Settings, server_ports: Sequence[int], extra: str = "", limits: str = UNPACED
    ) -> None:
        path = settings.folder / "amp.toml"
        path.write_text(configuration(server_ports, extra, limits))
        leash = settings.programs.leash
        self._child = Child(
            [*leash, sys.executable, "-m", "amp", "run", "--allow-root", str(path)], listen_to="stderr"
        )
        self.port = 0
        self.ports: list[int] = []
        self.ready_s = 0.0

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def wait_up(self) -> None:
        """Wait until its first server takes actions."""
        self._child.expect(lambda message: message.get("event") == "server_up")

    def __enter__(self) -> Self:
        try:
            ready = self._child.expect(lambda message: message.get("event") == "ready")
        except BaseException:
            self._child.stop()
            raise
        self.ready_s = self._child.seconds()
        self.ports = [int(str(place).rpartition(":")[2]) for place in ready["listen"]]
        self.port = self.ports[0]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.stop()

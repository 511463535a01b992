"""``[database]``: the MySQL or MariaDB of the VoIPmonitor GUI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import attrs

from amp.config.rules import Host, Line, Seconds, Whole
from amp.config.secret import Secret

__all__ = ["Database"]


@attrs.frozen(kw_only=True)
class Database:
    """Where it is and who amp is there. `amp.config.checks` refuses a host beside a socket."""

    host: Annotated[str, Host()] = "127.0.0.1"
    port: Annotated[int, Whole(1, 65535)] = 3306
    socket: Path | None = None
    name: Annotated[str, Line("the name of a database", 64)] = "voipmonitor"
    user: Annotated[str, Line("a user name", 128)] = "voipmonitor"
    password: Secret | None = None
    tls: Literal["off", "verify", "insecure"] = "off"
    ca: Path | None = None
    connect_timeout_s: Annotated[float, Seconds(0.1, 60.0)] = 5.0
    answer_timeout_s: Annotated[float, Seconds(0.1, 60.0)] = 5.0
    sensors_interval_s: Annotated[float, Seconds(1.0, 86400.0)] = 30.0

    @property
    def place(self) -> str:
        """Where it is, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.socket or f'{host}:{self.port}'}/{self.name}"

"""The options of ``amp send`` that say whom it asks, and what is wrong with a choice of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import attrs
from cyclopts import Group, Parameter
from cyclopts.validators import Number

__all__ = ["AMP", "Whom"]

SNIFFER: Final = Group("Sniffer")
AMP: Final = "amp"
"""``--via amp``: through the listeners of the amp that the configuration describes."""


@Parameter(name="*", group=SNIFFER)
@attrs.frozen(kw_only=True)
class Whom:
    """Which sniffer, and how.

    Attributes:
        sensor: The sniffer with this sensor_id in the configuration.
        server: The sniffer of this name in the configuration.
        everyone: All sniffers of the configuration at once; prints a table of their answers.
        host: The sniffer at this host; a unix socket if it begins with a slash. Needs no configuration.
        port: Its port (5029).
        aes: Ask encrypted. The key is that of the configured server at this host, else --key and --iv. A
            sniffer that is named is asked as it is configured.
        via: Ask amp in the sniffer's place, at one of its listeners for the sniffers' protocol: HOST:PORT,
            the path of a unix socket, or the word amp: the one that the configuration has for this sniffer.
        config: amp's configuration file; else AMP_CONFIG names it, else it is /etc/amp/amp.toml.
        key: A key in base64; better in the variable AMP_SEND_KEY, as others see the list of processes.
        iv: The initialisation vector that belongs to it; or AMP_SEND_IV.
        timeout: So many seconds without anything from the sniffer, and it is given up.
    """

    sensor: Annotated[int | None, Parameter(name=["--sensor", "-s"], validator=Number(gte=0))] = None
    server: str | None = None
    everyone: Annotated[bool, Parameter(name="--all", negative=())] = False
    host: Annotated[str | None, Parameter(name=["--host", "-h"])] = None
    port: Annotated[int | None, Parameter(name=["--port", "-p"], validator=Number(gte=1, lte=65535))] = None
    aes: Annotated[bool, Parameter(name=["--aes", "-a"], negative=())] = False
    via: str | None = None
    config: Path | None = None
    key: str | None = None
    iv: str | None = None
    timeout: Annotated[float | None, Parameter(validator=Number(gt=0, lte=86400))] = None

    @property
    def named(self) -> bool:
        """Whether the configuration has to say who is asked."""
        return self.everyone or self.sensor is not None or self.server is not None

    @property
    def place(self) -> str | None:
        """Where the listener is that is asked in a sniffer's place; ``None`` if the configuration says."""
        return None if self.via == AMP else self.via

    def problem(self) -> str:
        """What cannot be meant; empty if it can."""
        asked = [self.sensor is not None, self.server is not None, self.everyone, self.host is not None]
        if sum(asked) + (self.place is not None) != 1:
            return "expected one of -s, --server, --all, -h and --via HOST:PORT"
        if self.via == AMP and not self.named:
            return "--via amp needs -s, --server or --all"
        if self.port is not None and (self.host is None or self.host.startswith("/")):
            return "-p needs -h with the name or address of a host"
        if (self.key is None) != (self.iv is None):
            return "--key and --iv belong together"
        if self.key is not None and not (self.aes or self.named):
            return "--key and --iv are for encrypted requests: -a is missing"
        return ""

    def key_texts(self) -> tuple[str, str] | None:
        """The key and the initialisation vector of the command line or the environment, in base64."""
        key, iv = (self.key, self.iv) if self.key is not None else map(os.environ.get, KEY_VARIABLES)
        return (key, iv) if key is not None and iv is not None else None


KEY_VARIABLES: Final = ("AMP_SEND_KEY", "AMP_SEND_IV")

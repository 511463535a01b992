"""What ``amp sim --sniffer`` may be asked for, and the simulated sniffer that it makes of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import attrs
from cyclopts import Group, Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    import trio

    from amp.sim.sniffer.aes import Key
    from amp.sim.sniffer.faults import Faults
    from amp.sim.sniffer.sniffer import SimSniffer

__all__ = ["SnifferWishes"]

SNIFFER: Final = Group("Sniffer")
MIN_KEY_BYTES: Final = 16

FAULTS: Final[Mapping[str, tuple[str, Callable[[str], object] | None]]] = {
    "hang": ("hang", None),
    "starting": ("starting", None),
    "reset": ("reset", None),
    "delay": ("delay_s", float),
    "pause": ("piece_pause_s", float),
    "cut-after": ("cut_after", int),
    "garbage": ("garbage", str.encode),
}
"""Word: the switch of `amp.sim.sniffer.faults.Faults`, and how what stands behind its ``=`` is read."""


@Parameter(name="*", group=SNIFFER)
@attrs.frozen(kw_only=True)
class SnifferWishes:
    """The options of a simulated sniffer.

    Attributes:
        calls: Calls that are there from the start; with --calls-per-second they end, and new ones come.
        registers: Phones that are registered.
        sensor_id: Its number in the installation.
        key: Its key in base64, 16 bytes or more; without one everything is plain.
        iv: The initialisation vector that belongs to the key, 16 bytes in base64.
        unencrypted: Take plain commands although there is a key.
        unix: A unix socket besides; what is at the path goes away.
        file: A file that it has: NAME=SIZE, in bytes. May be given several times.
        fault: What goes wrong: hang, starting, reset, delay=SECONDS (before a reply), pause=SECONDS (between
            its pieces), cut-after=BYTES, garbage=TEXT. May be given several times.
    """

    calls: Annotated[int, Parameter(validator=Number(gte=0, lte=100_000))] = 0
    registers: Annotated[int, Parameter(validator=Number(gte=0, lte=100_000))] = 0
    sensor_id: Annotated[int, Parameter(validator=Number(gte=0))] = 1
    key: str | None = None
    iv: str | None = None
    unencrypted: Annotated[bool, Parameter(negative=())] = False
    unix: Path | None = None
    file: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    fault: Annotated[tuple[str, ...], Parameter(negative=())] = ()

    def problem(self) -> str:
        """What is wrong with them; empty if nothing is."""
        try:
            self.read_key()
            for word in self.file:
                _named_size(word)
            for word in self.fault:
                _named_fault(word)
        except ValueError as error:
            return str(error)
        return ""

    def read_key(self) -> Key | None:
        """The key.

        Raises:
            ValueError: it cannot be used; says why.
        """
        if self.key is None and self.iv is None:
            return None
        if self.key is None or self.iv is None:
            raise ValueError("--key and --iv belong together")
        try:
            key, iv = (base64.b64decode(text, validate=True) for text in (self.key, self.iv))
        except (binascii.Error, ValueError):
            raise ValueError("--key and --iv: not base64") from None
        if min(len(key), len(iv)) < MIN_KEY_BYTES:
            raise ValueError(f"--key and --iv: at least {MIN_KEY_BYTES} bytes each are needed")
        from amp.sim.sniffer.aes import Key

        return Key(key, iv[:MIN_KEY_BYTES])

    def server(self, seed: int, calls_per_second: float) -> Callable[..., Awaitable[None]]:
        """The ``serve`` of the sniffer that was wished for."""
        from functools import partial

        from amp.sim.sniffer.sniffer import SimSniffer

        sniffer = SimSniffer(
            sensor_id=self.sensor_id,
            seed=seed,
            key=self.read_key(),
            unencrypted=self.unencrypted,
            calls_per_second=calls_per_second,
            calls_at_start=self.calls,
            registers=self.registers,
        )
        for word in self.file:
            sniffer.spool.put_big(*_named_size(word))
        for word in self.fault:
            _break(sniffer.faults, *_named_fault(word))
        return partial(_serve, sniffer, self.unix)


async def _serve(
    sniffer: SimSniffer,
    unix: Path | None,
    host: str,
    port: int,
    *,
    task_status: trio.TaskStatus[tuple[str, int]],
) -> None:
    import trio

    async with trio.open_nursery() as nursery:
        if unix is not None:
            await nursery.start(sniffer.serve_unix, str(unix))
        await sniffer.serve(host, port, task_status=task_status)


def _named_size(word: str) -> tuple[str, int]:
    name, _, size = word.rpartition("=")
    if not name or not size.isdecimal():
        raise ValueError(f"--file {word}: expected NAME=SIZE, in bytes")
    return name, int(size)


def _named_fault(word: str) -> tuple[str, object]:
    name, equals, value = word.partition("=")
    if name not in FAULTS:
        raise ValueError(f"--fault {word}: expected one of {', '.join(FAULTS)}")
    switch, read = FAULTS[name]
    if (read is None) == bool(equals):
        raise ValueError(f"--fault {word}: {name} takes {'no' if read is None else 'a'} value")
    try:
        return switch, read(value) if read is not None else True
    except ValueError:
        raise ValueError(f"--fault {word}: expected a number") from None


def _break(faults: Faults, switch: str, value: object) -> None:
    if switch == "hang":
        faults.hang()
    else:
        setattr(faults, switch, value)

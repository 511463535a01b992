"""What the columns of ``listcalls`` and ``listregisters`` hold, and how their values read.

Rows are read by position: a call's row has five values more than its header has names, and a later sniffer
may have more columns or other ones.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["Columns", "Reading", "Value", "address_text", "columns_of", "normalised", "reading_of"]

Value = str | int | float | bool | None
"""What a cell can be."""

Reading = Callable[[Any], Value]
"""Makes a cell what people read."""

Columns = Mapping[str, int]
"""The position of each column by its name."""


@functools.lru_cache(maxsize=64)
def columns_of(header: tuple[str, ...]) -> Columns:
    """The positions of a header's names; of two equal ones the first counts."""
    return {name: place for place, name in reversed(tuple(enumerate(header)))}


def address_text(value: Value) -> str | None:
    """An address as text. IPv4 comes as a number (2130706434 is 127.0.0.2), IPv6 as text, none as null."""
    if isinstance(value, str):
        return value or None
    if not isinstance(value, int) or not 0 < value < 1 << 32:
        return None
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def _unless(unset: int) -> Callable[[Value], Value]:
    """The value, or ``None`` for the number that stands for "not set"."""
    return lambda value: None if value == unset else value


def _tenth(value: Value) -> Value:
    """A mean opinion score; the sniffer tells it times ten."""
    return value / 10 if isinstance(value, int | float) else None


def _address_column(name: str) -> bool:
    base = name.removesuffix("_encaps")
    return base in {"callerip", "calledip", "sipcallerip", "sipcalledip", "rtp_src", "rtp_dst"}


@functools.lru_cache(maxsize=1024)
def reading_of(name: str) -> Reading | None:
    """How a column's values are read, if not as they are; gives ``None`` for "not set"."""
    if _address_column(name):
        return address_text
    if "_mos" in name:
        return _tenth
    if name.endswith("_encaps_prot"):
        return _unless(255)
    return _UNSET.get(name)


_UNSET: Final = {"callercodec": _unless(-1), "calledcodec": _unless(-1), "vlan": _unless(65534)}


def normalised(name: str, value: Any) -> Value:
    """A cell as people read it: addresses as text, scores from 1 to 4.5, ``None`` for "not set"."""
    reading = reading_of(name)
    return value if reading is None else reading(value)

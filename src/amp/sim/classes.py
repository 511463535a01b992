"""Asterisk's permission classes, and the masks that clients build from them."""

from __future__ import annotations

from typing import Final

__all__ = ["ALL", "CLASSES", "class_names", "class_text", "parse_mask"]

CLASSES: Final = {
    b"system": 1 << 0,
    b"call": 1 << 1,
    b"log": 1 << 2,
    b"verbose": 1 << 3,
    b"command": 1 << 4,
    b"agent": 1 << 5,
    b"user": 1 << 6,
    b"config": 1 << 7,
    b"dtmf": 1 << 8,
    b"reporting": 1 << 9,
    b"cdr": 1 << 10,
    b"dialplan": 1 << 11,
    b"originate": 1 << 12,
    b"agi": 1 << 13,
    b"hookresponse": 1 << 14,
    b"cc": 1 << 15,
    b"aoc": 1 << 16,
    b"test": 1 << 17,
    b"security": 1 << 18,
    b"message": 1 << 30,
}
"""Class to bit. Source: Asterisk ``include/asterisk/manager.h``; that 2 is ``call`` is in recording
"events-mask"."""

ALL: Final = 2**31 - 1

TRUE: Final = {b"yes", b"true", b"y", b"t", b"1", b"on"}
FALSE: Final = {b"no", b"false", b"n", b"f", b"0", b"off"}


def class_names(names: str) -> int:
    """The bits of classes as manager.conf lists them (``"call,user"``, ``"all"``); unknown ones are 0."""
    mask = 0
    for name in names.encode().split(b","):
        mask |= ALL if name.strip() == b"all" else CLASSES.get(name.strip(), 0)
    return mask


def class_text(bits: int) -> bytes:
    """What stands in a ``Privilege`` header or in ListCommands: ``call,all``, or ``<none>`` for 0."""
    names = [name for name, bit in CLASSES.items() if bits & bit]
    return b",".join([*names, b"all"]) if names else b"<none>"


def parse_mask(value: bytes) -> int | None:
    """The bits of an ``EventMask`` or ``Events`` header; ``None`` if it is empty ("Invalid event mask").

    A number is taken as bits, a class that does not exist as nothing (recording "events-mask").
    """
    if not value:
        return None
    if value.isdigit():
        return int(value) & ALL
    if value.lower() in FALSE:
        return 0
    if value.lower() in TRUE:
        return ALL
    return class_names(value.decode("latin-1"))

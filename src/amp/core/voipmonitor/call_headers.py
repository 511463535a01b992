"""The columns of ``listcalls`` as headers of events."""

from __future__ import annotations

import functools
import re
from operator import itemgetter
from typing import Any, Final

import orjson

from amp.core.iso8601 import utc_text
from amp.core.voipmonitor.columns import Columns, Reading, reading_of
from amp.core.voipmonitor.tables import Row

__all__ = ["LONGEST_VALUE", "REFERENCE", "CallHeaders", "header_name", "value_text"]

REFERENCE: Final = "callreference"
"""An address in the sniffer's memory; events show a token in its place."""

TIMES: Final = {"calldate_num": "CallDate", "lastpackettime": "LastPacketTime"}
"""Columns of unix seconds, and the header that tells them as text. The sniffer's own text, ``calldate``, has
no time zone."""

LONGEST_VALUE: Final = 1000
"""Characters: names and addresses come from whoever makes a call."""

WORDS: Final = {
    "callid": "CallID", "calldate_num": "CallDateEpoch", "lastpackettime": "LastPacketTimeEpoch",
    "callreference": "CallReference", "callername": "CallerName", "callerdomain": "CallerDomain",
    "calleddomain": "CalledDomain", "calleragent": "CallerAgent", "calledagent": "CalledAgent",
    "sipproxies": "SIPProxies", "lastSIPresponseNum": "LastSIPResponseNum", "callercodec": "CallerCodec",
    "calledcodec": "CalledCodec", "id_sensor": "SensorID",
    "callerip": "CallerIP", "calledip": "CalledIP", "rtp": "RTP", "ip": "IP", "sip": "SIP",
    "mosf1": "MOSF1", "mosf2": "MOSF2", "mosAD": "MOSAD", "last10sec": "Last10Sec",
    "vlan": "VLAN", "sipresponse": "SIPResponse", "sipcallerip": "SIPCallerIP", "sipcalledip": "SIPCalledIP",
    "rrd": "RRD", "storingCdrLastWriteAt": "StoringCdrLastWriteAt", "pbStatString": "PbStatString",
    "pbCountPacketDrop": "PbCountPacketDrop", "io": "IO", "mbs": "MBs", "iops": "IOPS", "ms": "Ms",
}  # fmt: skip
"""How a column, or a word of one, is written where upper case at its beginning is not all."""

RESERVED: Final = frozenset(
    ("event", "privilege", "server", "userserver", "actionid", "changed", "eventlist")
)
"""What the header of a column nobody knows must not be called."""

LONGEST_NAME: Final = 200
"""Characters of a name that is looked at at all."""

ODD: Final = re.compile("[^A-Za-z0-9]+")
CONTROLS: Final = dict.fromkeys((*range(32), *range(127, 160), 0x2028, 0x2029), " ")
"""What ends a line, somewhere, or what a terminal takes for an order."""


@functools.lru_cache(maxsize=1024)
def header_name(column: str) -> str:
    """The header of a column, as ``SrcJitterAvg`` of ``src_jitter_avg``; ``""`` if nothing of it is left.

    Sniffers can be told to add columns for SIP headers of any name.
    """
    if column in WORDS:
        return WORDS[column]
    words = ODD.sub("_", column[:60]).strip("_").split("_")
    name = "".join(WORDS.get(word, word[:1].upper() + word[1:]) for word in words)
    return f"Column{name}" if name.lower() in RESERVED else name


def value_text(value: Any) -> str:
    """A value as it can stand in a header: one line of bounded length."""
    kind = type(value)
    if kind is int or kind is float:
        return str(value)
    if kind is bool:
        return "yes" if value else "no"
    text = (_json(value) if kind is list or kind is dict else str(value))[:LONGEST_VALUE]
    return text if text.isprintable() else text.translate(CONTROLS)


def _json(value: Any) -> str:
    """A value as it came; ``""`` for one that is nested so deep that it can be read but not be written."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return ""


class CallHeaders:
    """Turns rows into headers; the columns of a table, and of those like it, are looked at once.

    Args:
        only: the columns that are shown; none for all.
    """

    def __init__(self, only: frozenset[str] = frozenset()) -> None:
        self._only = only
        self._columns: Columns = {}
        self._layout: Layout = ()

    def lines(self, row: Row) -> list[str]:
        """``Name: Value`` of every column that has a value, in the table's order, but the reference's.

        Addresses are text, scores go from 1 to 4.5; times come as ISO 8601 and as unix seconds.
        """
        if row.columns is not self._columns:
            shown = {name: at for name, at in row.columns.items() if not self._only or name in self._only}
            self._columns, self._layout = row.columns, _layout(shown)
        found: list[str] = []
        for (begin, reading, time), value in zip(self._layout, row.values, strict=False):
            if value is None or value == "" or begin is None:
                continue
            if reading is not None and (value := reading(value)) is None:
                continue
            if time and type(value) is int and (text := utc_text(value)):
                found.append(f"{time}: {text}")
            found.append(begin + value_text(value))
        return found


Layout = tuple[tuple[str | None, Reading | None, str], ...]
"""For each place in a row: the header up to its value, ``None`` for none; how the value is read; and, of a
time, the header of its text."""


def _layout(columns: Columns) -> Layout:
    """What comes twice counts once."""
    layout: list[tuple[str | None, Reading | None, str]] = [(None, None, "")] * (
        max(columns.values(), default=-1) + 1
    )
    seen = {"", "CallReference", *TIMES.values()}
    for column, place in sorted(columns.items(), key=itemgetter(1)):
        name = header_name(column)
        if name not in seen and column not in (REFERENCE, "calldate"):
            seen.add(name)
            layout[place] = (f"{name}: ", reading_of(column), TIMES.get(column, ""))
    return tuple(layout)

"""``listcalls`` and ``listregisters``: header, totals and rows as the sniffer writes them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from amp.sim.sniffer.calls import SimCall
from amp.sim.sniffer.columns import CALL_COLUMNS, REGISTER_COLUMNS

__all__ = ["list_calls", "list_registers", "wants_zip"]

RESERVE: Final = [None] * 5
"""What a row has more than the header."""

_PLACES: Final = {name: place for place, name in enumerate(CALL_COLUMNS)}
_EMPTY: Final[list[Any]] = [None] * len(CALL_COLUMNS)


def list_calls(calls: Sequence[SimCall], text: bytes, now: float, sensor: int) -> bytes:
    """The reply to ``listcalls``, not packed yet.

    Args:
        calls: the live ones.
        text: the arguments; broken JSON counts as none, but totals come (recording plain-listcalls-badjson).
        now: wall-clock seconds.
    """
    asked = _arguments(text)
    found = [call for call in calls if _holds(call, asked.get("filter"), now)]
    totals = _totals(found, asked, sensor)
    limit = _number(asked.get("limit"))
    if limit == 0:
        return _dumps(totals)
    rows = _sorted((_row(call, now, sensor) for call in found), asked)
    head: list[Any] = [list(CALL_COLUMNS), *([[totals]] if text else [])]
    return _dumps(head + [row + RESERVE for row in rows[:limit]])


def wants_zip(text: bytes) -> bool:
    """Whether the arguments ask for a packed reply."""
    return str(_arguments(text).get("zip", "")).lower() == "yes"


def _row(call: SimCall, now: float, sensor: int) -> list[Any]:
    row = _EMPTY.copy()
    talks = call.talks(now)
    duration = int(now - call.started_at)
    row[:9] = (
        f"0x{call.reference:x}",
        call.callid,
        _local_time(int(call.started_at)),
        int(call.started_at),
        int(now),
        duration,
        int(now - call.answered_at) if talks else 0,
        call.caller,
        call.called,
    )
    row[11:17] = (True, True, call.caller_name, call.domain, call.domain, call.agent)
    row[18:20] = (call.caller_ip, call.called_ip)
    row[22:26] = (0, 0, 255, 255)
    row[_PLACES["lastSIPresponseNum"]] = call.response(now)
    row[_PLACES["callercodec"] : _PLACES["calledcodec"] + 1] = (call.codec if talks else -1, call.codec)
    mos = call.mos(now)
    for place in range(_PLACES["src_mosf1"], _PLACES["src_jitter"], 3):
        row[place] = mos
    if talks:
        row[28:30] = (call.caller_ip, call.called_ip)
        packets = 50 * int(now - call.answered_at)
        row[_PLACES["src_received"] : _PLACES["src_received"] + 2] = (packets, packets)
    row[-2:] = (sensor, 65534)
    return row


def _local_time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _arguments(text: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else None


def _holds(call: SimCall, wanted: object, now: float) -> bool:
    """Whether a call passes a filter: an object, the same as text, or a list of those."""
    if isinstance(wanted, list):
        return all(_holds(call, one, now) for one in wanted)
    if isinstance(wanted, str):
        wanted = _arguments(wanted.encode())
    if not isinstance(wanted, dict):
        return True
    addresses = {"sipcallerip": call.caller_ip, "sipcalledip": call.called_ip}
    either = str(wanted.get("sipcallerdip_type")) == "0"
    for name, value in wanted.items():
        if name in addresses:
            has = addresses.values() if either else (addresses[name],)
            if value not in map(_dotted, has):
                return False
        elif name in ("caller", "called") and str(getattr(call, name)) != str(value):
            return False
    return True


def _dotted(address: int) -> str:
    return ".".join(map(str, address.to_bytes(4, "big")))


def _sorted(rows: Iterable[list[Any]], asked: Mapping[str, Any]) -> list[list[Any]]:
    place = _PLACES.get(str(asked.get("sort_field", "calldate_num")))
    listed = list(rows)
    if place is not None:
        falling = str(asked.get("sort_dir", "desc")).lower() != "asc"
        listed.sort(key=lambda row: (row[place] is not None, row[place]), reverse=falling)
    return listed


def _totals(calls: Sequence[SimCall], asked: Mapping[str, Any], sensor: int) -> dict[str, Any]:
    totals: dict[str, Any] = {"total": len(calls), "is_receiver": 0, "is_server": 0, "id_sensor": sensor}
    if asked.get("sensor_map") == "yes":
        totals["sensors"] = {str(sensor): len(calls)}
    if asked.get("ip_map") == "yes":
        for name, field in (("ip_src", "caller_ip"), ("ip_dst", "called_ip")):
            totals[name] = dict(Counter(_dotted(getattr(call, field)) for call in calls).most_common(100))
        totals["rtp_ip_src"], totals["rtp_ip_dst"] = totals["ip_src"], totals["ip_dst"]
        for name, field in (("caller_numbers", "caller"), ("called_numbers", "called")):
            totals[name] = dict(Counter(getattr(call, field) for call in calls).most_common(100))
    return totals


def list_registers(count: int, text: bytes, now: float, sensor: int) -> bytes:
    """The reply to ``listregisters`` of so many phones, not packed yet; none of them: only the header."""
    asked = _arguments(text)
    header = _dumps(list(REGISTER_COLUMNS))
    if not count:
        return b"[" + header + b"]"
    rows = [_registration(number, now, sensor) for number in range(1, count + 1)]
    if str(asked.get("sort_dir", "asc")).lower() == "desc":
        rows.reverse()
    shown = rows[: _number(asked.get("limit"))]
    total = b'[{"total": %d}]' % count
    # A blank stands in front of the total (recording plain-listregisters-12).
    return b"[" + header + b", " + b",".join([total, *map(_dumps, shown)]) + b"]"


def _registration(number: int, now: float, sensor: int) -> list[Any]:
    name, since = str(4000 + number), int(now) - number
    address = 0x0A000000 + number
    row: list[Any] = [number, sensor, 0, _local_time(since), address, 0x0A0001FE, None, None, None, None]
    row += [
        5084,
        5064,
        name,
        f"Lab User {number}",
        "lab.example",
        name,
        "lab.example",
        name,
        _dotted(address),
    ]
    row += [None, None, 3600, _local_time(since + 3600), 1, "LabPhone/1.0", 0.07, 0, False]
    return row + [None] * 5


def _dumps(value: object) -> bytes:
    # The sniffer's JSON library escapes every slash.
    return orjson.dumps(value).replace(b"/", b"\\/")

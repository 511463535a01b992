"""``sniffer_stat`` in its two forms, and the line of groups in it."""

from __future__ import annotations

import re
from typing import Final

import attrs
import orjson

__all__ = ["Stat", "stat_json", "stat_plain"]

INITIALIZING_S: Final = 10
"""How long the line is empty behind a start: it is refreshed every 10 s."""
_GROUP: Final = re.compile(r"\*?([^\s\[\]]*)((?:\[[^\]]*\])+)(\S*)")

_DISK: Final = (
    '{"capacity_pct": 0.0,"reserve_pct": 100.0,"write_throughput_mbs": 0.0,"read_throughput_mbs": 4.9,'
    '"write_iops": 2,"read_iops": 106,"latency_ms": 0.14,"baseline_latency_ms": 1.00,"latency_ratio": 0.1,'
    '"utilization_pct": 0,"state": ""}'
)


@attrs.frozen(kw_only=True)
class Stat:
    """What the sniffer tells of itself.

    Attributes:
        version: its own.
        build: of that version.
        uptime_s: seconds since its start.
        calls: live ones.
        registers: known phones.
    """

    version: str
    build: str
    uptime_s: float
    calls: int
    registers: int

    @property
    def initializing(self) -> bool:
        """Whether it has just been started."""
        return self.uptime_s < INITIALIZING_S

    def line(self) -> str:
        """The groups; empty in the first seconds."""
        if self.initializing:
            return ""
        packets = self.calls * 100
        return (
            f"calls[{self.calls},r:{self.registers}][{self.calls},r:{self.registers}] "
            f"PS[C:{self.calls // 30}/- r:-/- S:{self.calls}/- SR:- SM:- R:{packets}/- A:{packets + 76}] "
            f"SQLf[cdr: 1, cleanspool: 1] heap[u0|t0] [{packets / 1000:.1f}/0.1Mb/s] "
            "IO[B1.0|L0.1|Q0.1|U0|C0|W0|R5|WI0.0k|RI0.1k] t0CPU[0.1%] t1CPU[0.2%] "
            "t2CPU[pb:0.4/rh:0.5|0.0/rd:0.2/S:1.1%] tRTP_CPU[0.2%/0.2m/1t] tacCPU[0.1%] RRD[0.1%] "
            f"RSS/VSZ[70|1360]MB LA[0.38 1.01 0.91|2h] TLB[22] v{self.version} "
        )

    def fields(self) -> dict[str, object]:
        """The values in front of the disk's, all of them text but for one."""
        first: dict[str, object] = {"version": self.version, "build": self.build, "rrd_version": "0"}
        if self.initializing:
            first["initializing"] = True
        return {
            **first,
            "storingCdrLastWriteAt": "",
            "pbStatString": self.line(),
            "pbCountPacketDrop": "0",
            "uptime": str(int(self.uptime_s)),
            "memory_is_full": "0",
            "count_live_sniffers": "0",
            "upgrade_by_git": "0",
            "use_new_config": "1",
            "terminating_error": "",
        }


def stat_json(stat: Stat) -> bytes:
    """The usual form: an object and a line end."""
    pairs = [f'"{name}": {_quoted(value)}' for name, value in stat.fields().items()]
    return f'{{{",".join(pairs)},"disk_io": {_DISK}}}\n'.encode()


def _quoted(value: object) -> str:
    return "true" if value is True else f'"{value}"'  # the real one escapes nothing either


def stat_plain(stat: Stat) -> bytes:
    """The form of ``sniffer_stat plain``: ``key=value`` lines."""
    lines: list[str] = []
    for name, value in stat.fields().items():
        if name == "pbStatString":
            lines += _group_lines(str(value))
        else:
            lines.append(f"{name}={1 if value is True else value}")
    lines += [f"disk_io_{name}={value}" for name, value in orjson.loads(_DISK).items()]
    return "".join(f"{line}\n" for line in lines).encode()


def _group_lines(line: str) -> list[str]:
    lines = []
    for name, brackets, unit in _GROUP.findall(line):
        values = brackets[1:-1].split("][")
        if name == "calls":
            lines += [f"calls_active={values[0]}", f"calls_final={values[1]}"]
        else:
            lines.append(f"{name or 'total_traffic'}={values[0]}{unit}")
    return lines

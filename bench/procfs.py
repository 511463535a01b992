"""What the kernel knows about a process: CPU time, memory, open files."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cpu_s", "open_files", "resident_bytes", "waited_s"]

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, user and system, all its threads."""
    return sum(_task_cpu_s(task) for task in Path(f"/proc/{pid}/task").iterdir())


def _task_cpu_s(task: Path) -> float:
    """To the nanosecond from the scheduler where it tells, else in clock ticks of 10 ms."""
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except FileNotFoundError:
        after_name = (task / "stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS_PER_S


def waited_s(pid: int) -> float:
    """Seconds that a process could have run and had no processor; 0 where the kernel does not tell."""
    try:
        lines = [(task / "schedstat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except FileNotFoundError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines) / 1e9


def open_files(pid: int) -> int:
    """How many descriptors a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def resident_bytes(pid: int, field: str = "VmRSS") -> int:
    """Resident memory of a process; ``field`` may also be ``VmHWM``, the most it ever was."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {field} in /proc/{pid}/status")

"""Rounds into figures: medians, spread, ratios; tables for people, JSON for machines."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

__all__ = ["Spread", "about_this_machine", "spread", "table", "write_json"]

OUT = Path(__file__).parent / "out"


@attrs.frozen
class Spread:
    """The figures of all rounds in short."""

    median: float
    low: float
    high: float

    def text(self, scale: float = 1.0, digits: int = 0) -> str:
        """``median (low-high)``, each divided by ``scale``."""
        median, low, high = (f"{value / scale:,.{digits}f}" for value in (self.median, self.low, self.high))
        return f"{median} ({low}-{high})"


def spread(values: Iterable[float]) -> Spread:
    """Median, least and most of one round or more."""
    kept = list(values)
    return Spread(statistics.median(kept), min(kept), max(kept))


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown with aligned columns, so that it can be pasted into the documentation."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    lines = [_line(heads, widths), "| " + " | ".join("-" * (w - 1) + ":" for w in widths) + " |"]
    lines += [_line(row, widths) for row in rows]
    return "\n".join([f"\n{title}\n", *lines])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def about_this_machine() -> dict[str, Any]:
    """What a reader must know to compare figures: processor, kernel, Python, load, commit."""
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": _commit(),
    }


def write_json(name: str, outcome: dict[str, Any], folder: Path = OUT) -> Path:
    """Write ``NAME.json`` (the last run wins) and return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"machine": about_this_machine(), **outcome}, indent=1) + "\n")
    return path


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )


def _commit() -> str:
    asked = subprocess.run(
        ["git", "-C", str(OUT.parent), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip()

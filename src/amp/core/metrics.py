"""Metrics in the text format 0.0.4 of Prometheus (prometheus.io/docs/instrumenting/exposition_formats)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final, Literal, NamedTuple

from amp.core.stats import BOUNDS_S, Histogram

__all__ = ["CONTENT_TYPE", "Family", "Labels", "histogram_family", "written"]

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
SLICE: Final = 200
"""Samples that are written in one go: well under a millisecond."""

Labels = tuple[tuple[str, str], ...]


class Family(NamedTuple):
    """One metric, with all its samples.

    Attributes:
        name: without the suffix of a histogram's parts.
        kind: what it is.
        about: one line that says what it counts.
        samples: suffix, labels and value of each.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    about: str
    samples: Iterable[tuple[str, Labels, float]]


def histogram_family(name: str, about: str, series: Iterable[tuple[Labels, Histogram]]) -> Family:
    """A family of histograms. Their buckets count what is at or below their bound."""
    return Family(name, "histogram", about, _histogram_samples(series))


def _histogram_samples(series: Iterable[tuple[Labels, Histogram]]) -> Iterator[tuple[str, Labels, float]]:
    bounds = [*(f"{bound:g}" for bound in BOUNDS_S), "+Inf"]
    for labels, one in series:
        total = 0
        for bound, total in zip(bounds, accumulate(one.counts), strict=True):
            yield "_bucket", (*labels, ("le", bound)), total
        yield "_sum", labels, one.sum_s
        yield "_count", labels, total


def written(family: Family) -> Iterator[bytes]:
    """The family in pieces of a few samples each; nothing if it has no sample."""
    lines = [f"# HELP {family.name} {family.about}\n# TYPE {family.name} {family.kind}\n"]
    for suffix, labels, value in family.samples:
        lines.append(f"{family.name}{suffix}{_labels(labels)} {_number(value)}\n")
        if len(lines) > SLICE:
            yield "".join(lines).encode()
            lines = []
    if len(lines) > 1 or (lines and not lines[0].startswith("#")):
        yield "".join(lines).encode()


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if isinstance(value, int) else repr(value)

"""What the kernel says about a process."""

from __future__ import annotations

import os

import pytest
from bench.procfs import cpu_s, resident_bytes


def test_cpu_time_counts_up() -> None:
    """Work shows."""
    before = cpu_s(os.getpid())
    sum(range(2_000_000))

    assert cpu_s(os.getpid()) > before


def test_memory_is_in_bytes() -> None:
    """An interpreter takes some megabytes, and never more than its peak."""
    now, peak = resident_bytes(os.getpid()), resident_bytes(os.getpid(), "VmHWM")

    assert 1 << 20 < now <= peak


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(ValueError, match="no VmFoo"):
        resident_bytes(os.getpid(), "VmFoo")

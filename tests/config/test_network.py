"""Addresses and networks in a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.loading import load_text, problems

EXPECTED = 'limits.exempt[0]: expected an address or a network such as "192.0.2.7" or "2001:db8::/32"'


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("2001:DB8:0:0::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
    ],
)
def test_a_network_has_one_spelling(text: str, read: str, tmp_path: Path) -> None:
    assert load_text(tmp_path, f'[limits]\nexempt = ["{text}"]').limits.exempt == (read,)


@pytest.mark.parametrize("text", ["", "example.org", "192.0.2", "192.0.2.0/33", "fe80::1%eth0/64", " ::1"])
def test_what_is_no_network_is_refused(text: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, f'[limits]\nexempt = ["{text}"]')
    assert problem.startswith(EXPECTED)


def test_bits_behind_the_prefix_are_a_mistake(tmp_path: Path) -> None:
    """Was the address meant, or the network?"""
    (problem,) = problems(tmp_path, '[limits]\nexempt = ["192.0.2.7/24"]')
    assert problem == f"{EXPECTED}, with no bits set behind the prefix"


def test_a_network_is_a_string(tmp_path: Path) -> None:
    assert problems(tmp_path, "[limits]\nexempt = [7]") == [
        "limits.exempt[0]: expected a string, got a whole number"
    ]

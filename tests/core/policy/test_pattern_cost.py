"""What a pattern may cost is told before it is compiled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.policy.pattern_cost import MAX_PARTS, parts_of


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        (b"", 0),
        (b"a" * 500, 0),
        (b".", 1),
        (b"." + b"a" * 17, 3),
        (b"\\.", 1),
        (b"\\.\\.", 1),
        (b"\\w\\w", 2),
        (b"a?", 2),
        (b".+", 2),
        (b"[.*+]", 1),
        (b"[abc", 1),
        (b".{5}", 5),
        (b".{5,}", 6),
        (b".{1,5}", 9),
        (b".{x}", 1),
        (b".{", 2),
        (b"(.{3}){4}", 12),
        (b"(a|b)*", 3),
        (b".)(.", 3),
        (b"(.{1,30}){1,30}Q", 3482),
        (b".{99999999999}", 9999),
    ],
)
def test_parts(pattern: bytes, parts: int) -> None:
    assert parts_of(pattern) == parts


@pytest.mark.parametrize(
    "pattern",
    [
        b"Event: (Hangup|Newchannel).*Channel: Local/phone",
        b"^(PJSIP|SIP|IAX2|Local)/[0-9a-zA-Z_.-]+-[0-9a-f]{8}$",
        b"Event: (Newchannel|Hangup|Newstate|DialBegin|DialEnd|BridgeEnter|BridgeLeave|AgentCalled)\\s",
        b"CallerIDNum: [0-9]{10}\\s",
        b"[0-9]{1,3}\\.[0-9]{1,3}\\.",
    ],
)
def test_usual_patterns_are_far_from_the_bound(pattern: bytes) -> None:
    assert parts_of(pattern) <= MAX_PARTS


@given(st.binary(max_size=60))
def test_any_bytes_are_counted(pattern: bytes) -> None:
    """Garbage too, whatever RE2 says of it later."""
    assert parts_of(pattern) >= 0

"""Close codes: how a connection ended, for programs (RFC 6455 §7.4, and amp's own from 4000 on)."""

from __future__ import annotations

from typing import Final

__all__ = [
    "GOING_AWAY",
    "INTERNAL",
    "NORMAL",
    "POLICY",
    "SERVER_LOST",
    "TOO_BIG",
    "TOO_SLOW",
    "TRY_LATER",
    "UNSUPPORTED",
    "code_for",
]

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
UNSUPPORTED: Final = 1003
POLICY: Final = 1008
TOO_BIG: Final = 1009
INTERNAL: Final = 1011
TRY_LATER: Final = 1013
TOO_SLOW: Final = 4000
SERVER_LOST: Final = 4001

BEGINNINGS: Final = (
    ("proxy shutting down", GOING_AWAY),
    ("logged off", GOING_AWAY),
    ("server ", SERVER_LOST),
    ("login", POLICY),
    ("authentication failed", POLICY),
    ("too many sessions", TRY_LATER),
    ("too slow", TOO_SLOW),
    ("internal error", INTERNAL),
)
"""How the reasons begin for which clients of every kind are closed."""


def code_for(reason: str) -> int:
    """The code for the reason for which amp ends a client."""
    return next((code for beginning, code in BEGINNINGS if reason.startswith(beginning)), NORMAL)

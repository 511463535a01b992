"""Certificates, amp's own and those of servers, judged by their time and names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from amp.core.doctor.finding import Finding, fail, ok, warn

__all__ = ["judge_certificate"]

DAY_S: Final = 86400.0
SOON_DAYS: Final = 14


def judge_certificate(
    subject: str, *, left_s: float, until_begin_s: float = 0.0, names: Sequence[str], own: bool
) -> Finding:
    """How long a certificate is valid, and for whom.

    Args:
        left_s: until it ends to be valid; below 0 if it has ended.
        until_begin_s: until it begins to be valid; above 0 if it has not begun.
        names: the host names and addresses that it is for.
        own: whether it is amp's; else a server's.
    """
    renew = "renew it, then reload amp (SIGHUP)" if own else "renew it on the server"
    if left_s < 0:
        return fail("certificate", subject, f"it expired {-left_s // DAY_S:.0f} days ago", renew)
    if until_begin_s > 0:
        found = f"it is valid only in {until_begin_s / 3600:.1f} hours"
        return fail("certificate", subject, found, "set this machine's clock, or make it anew")
    days = int(left_s // DAY_S)
    if days < SOON_DAYS:
        return warn("certificate", subject, f"it expires in {days} days", renew)
    if own and not names:
        found = "it names no host (subjectAltName), so clients will refuse it"
        return fail("certificate", subject, found, "make one with names: amp cert HOST ...")
    for_whom = f", for {', '.join(names)}" if names else ""
    return ok("certificate", subject, f"valid for {days} more days{for_whom}")

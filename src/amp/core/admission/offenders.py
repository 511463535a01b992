"""Addresses with failed logins: what they did, and until when they are banned."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import attrs

from amp.core.admission.limits import AdmissionLimits
from amp.core.ami.door import FAILURE_DELAY_S

__all__ = ["MOST_REMEMBERED", "Offence", "Offenders"]

MOST_REMEMBERED: Final = 10_000
"""Addresses kept, some 200 bytes each. Beyond it the one that was quiet the longest is forgotten, banned or
not: who commands so many addresses is not stopped by bans."""

MOST_DOUBLINGS: Final = 20


@attrs.frozen
class Offence:
    """What one more failed login of an address brings.

    Attributes:
        delay_s: seconds until it is answered.
        failures: of this address so far.
        banned: the address was banned just now.
    """

    delay_s: float
    failures: int
    banned: bool


@attrs.define
class _Sheet:
    failures: int = 0
    last: float = 0.0
    banned_until: float = 0.0


class Offenders:
    """Failed logins by address, in bounded memory.

    A login that works does not clean the sheet: else whoever has one account could guess at the others.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._sheets: OrderedDict[str, _Sheet] = OrderedDict()

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._sheets)

    def failed(self, key: str, now: float, limits: AdmissionLimits) -> Offence:
        """One more failed login."""
        sheet = self._sheets.setdefault(key, _Sheet())
        self._sheets.move_to_end(key)
        if len(self._sheets) > self._most:
            self._sheets.popitem(last=False)
        if now - sheet.last > limits.login_failures_within_s:
            sheet.failures = 0
        sheet.failures += 1
        sheet.last = now
        doublings = min(sheet.failures - 1, MOST_DOUBLINGS)
        delay_s = min(FAILURE_DELAY_S * 2.0**doublings, limits.login_delay_s)
        return Offence(delay_s, sheet.failures, self._ban(sheet, now, limits))

    def ban_left_s(self, key: str, now: float) -> float:
        """Seconds until the ban of an address ends; 0 if it is not banned."""
        sheet = self._sheets.get(key)
        return max(0.0, sheet.banned_until - now) if sheet is not None else 0.0

    def forgive(self) -> None:
        """Forget everything."""
        self._sheets.clear()

    def _ban(self, sheet: _Sheet, now: float, limits: AdmissionLimits) -> bool:
        if sheet.failures < limits.login_failures or limits.ban_s == 0 or now < sheet.banned_until:
            return False
        sheet.banned_until = now + limits.ban_s
        sheet.failures = 0
        return True

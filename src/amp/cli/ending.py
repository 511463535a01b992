"""How commands end that a signal ends."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

__all__ = ["end_by"]


def end_by(number: signal.Signals) -> NoReturn:
    """End as if the signal had ended the process, so that a shell's loop around it ends as well."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(128 + number)

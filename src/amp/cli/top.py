"""``amp top``: a running amp on a live screen, which is `amp.cli.top_screen` and needs Textual."""

from __future__ import annotations

import importlib.util
import sys
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from amp.cli.control import Where

__all__ = ["top"]

MISSING: Final = "amp top: it needs Textual, which is not installed: pip install 'amp[top]'\n"
NO_TERMINAL: Final = "amp top: it needs a terminal; in a pipe, amp show has the same as text or JSON\n"


def top(
    *,
    interval: Annotated[float, Parameter(validator=Number(gte=0.1, lte=3600))] = 1.0,
    where: Where | None = None,
) -> int:
    """Show a running amp on a live screen: servers with their rates, clients with what waits for them.

    Tab goes from one table to the other; s sorts by the next column, r turns the order round; / filters;
    space holds the picture; P pauses the server under the cursor, or resumes it; q ends.

    Parameters
    ----------
    interval
        Seconds from one look to the next.
    """
    if importlib.util.find_spec("textual") is None:
        sys.stderr.write(MISSING)
        return 1
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        sys.stderr.write(NO_TERMINAL)
        return 2
    from amp.cli.top_screen import TopScreen

    screen = TopScreen(where or Where(), interval)
    screen.run()
    return screen.return_code or 0

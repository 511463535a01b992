"""All ProxyActions in one table, with the right that each one needs, looked up before anything acts."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import attrs

from amp.core.policy.classes import ALL, ASTERISK_CLASSES
from amp.core.proxy_actions import handlers as run
from amp.core.proxy_actions.handlers import Handler, Outcome, Request

__all__ = ["DENIED", "PROXY_ACTIONS", "ProxyAction", "perform"]


@attrs.frozen
class ProxyAction:
    """A row of the table.

    Attributes:
        needs: a word of the user's ``write``; ``None`` if everybody may who has signed in.
        run: what it does.
    """

    needs: str | None
    run: Handler

    def open_to(self, write: AbstractSet[str]) -> bool:
        """Whether a user with these rights may use it; ``all`` stands for Asterisk's classes only."""
        return self.needs is None or self.needs in write or (ALL in write and self.needs in ASTERISK_CLASSES)


PROXY_ACTIONS: Final[Mapping[bytes, ProxyAction]] = {
    # Addresses of other clients and amp's accounts: what class system tells in Asterisk, too.
    b"listsessions": ProxyAction("system", run.list_sessions),
    b"listservers": ProxyAction("system", run.list_servers),
    b"listiohandlers": ProxyAction(None, run.list_io_handlers),
    b"setautofilter": ProxyAction(None, run.set_autofilter),
    b"setsequence": ProxyAction(None, run.set_sequence),
    b"resume": ProxyAction(None, run.resume),
    b"setinputformat": ProxyAction(None, run.set_input_format),
    b"setoutputformat": ProxyAction(None, run.set_output_format),
    b"logoff": ProxyAction(None, run.logoff),
    b"addserver": ProxyAction("admin", run.add_server),
    b"dropserver": ProxyAction("admin", run.drop_server),
}
"""By the name in small letters."""

DENIED: Final = Outcome(response=b"Error", headers=((b"Message", b"Permission denied"),))
UNKNOWN: Final = Outcome(response=b"Error", headers=((b"Message", b"Invalid Proxy Action"),))


def perform(request: Request, write: AbstractSet[str]) -> Outcome:
    """Do what a signed-in client asks for, if it may.

    Args:
        write: the words of its user's ``write``.
    """
    row = PROXY_ACTIONS.get(request.value(b"ProxyAction").lower())
    if row is None:
        return UNKNOWN
    return row.run(request) if row.open_to(write) else DENIED

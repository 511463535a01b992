"""The last step of a publish where many clients get the same bytes: write after write, with little between.

Each write of a large batch sends the processor through hundreds of kilobytes, and afterwards all that the
interpreter needs has to come from memory again. So what can be decided before the first write is decided
then, the writes follow each other without a line of Python in between, and what came of them is looked at
behind the last one. Measured with 50 clients: see docs/performance.md, "Fan-out".
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import repeat
from typing import Final

from amp.core.fanout.batch import Span
from amp.core.fanout.members import Member, offer_each
from amp.shell.outlet import Outlet

__all__ = ["write_to_all"]

FEW: Final = 4
"""For fewer it does not pay."""


def write_to_all(members: Sequence[Member], data: bytes, span: Span) -> None:
    """Give the same events to many clients; a `Deliver` for the hub."""
    if len(members) < FEW:
        offer_each(members, data, span)
        return
    outlets: list[Outlet] = []
    descriptors: list[int] = []
    others: list[Member] = []
    for member in members:
        outlet = member.sink
        if member.live and isinstance(outlet, Outlet) and (descriptor := outlet.descriptor()) >= 0:
            outlets.append(outlet)
            descriptors.append(descriptor)
        else:
            others.append(member)
    for outlet, sent in zip(outlets, _write_each(descriptors, data), strict=True):
        outlet.written(data, span, sent)
    offer_each(others, data, span)


def _write_each(descriptors: Sequence[int], data: bytes) -> list[int | OSError]:
    """What a write to each of them took, or how it failed. Nothing else happens meanwhile."""
    writes = map(os.write, descriptors, repeat(data))
    took: list[int | OSError] = []
    while len(took) < len(descriptors):
        try:
            took.extend(writes)
        except BlockingIOError:
            took.append(0)
        except OSError as error:
            took.append(error)
    return took

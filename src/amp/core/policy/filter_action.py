"""``Action: Filter``: a client adds filters to its own session; there is no way to take one away."""

from __future__ import annotations

from typing import Final

import attrs

from amp.core.ami.frame import Frame
from amp.core.policy.event_filter import TOO_MANY, EventFilter
from amp.core.policy.filter_rule import BadFilter, parse_rule

__all__ = ["FilterOutcome", "add_filter"]

SUCCESS: Final = b"Success"
UNKNOWN_OPERATION: Final = b"Unknown operation"


@attrs.frozen
class FilterOutcome:
    """What came of it.

    Attributes:
        filter: the session's filters from now on.
        success: whether the answer is ``Response: Success`` or ``Error``.
        message: its ``Message``.
    """

    filter: EventFilter
    success: bool
    message: bytes


def add_filter(current: EventFilter, action: Frame) -> FilterOutcome:
    """Do what a Filter action asks for (recording filter-action).

    Args:
        current: the session's filters so far, the user's own among them.
        action: ``Operation: Add``, ``Filter`` and for the new syntax ``MatchCriteria``.
    """
    if (action.get(b"Operation") or b"").lower() != b"add":
        return FilterOutcome(current, False, UNKNOWN_OPERATION)
    if current.is_full:  # said before anything is compiled
        return FilterOutcome(current, False, TOO_MANY)
    rule = parse_rule(action.get(b"MatchCriteria") or None, action.get(b"Filter") or b"")
    extended = rule if isinstance(rule, BadFilter) else current.plus(rule)
    if isinstance(extended, BadFilter):
        return FilterOutcome(current, False, extended.message)
    return FilterOutcome(extended, True, SUCCESS)

"""A user's or session's event filters, and what passes them.

Without filters everything passes. With including ones only what one of them matches; what an excluding
one matches is dropped, always last (Asterisk's ``manager.conf.sample``). Answers, list items and the
FullyBooted of a login are no business of filters (FACTS of the recordings); OriginateResponse is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Final, NamedTuple, Self

import attrs

from amp.core.policy.filter_rule import BadFilter, Rule, Test, parse_setting
from amp.core.policy.pattern_cost import MAX_PARTS

__all__ = ["MAX_PARTS_TOGETHER", "MAX_RULES", "NO_FILTER", "TOO_MANY", "EventFilter"]

MAX_RULES: Final = 32
TOO_MANY: Final = b"Too many filters: at most %d" % MAX_RULES
MAX_PARTS_TOGETHER: Final = 4 * MAX_PARTS
"""Of all patterns of one filter (`amp.core.policy.pattern_cost`), as an event meets every one of
them: 0.4 ms at worst for one of 690 bytes."""

MAX_PLANS: Final = 1024
"""Event names whose plan is kept; there are about 200, and a module may invent more."""
MAX_NAME_BYTES: Final = 256
"""Longer names are judged anew each time: the server chooses them, and kept plans are kept for good."""

EVENT: Final = b"Event: "


class Plan(NamedTuple):
    """What is left to decide for events of one name."""

    kept: bool
    """Passes unless an exclude matches."""
    dropped: bool
    includes: tuple[Test, ...]
    excludes: tuple[Test, ...]


@attrs.frozen
class EventFilter:
    """A set of rules; equal sets are equal keys whatever their order, so that clients share views."""

    includes: frozenset[Rule] = frozenset()
    excludes: frozenset[Rule] = frozenset()
    _plans: dict[bytes, Plan] = attrs.field(factory=dict, init=False, eq=False, repr=False)

    @classmethod
    def from_settings(cls, lines: Iterable[str]) -> tuple[Self, tuple[str, ...]]:
        """The filters of a configuration.

        Returns:
            The filter of all good lines, and a sentence for each bad one.
        """
        made = cls()
        problems = []
        for line in lines:
            rule = parse_setting(line)
            outcome = rule if isinstance(rule, BadFilter) else made.plus(rule)
            if isinstance(outcome, BadFilter):
                problems.append(outcome.detail)
            else:
                made = outcome
        return made, tuple(problems)

    def plus(self, rule: Rule) -> Self | BadFilter:
        """The same filters and one more; one that is there already changes nothing."""
        includes, excludes = self.includes, self.excludes
        if rule.exclude:
            excludes |= {rule}
        else:
            includes |= {rule}
        if len(includes) + len(excludes) > MAX_RULES:
            return BadFilter(TOO_MANY, TOO_MANY.decode())
        parts = sum(rule.parts for rule in includes | excludes)
        if parts > MAX_PARTS_TOGETHER:
            text = f"Filters are too costly together: {parts} parts in patterns, at most {MAX_PARTS_TOGETHER}"
            return BadFilter(text.encode(), text)
        return type(self)(includes, excludes)

    @property
    def is_full(self) -> bool:
        """Whether no further rule is taken."""
        return len(self.includes) + len(self.excludes) >= MAX_RULES

    def rebased(self, old: EventFilter, new: EventFilter) -> Self:
        """The same filters with ``new`` in the place of ``old``: what a session added stays."""
        includes = (self.includes - old.includes) | new.includes
        return type(self)(includes, (self.excludes - old.excludes) | new.excludes)

    def __bool__(self) -> bool:
        """Whether there is any filter."""
        return bool(self.includes or self.excludes)

    def passes(self, event: bytes) -> bool:
        """Whether a broadcast event gets through.

        Args:
            event: one raw frame as Asterisk sent it: before ``Server:`` is added, without the closing
                blank line.
        """
        end = event.find(b"\r\n")
        name = event[7 : end if end > 0 else None] if event.startswith(EVENT) else b""
        plan = self._plans.get(name) or self._plan(name)
        if plan.dropped:
            return False
        if plan.kept and not plan.excludes:
            return True
        # Asterisk matches the text it will write, its end included: "$" is behind the blank line.
        text = event + b"\r\n\r\n"
        return (plan.kept or _any(plan.includes, text)) and not _any(plan.excludes, text)

    def verdicts(self, frames: Iterable[bytes], lead: bytes = b"") -> list[bool]:
        """Whether each frame gets through.

        A frame that is no event is the rest of an event whose value held line ends (recording
        event-odd-values) and goes where the frame before it went.

        Args:
            frames: in the order they came.
            lead: the last event before them, which broken pieces at their beginning belong to; empty if
                there was none, then they pass.
        """
        verdicts = []
        passing: bool | None = None
        for frame in frames:
            if frame.startswith(EVENT):
                passing = self.passes(frame)
            elif passing is None:
                passing = not lead or self.passes(lead)
            verdicts.append(passing)
        return verdicts

    def select(self, frames: Sequence[bytes], lead: bytes = b"") -> list[bytes]:
        """The frames that get through, in order; see `verdicts`."""
        return list(compress(frames, self.verdicts(frames, lead)))

    def _plan(self, name: bytes) -> Plan:
        includes = [rule for rule in self.includes if rule.applies_to(name)]
        excludes = [rule for rule in self.excludes if rule.applies_to(name)]
        kept = not self.includes or any(rule.is_certain for rule in includes)
        dropped = any(rule.is_certain for rule in excludes) or (not kept and not includes)
        tests = tuple(rule.matches for rule in includes), tuple(rule.matches for rule in excludes)
        plan = Plan(kept, dropped, *tests)
        if len(self._plans) < MAX_PLANS and len(name) <= MAX_NAME_BYTES:
            self._plans[name] = plan
        return plan


def _any(tests: tuple[Test, ...], text: bytes) -> bool:
    for matches in tests:  # noqa: SIM110 - a generator costs more than the comparison
        if matches(text):
            return True
    return False


NO_FILTER: Final = EventFilter()

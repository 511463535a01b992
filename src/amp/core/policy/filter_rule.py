"""One event filter in Asterisk's syntax, old or new.

Old: ``eventfilter = !Channel: Local/``: a pattern searched in the whole event, with ``!`` it excludes.
New (Asterisk 22): ``eventfilter(name(Newstate),header(ChannelStateDesc),method(exact)) = Up``.
Sources: Asterisk's documentation "AMI Event Filtering" and ``manager.conf.sample``; recordings
filter-action, filter-user, filter-user-new.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from amp.core.policy.pattern_cost import MAX_PARTS, parts_of
from amp.core.policy.patterns import MAX_PATTERN_BYTES, searcher

__all__ = ["BadFilter", "Method", "Rule", "Test", "parse_rule", "parse_setting"]

MISFORMATTED: Final = b"Filter was formatted incorrectly.  Check the syntax of the filter given."
UNCOMPILED: Final = b"Filter did not compile.  Check the syntax of the filter given."
BLANKS: Final = bytes(range(1, 33))
"""What Asterisk's ``ast_skip_blanks`` skips."""

Test = Callable[[bytes], bool]


class Method(enum.Enum):
    """How a rule's text is compared with the event, or with the value of its header."""

    REGEX = b"regex"
    EXACT = b"exact"
    STARTS_WITH = b"starts_with"
    ENDS_WITH = b"ends_with"
    CONTAINS = b"contains"
    NONE = b"none"


@attrs.frozen
class BadFilter:
    """Why a filter cannot be used.

    Attributes:
        message: Asterisk's words for a client, or amp's own for a limit.
        detail: what exactly is wrong, for who wrote the configuration.
    """

    message: bytes
    detail: str


@attrs.frozen(kw_only=True)
class Rule:
    """One filter; equal texts are equal rules.

    Attributes:
        exclude: drops what it matches instead of keeping it.
        event: the exact event name it looks at, or ``None`` for all.
        header: the header it looks at, with its colon; ``None`` is the whole event.
        method: how ``text`` is compared.
        text: pattern or plain text, undecoded.
        parts: how costly its pattern may become, see `amp.core.policy.pattern_cost`; 0 for plain text.
        matches: the comparison itself, with an event and its closing blank line, as Asterisk holds it.
    """

    exclude: bool
    event: bytes | None = None
    header: bytes | None = None
    method: Method = Method.REGEX
    text: bytes = b""
    parts: int = 0
    matches: Test = attrs.field(eq=False, repr=False)

    def applies_to(self, event: bytes) -> bool:
        """Whether it looks at events of this name at all; names are compared with case."""
        return self.event is None or self.event == event

    @property
    def is_certain(self) -> bool:
        """Whether an event's name alone decides."""
        return self.header is None and self.method is Method.NONE


def parse_setting(line: str) -> Rule | BadFilter:
    """Read a filter as it stands in ``manager.conf``, or only its right side.

    Args:
        line: ``eventfilter(name(Hangup)) =``, ``eventfilter = Event: Hangup`` or ``Event: Hangup``.
    """
    text = line.strip()
    key, equals, value = text.partition("=")
    if equals and key.startswith("eventfilter"):
        criteria = key.removeprefix("eventfilter").strip()
        pattern = value.removeprefix(">").strip().encode()
        if not criteria:
            return parse_rule(None, pattern)
        if not (criteria.startswith("(") and criteria.endswith(")")):
            return BadFilter(MISFORMATTED, f"expected eventfilter(...) = ..., got {line[:40]!r}")
        return parse_rule(criteria[1:-1].encode(), pattern)
    return parse_rule(None, text.encode())


def parse_rule(criteria: bytes | None, pattern: bytes) -> Rule | BadFilter:
    """Read one filter.

    Args:
        criteria: ``name(X),header(Y),method(Z),action(W)`` in any order, or ``None`` for the old style.
        pattern: what is looked for; a leading ``!`` excludes.
    """
    if len(pattern) > MAX_PATTERN_BYTES:
        long = f"Filter is too long: {len(pattern)} bytes, at most {MAX_PATTERN_BYTES}"
        return BadFilter(long.encode(), long)
    exclude = pattern.startswith(b"!")
    text = pattern[1:] if exclude else pattern
    if criteria is None:
        if not text:
            return BadFilter(MISFORMATTED, "expected a pattern, got nothing")
        return _compiled(exclude=exclude, event=None, header=None, method=Method.REGEX, text=text)
    given = _criteria(criteria)
    if isinstance(given, BadFilter):
        return given
    return _new_style(given, exclude, text)


def _new_style(given: Mapping[bytes, bytes], exclude: bool, text: bytes) -> Rule | BadFilter:
    method = _METHODS.get(given.get(b"method", b"none"))
    problem = None
    if method is None:
        problem = "expected method(regex|exact|starts_with|ends_with|contains|none)"
    elif given.get(b"action", b"include") not in (b"include", b"exclude"):
        problem = "expected action(include) or action(exclude)"
    elif bool(text) is (method is Method.NONE):
        problem = "expected a text to look for and a method, or neither (the default method is none)"
    elif method is Method.NONE and not {b"name", b"header"} & given.keys():
        problem = "expected name(...), header(...) or a text to look for"
    if problem is not None or method is None:
        return BadFilter(MISFORMATTED, str(problem))
    if b"action" in given:
        exclude = given[b"action"] == b"exclude"
    header = given.get(b"header")
    colon = None if header is None else header.removesuffix(b":") + b":"
    return _compiled(exclude=exclude, event=given.get(b"name"), header=colon, method=method, text=text)


_METHODS: Final = {method.value: method for method in Method}
_CRITERIA: Final = frozenset((b"action", b"name", b"header", b"method"))


def _criteria(criteria: bytes) -> dict[bytes, bytes] | BadFilter:
    given: dict[bytes, bytes] = {}
    for piece in criteria.split(b","):
        key, bracket, rest = piece.strip().partition(b"(")
        value = rest.removesuffix(b")").strip()
        if key not in _CRITERIA or not bracket or not rest.endswith(b")") or not value or b"(" in value:
            return BadFilter(
                MISFORMATTED, f"expected action(), name(), header() or method(), got {piece[:40]!r}"
            )
        if key in given:
            return BadFilter(MISFORMATTED, f"expected each criterion once, got {key.decode()} twice")
        given[key] = value
    return given


def _compiled(
    *, exclude: bool, event: bytes | None, header: bytes | None, method: Method, text: bytes
) -> Rule | BadFilter:
    parts = parts_of(text) if method is Method.REGEX else 0
    if parts > MAX_PARTS:
        costly = f"Filter is too costly: {parts} parts in its pattern, at most {MAX_PARTS}"
        return BadFilter(costly.encode(), costly)
    test = _test(method, text)
    if test is None:
        return BadFilter(UNCOMPILED, f"expected an extended POSIX pattern, got {text[:40]!r}")
    matches = test if header is None else _in_header(header, test)
    return Rule(
        exclude=exclude, event=event, header=header, method=method, text=text, parts=parts, matches=matches
    )


def _test(method: Method, text: bytes) -> Test | None:
    plain: dict[Method, Test] = {
        Method.EXACT: lambda data: data == text,
        Method.STARTS_WITH: lambda data: data.startswith(text),
        Method.ENDS_WITH: lambda data: data.endswith(text),
        Method.CONTAINS: lambda data: text in data,
        Method.NONE: lambda data: True,
    }
    return searcher(text) if method is Method.REGEX else plain[method]


def _in_header(header: bytes, test: Test) -> Test:
    # As Asterisk: names with case, the first line included, empty values never match.
    line = b"\n" + header

    def matches(text: bytes) -> bool:
        start = len(header) if text.startswith(header) else _behind(text, line, 0)
        while start:
            value = text[start : text.find(b"\n", start)].rstrip(b"\r").lstrip(BLANKS)
            if value and test(value):
                return True
            start = _behind(text, line, start)
        return False

    return matches


def _behind(text: bytes, line: bytes, start: int) -> int:
    found = text.find(line, start)
    return 0 if found < 0 else found + len(line)

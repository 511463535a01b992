"""One thing that ``amp doctor`` looked at: how it is, and what to do."""

from __future__ import annotations

import enum

import attrs

__all__ = ["Finding", "State", "fail", "ok", "warn"]


class State(enum.StrEnum):
    """How it is; only `FAIL` makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    """It works, not as well as it could or not for long."""
    FAIL = "fail"
    """Something that is configured does not work."""


@attrs.frozen
class Finding:
    """A row of the table.

    Attributes:
        check: what was looked at: ``reach``, ``login``, ``rights``, ``key``, ``clock``, ...
        subject: whose, as it is configured: ``server pbx1``, ``listen 127.0.0.1:5038``.
        state: how it is.
        found: what was seen, for people; no secret.
        advice: what to do; ``""`` if nothing is to be done.
    """

    check: str
    subject: str
    state: State
    found: str
    advice: str = ""


def ok(check: str, subject: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(check, subject, State.OK, found)


def warn(check: str, subject: str, found: str, advice: str) -> Finding:
    """It works, and is doubtful."""
    return Finding(check, subject, State.WARN, found, advice)


def fail(check: str, subject: str, found: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(check, subject, State.FAIL, found, advice)

"""All findings together: a table for people, rows for programs, an exit code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from amp.core.doctor.finding import Finding, State

__all__ = ["exit_code", "rows", "table"]

ORDER: Final = tuple(State)


def exit_code(findings: Sequence[Finding]) -> int:
    """1 if something fails, else 0: warnings are for people."""
    return int(any(finding.state is State.FAIL for finding in findings))


def rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """One flat object for each finding, every key always there."""
    return [
        {
            "state": finding.state.value,
            "check": finding.check,
            "subject": finding.subject,
            "found": _plain(finding.found),
            "advice": finding.advice,
        }
        for finding in findings
    ]


def table(findings: Sequence[Finding]) -> Iterator[str]:
    """Lines: columns as wide as needed, the advice below its row, and the sum at the end."""
    checks = max((len(finding.check) for finding in findings), default=0)
    subjects = max((len(finding.subject) for finding in findings), default=0)
    for finding in findings:
        head = f"{finding.state:<4}  {finding.check:<{checks}}  {finding.subject:<{subjects}}  "
        yield f"{head}{_plain(finding.found)}"
        if finding.advice:
            yield f"{'':{len(head)}}-> {finding.advice}"
    counts = {state: sum(finding.state is state for finding in findings) for state in ORDER}
    yield ", ".join(f"{count} {state}" for state, count in counts.items())


def _plain(text: str) -> str:
    """Without signs that would move a terminal's cursor: some of it is what servers said."""
    return "".join(char if char.isprintable() else "?" for char in text)

"""What one session with an Asterisk showed, judged: rights, further logins, the clock.

Asterisk tells nobody which classes a user may read. So ``read`` is known from ``manager show user`` if the
user has the class ``command``; else only ``system`` can be told, from the FullyBooted that follows a login.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

from amp.core.ami.frame import Frame
from amp.core.doctor.clock import Skew, judge_clock
from amp.core.doctor.finding import Finding, ok, warn

__all__ = ["Account", "Needs", "Visit", "judge_visit", "read_account", "usable_actions"]

PROOFS: Final = {
    "system": frozenset(("modulecheck", "dbput")),
    "call": frozenset(("redirect", "setvar")),
    "originate": frozenset(("originate",)),
    "command": frozenset(("command",)),
    "config": frozenset(("updateconfig",)),
    "user": frozenset(("userevent",)),
    "reporting": frozenset(("corestatus",)),
}
"""Class: actions of Asterisk's own core, in small letters, which ListCommands shows to who may write it.

Source: recording list-commands. Classes whose actions come with modules are left out: nothing follows from
an action that is missing there.
"""

LISTED: Final = re.compile(rb"\(Priv: [^()]*\)\s*$")
"""How the description of an action ends in an answer to ListCommands."""

MANAGER_CONF: Final = "in its manager.conf"


@attrs.frozen
class Account:
    """What ``manager show user`` told: classes in Asterisk's words, ``all`` left out."""

    read: frozenset[str]
    write: frozenset[str]
    several: bool
    """``allowmultiplelogin``."""


@attrs.frozen(kw_only=True)
class Needs:
    """What the configuration wants of amp's user at one Asterisk.

    Attributes:
        read: classes that some user of amp may see and the server's ``events`` let through.
        write: classes that some user of amp may use.
        several: whether amp signs in more than once (``sessions = "split"``).
    """

    read: frozenset[str]
    write: frozenset[str]
    several: bool


@attrs.frozen(kw_only=True)
class Visit:
    """What one session showed.

    Attributes:
        username: of amp's user there.
        booted: whether FullyBooted followed the login.
        actions: the names that ListCommands showed, in small letters; ``None`` if it was not answered.
        account: ``None`` if it could not be asked for.
        skew: how far the server's clock is from ours; ``None`` if it did not tell.
    """

    username: str
    booted: bool = False
    actions: frozenset[str] | None = None
    account: Account | None = None
    skew: Skew | None = None


def usable_actions(answer: Frame) -> frozenset[str]:
    """The actions in an answer to ListCommands, in small letters."""
    return frozenset(
        name.decode("ascii", "replace").lower() for name, text in answer.headers if LISTED.search(text)
    )


def read_account(answer: bytes) -> Account | None:
    """Read an answer to the command ``manager show user NAME``, whichever form it has.

    Args:
        answer: the raw frame.

    Returns:
        ``None`` if it says something else: the command is not allowed, or is another one there.
    """
    found: dict[str, str] = {}
    for line in answer.decode("utf-8", "replace").splitlines():
        name, colon, value = line.strip().removeprefix("Output:").partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip().lower())
    if "read perm" not in found or "write perm" not in found:
        return None
    return Account(
        _classes(found["read perm"]),
        _classes(found["write perm"]),
        found.get("allowmultiplelogin", "yes") != "no",
    )


def judge_visit(subject: str, visit: Visit, needs: Needs) -> Iterator[Finding]:
    """Findings of a session that was let in."""
    yield _judge_reads(subject, visit, needs)
    yield _judge_writes(subject, visit, needs)
    if visit.account is not None and not visit.account.several and needs.several:
        yield warn(
            "logins",
            subject,
            f"user {visit.username} may sign in only once, so slow actions will hold events back",
            f'set allowmultiplelogin = yes {MANAGER_CONF}, or sessions = "single" here',
        )
    if visit.skew is not None:
        yield judge_clock(subject, visit.skew)


def _judge_reads(subject: str, visit: Visit, needs: Needs) -> Finding:
    if visit.account is not None:
        missing = needs.read - visit.account.read
        if not missing:
            return ok("reads", subject, f"user {visit.username} reads all that amp's users may see")
        found = f"user {visit.username} does not read {_listed(missing)}: those events come to nobody"
        return warn(
            "reads", subject, found, f"add {_listed(missing)} to read of [{visit.username}] {MANAGER_CONF}"
        )
    if "system" in needs.read and not visit.booted:
        found = (
            f"no FullyBooted came: user {visit.username} does not read system, or Asterisk is still starting"
        )
        return warn("reads", subject, found, f"add system to read of [{visit.username}] {MANAGER_CONF}")
    seen = "system is read; others" if visit.booted else "nothing: they"
    return ok("reads", subject, f"{seen} cannot be seen without the right command")


def _judge_writes(subject: str, visit: Visit, needs: Needs) -> Finding:
    if visit.account is not None:
        missing = needs.write - visit.account.write
    elif visit.actions is not None:
        missing = frozenset(
            name for name in needs.write if name in PROOFS and not PROOFS[name] & visit.actions
        )
    else:
        return ok("writes", subject, "not known: ListCommands was not answered")
    if not missing:
        return ok("writes", subject, f"user {visit.username} may do what amp's users may")
    found = (
        f"user {visit.username} does not write {_listed(missing)}: such actions of amp's users are refused"
    )
    return warn(
        "writes", subject, found, f"add {_listed(missing)} to write of [{visit.username}] {MANAGER_CONF}"
    )


def _classes(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",")) - {"all", "<none>", ""}


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
